/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layer's tar made a blob in one pass: hashed as it comes, compressed, and
 * hashed again as it is written.
 *
 *     struct hx_pack *pack = NULL;
 *     struct hx_packed packed;
 *     r = hx_pack_new(fd, hx_pack_media(head, len), &pack, err);
 *     r = hx_pack_add(pack, head, len, err);       as often as wanted
 *     r = hx_pack_finish(pack, &packed, err);
 *
 * The gzip bears no name and no time, so that the same tar gives the same
 * blob.  That is also why it is zlib's: ISA-L, four times as fast, has code of
 * its own for each kind of processor, with other bytes.
 */
#ifndef HX_PULL_PACK_H
#define HX_PULL_PACK_H

#include <stddef.h>

#include "image/base/err.h"
#include "image/manifest.h"

#define HX_PACK_HEAD 512 /* bytes that tell what a file is */

struct hx_packed {
    struct hx_descriptor blob;        /* of what was written */
    char diff_id[HX_DIGEST_TEXT_MAX]; /* of what came, when it was compressed
                                         here; else "" */
};

struct hx_pack;

/*
 * What a file is by its first HX_PACK_HEAD bytes, fewer when it has no more:
 * HX_MEDIA_LAYER_TAR, _GZIP, _ZSTD, or HX_MEDIA_UNKNOWN.
 */
enum hx_media hx_pack_media(const void *head, size_t len);

/*
 * `fd` is written from where it stands, and borrowed.  HX_MEDIA_LAYER_TAR is
 * compressed, all else is kept as it comes.
 */
int hx_pack_new(int fd, enum hx_media media, struct hx_pack **pack_r,
                struct hx_err *err);
int hx_pack_add(struct hx_pack *pack, const void *data, size_t len,
                struct hx_err *err);
/* The end; nothing is added then. */
int hx_pack_finish(struct hx_pack *pack, struct hx_packed *packed_r,
                   struct hx_err *err);
void hx_pack_free(struct hx_pack *pack);

static inline void hx_cleanup_pack(struct hx_pack **pack)
{
    hx_pack_free(*pack);
}
#define _cleanup_pack_ _cleanup_(hx_cleanup_pack)

#endif
