/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the upper folder of an overlayfs to a layer, as the OCI image
 * specification has it (layer.md):
 *
 *     character device 0/0                  .wh.NAME
 *     trusted.overlay.opaque = "y"          .wh..wh..opq in the folder
 *     other attributes trusted.overlay.*    dropped
 *     trusted.overlay.redirect, .metacopy   refused: the guest mounts without
 *     sockets                               left out
 *
 * Folders come before what is in them, names in the order of their bytes.  Of
 * extended attributes those go along that a root disk has room for: user.,
 * trusted. and security., but no label of another policy (security.selinux).
 */
#ifndef HX_MKLAYER_LAYER_H
#define HX_MKLAYER_LAYER_H

#include <stdint.h>

#include "image/base/err.h"
#include "image/mklayer/disk.h"
#include "image/mklayer/output.h"

#define HX_LAYER_ENTRIES_MAX 2000000
/* Content with its holes: what mkroot takes of an image's layers. */
#define HX_LAYER_CONTENT_MAX (UINT64_C(256) << 30)

struct hx_layer_result {
    uint64_t entries; /* 0: nothing was changed, and the tar is empty */
    char diff_id[HX_DIFF_ID_TEXT];
};

/*
 * Writes the folder `path` of the disk into `fd`, an empty file, with gzip.  A
 * disk without that folder, whose container never began, gives an empty layer.
 * HX_ERR_LIMIT, HX_ERR_CORRUPT, HX_ERR_UNSUPPORTED.
 */
int hx_layer_write(struct hx_scratch *scratch, const char *path, int fd,
                   struct hx_layer_result *result_r, struct hx_err *err);

#endif
