/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers in, root disk out: what `mkroot` does once it knows its files.
 */
#ifndef HX_MKROOT_CONVERT_H
#define HX_MKROOT_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/squash.h"
#include "image/mkroot/stream.h"

struct hx_convert {
    const struct hx_layer *layers; /* the lowest first */
    size_t layer_count;
    int output_fd; /* empty, open for reading and writing */
    struct hx_squash_options squash;

    /* Called now and then, or NULL: bytes of the blob of layers[layer] read
     * so far. */
    void (*progress)(size_t layer, uint64_t done_bytes, uint64_t total_bytes,
                     void *opaque);
    /* Called once, or NULL: the disk is written, and only its digest is still
     * missing. */
    void (*written)(void *opaque);
    void *opaque;
};

struct hx_convert_result {
    uint64_t bytes;                  /* of the disk */
    uint64_t files;                  /* inodes in it */
    char sha256[HX_DIFF_ID_HEX + 1]; /* of the whole file, hex */
};

/*
 * An error names the layer, counted from 1 at the bottom.  What was written
 * until then is the caller's to throw away.
 */
int hx_convert_run(const struct hx_convert *convert,
                   struct hx_convert_result *result_r, struct hx_err *err);

#endif
