/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file in memory that is only appended to, for what libsquashfs writes
 * before its place in the disk is free.  (What it keeps itself it keeps in
 * blocks as large as before compression.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/mkroot/squash_private.h"

#define PIECE_BYTES ((size_t)256 << 10)

static int add_piece(struct hx_spool *spool)
{
    size_t count = (size_t)(spool->size / PIECE_BYTES);
    unsigned char **pieces =
        realloc(spool->pieces, (count + 1) * sizeof(unsigned char *));

    if (!pieces)
        return -1;
    spool->pieces = pieces;
    pieces[count] = malloc(PIECE_BYTES);
    return pieces[count] ? 0 : -1;
}

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *data,
                    size_t len)
{
    struct hx_spool *spool = (struct hx_spool *)base;

    if (offset != spool->size)
        return SQFS_ERROR_IO;
    while (len > 0) {
        size_t at = (size_t)(spool->size % PIECE_BYTES);
        size_t n = PIECE_BYTES - at < len ? PIECE_BYTES - at : len;
        unsigned char *piece;

        if (at == 0 && add_piece(spool) < 0)
            return SQFS_ERROR_ALLOC;
        piece = spool->pieces[spool->size / PIECE_BYTES] + at;
        memcpy(piece, data, n);
        data = (const unsigned char *)data + n;
        spool->size += n;
        len -= n;
    }
    return 0;
}

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *data, size_t len)
{
    (void)base;
    (void)offset;
    (void)data;
    (void)len;
    return SQFS_ERROR_UNSUPPORTED;
}

static sqfs_u64 get_size(const sqfs_file_t *base)
{
    return ((const struct hx_spool *)base)->size;
}

static int truncate_to(sqfs_file_t *base, sqfs_u64 size)
{
    (void)base;
    (void)size;
    return SQFS_ERROR_UNSUPPORTED;
}

/* Embedded in its owner and never freed by libsquashfs. */
static void destroy(sqfs_object_t *base)
{
    (void)base;
}

void hx_spool_init(struct hx_spool *spool)
{
    *spool = (struct hx_spool){
        .base = {
            .base = { .destroy = destroy },
            .read_at = read_at,
            .write_at = write_at,
            .get_size = get_size,
            .truncate = truncate_to,
        },
    };
}

int hx_spool_copy(const struct hx_spool *spool, sqfs_file_t *to)
{
    uint64_t at = 0;
    int code = 0;

    while (!code && at < spool->size) {
        size_t n = spool->size - at < PIECE_BYTES ? (size_t)(spool->size - at)
                                                  : PIECE_BYTES;

        code = to->write_at(to, to->get_size(to),
                            spool->pieces[at / PIECE_BYTES], n);
        at += n;
    }
    return code;
}

void hx_spool_release(struct hx_spool *spool)
{
    for (uint64_t at = 0; at < spool->size; at += PIECE_BYTES)
        free(spool->pieces[at / PIECE_BYTES]);
    free(spool->pieces);
}
