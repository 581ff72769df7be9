/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers into a root disk, by `mkroot`.
 *
 * Where the source can, layers are converted while they are downloaded: mkroot
 * reads the temporary files of their blobs as they grow.  There is a result
 * only when mkroot found the diff_ids right and the downloads the blobs'
 * digests.  What can go wrong between the two (a blob that another pull has
 * finished first, a transfer that began anew with other bytes) costs a second
 * conversion, of whole blobs.
 */
#ifndef HX_PULL_CONVERT_H
#define HX_PULL_CONVERT_H

#include <stdint.h>

#include "image/pull/found.h"

/* The layers of what was found; all but the last two members are the caller's
 * to fill. */
struct hx_layers {
    struct hx_supply *supply;
    const struct hx_found *found;
    const char *object; /* names the image in progress */
    int are_whole;      /* fds are open, and the blobs all there */
    int *fds;
};

struct hx_converted {
    uint64_t bytes;
    char sha256[HX_DIGEST_HEX + 1];
};

/* Has all layers in the store, or wherever the source puts them, and open. */
int hx_layers_get(struct hx_layers *layers, struct hx_err *err);
void hx_layers_release(struct hx_layers *layers);

/* Converts into `output`, which is emptied first; gets the layers, unless
 * hx_layers_get has. */
int hx_convert(struct hx_layers *layers, int output,
               struct hx_converted *converted_r, struct hx_err *err);

#endif
