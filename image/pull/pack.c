/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/base/file.h"
#include "image/pull/hash.h"

#define OUT_BYTES    65536
#define PART_BYTES   ((size_t)1 << 30) /* zlib counts in 32 bits */
#define GZIP         (MAX_WBITS + 16)  /* zlib's way to say so */
#define MEMORY_LEVEL 8                 /* zlib's default */
#define MAGIC_AT     257               /* of a tar: "ustar" */

struct hx_pack {
    int fd;
    enum hx_media media;
    struct hx_hash in, out;
    z_stream gzip;
    uint64_t bytes; /* written */
    unsigned char packed[OUT_BYTES];
};

enum hx_media hx_pack_media(const void *head, size_t len)
{
    static const unsigned char gzip[] = { 0x1f, 0x8b, 8 };
    static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
    static const unsigned char zero[HX_PACK_HEAD];
    const unsigned char *p = head;

    if (len >= sizeof(gzip) && memcmp(p, gzip, sizeof(gzip)) == 0)
        return HX_MEDIA_LAYER_GZIP;
    if (len >= sizeof(zstd) && memcmp(p, zstd, sizeof(zstd)) == 0)
        return HX_MEDIA_LAYER_ZSTD;
    /* One may begin with a frame that is to be skipped. */
    if (len >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d &&
        p[3] == 0x18)
        return HX_MEDIA_LAYER_ZSTD;
    if (len >= HX_PACK_HEAD && (memcmp(p + MAGIC_AT, "ustar", 5) == 0 ||
                                memcmp(p, zero, sizeof(zero)) == 0))
        return HX_MEDIA_LAYER_TAR;
    return HX_MEDIA_UNKNOWN;
}

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "compressing a layer");
}

static int is_compressing(const struct hx_pack *pack)
{
    return pack->media == HX_MEDIA_LAYER_TAR;
}

int hx_pack_new(int fd, enum hx_media media, struct hx_pack **pack_r,
                struct hx_err *err)
{
    struct hx_pack *pack = calloc(1, sizeof(*pack));

    if (!pack)
        return no_memory(err);
    pack->fd = fd;
    pack->media = media;
    if (hx_hash_start(&pack->out) < 0 ||
        (is_compressing(pack) &&
         (hx_hash_start(&pack->in) < 0 ||
          deflateInit2(&pack->gzip, Z_BEST_SPEED, Z_DEFLATED, GZIP,
                       MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK))) {
        hx_pack_free(pack);
        return no_memory(err);
    }
    *pack_r = pack;
    return 0;
}

static int put(struct hx_pack *pack, const void *data, size_t len,
               struct hx_err *err)
{
    if (hx_hash_add(&pack->out, data, len) < 0)
        return no_memory(err);
    if (hx_write_all(pack->fd, data, len) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing a layer");
    pack->bytes += len;
    return 0;
}

/* All of the input; with Z_FINISH the end of the stream, too. */
static int compress_part(struct hx_pack *pack, const void *data, size_t len,
                         int flush, struct hx_err *err)
{
    z_stream *gzip = &pack->gzip;
    int rc = 0;

    gzip->next_in = (unsigned char *)data;
    gzip->avail_in = (uInt)len;
    do {
        gzip->next_out = pack->packed;
        gzip->avail_out = sizeof(pack->packed);
        deflate(gzip, flush);
        rc = put(pack, pack->packed, sizeof(pack->packed) - gzip->avail_out,
                 err);
    } while (rc == 0 && gzip->avail_out == 0);
    return rc;
}

int hx_pack_add(struct hx_pack *pack, const void *data, size_t len,
                struct hx_err *err)
{
    const char *at = data;
    int rc = 0;

    if (!is_compressing(pack))
        return put(pack, data, len, err);
    if (hx_hash_add(&pack->in, data, len) < 0)
        return no_memory(err);
    while (rc == 0 && len) {
        size_t part = len < PART_BYTES ? len : PART_BYTES;

        rc = compress_part(pack, at, part, Z_NO_FLUSH, err);
        at += part;
        len -= part;
    }
    return rc;
}

int hx_pack_finish(struct hx_pack *pack, struct hx_packed *packed_r,
                   struct hx_err *err)
{
    struct hx_packed packed = { .blob.media = pack->media };
    int rc = 0;

    if (is_compressing(pack)) {
        packed.blob.media = HX_MEDIA_LAYER_GZIP;
        rc = compress_part(pack, NULL, 0, Z_FINISH, err);
        if (rc == 0 && hx_hash_digest(&pack->in, packed.diff_id) < 0)
            rc = no_memory(err);
    }
    if (rc == 0 && hx_hash_digest(&pack->out, packed.blob.digest) < 0)
        rc = no_memory(err);
    packed.blob.size_bytes = pack->bytes;
    if (rc == 0)
        *packed_r = packed;
    return rc;
}

void hx_pack_free(struct hx_pack *pack)
{
    if (!pack)
        return;
    /* Of one that was not begun, it does nothing. */
    deflateEnd(&pack->gzip);
    hx_hash_release(&pack->in);
    hx_hash_release(&pack->out);
    free(pack);
}
