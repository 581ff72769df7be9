/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsquashfs's compressors, but for one thing: what would grow is stored as
 * it is.  Its lz4 hands out more bytes than it got (1.2.0), and unsquashfs
 * refuses such a block where it knows the size.
 */
#include <stdlib.h>

#include "image/mkroot/squash_private.h"

struct compressor {
    sqfs_compressor_t base;
    sqfs_compressor_t *inner;
};

static sqfs_compressor_t *wrap(sqfs_compressor_t *inner);

static void destroy(sqfs_object_t *base)
{
    sqfs_destroy(((struct compressor *)base)->inner);
    free(base);
}

static sqfs_object_t *copy(const sqfs_object_t *base)
{
    sqfs_compressor_t *inner =
        sqfs_copy(((const struct compressor *)base)->inner);

    return inner ? (sqfs_object_t *)wrap(inner) : NULL;
}

static int write_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
    sqfs_compressor_t *inner = ((struct compressor *)base)->inner;

    return inner->write_options(inner, file);
}

/* 0 says to store the block as it is. */
static sqfs_s32 do_block(sqfs_compressor_t *base, const sqfs_u8 *in,
                         sqfs_u32 size, sqfs_u8 *out, sqfs_u32 out_size)
{
    sqfs_compressor_t *inner = ((struct compressor *)base)->inner;
    sqfs_s32 n = inner->do_block(inner, in, size, out, out_size);

    return n > 0 && (sqfs_u32)n >= size ? 0 : n;
}

/* Takes over `inner`; NULL without memory. */
static sqfs_compressor_t *wrap(sqfs_compressor_t *inner)
{
    struct compressor *compressor = calloc(1, sizeof(*compressor));

    if (!compressor) {
        sqfs_destroy(inner);
        return NULL;
    }
    compressor->base.base.destroy = destroy;
    compressor->base.base.copy = copy;
    compressor->base.write_options = write_options;
    compressor->base.do_block = do_block;
    compressor->inner = inner;
    return &compressor->base;
}

int hx_compressor_new(const sqfs_compressor_config_t *config,
                      sqfs_compressor_t **compressor_r)
{
    sqfs_compressor_t *inner, *outer;
    int code = sqfs_compressor_create(config, &inner);

    if (code)
        return code;
    outer = wrap(inner);
    if (!outer)
        return SQFS_ERROR_ALLOC;
    *compressor_r = outer;
    return 0;
}
