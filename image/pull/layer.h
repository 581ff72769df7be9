/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pod has written as a layer of the store, by `mklayer`.
 */
#ifndef HX_PULL_LAYER_H
#define HX_PULL_LAYER_H

#include "image/manifest.h"
#include "image/store.h"

struct hx_written_layer {
    struct hx_descriptor blob;
    char diff_id[HX_DIGEST_TEXT_MAX]; /* as mklayer says; mkroot checks it */
    uint64_t entries;                 /* 0: nothing was changed */
    int clean; /* the disk was unmounted when its guest ended */
};

/*
 * The upper folder of an overlayfs on the ext4 behind `disk_fd`; the blob is in
 * the store then.  The caller has joined the pulls.
 */
int hx_layer_make(const struct hx_store *store, int disk_fd, const char *folder,
                  struct hx_written_layer *layer_r, struct hx_err *err);

#endif
