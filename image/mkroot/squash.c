/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/mkroot/squash_private.h"

/* What a block device of any sector size can be made of. */
#define DISK_ALIGN 4096

static const char *text_of(int code)
{
    switch (code) {
    case SQFS_ERROR_ALLOC:
        return "no memory";
    case SQFS_ERROR_IO:
        return "input or output error";
    case SQFS_ERROR_COMPRESSOR:
        return "the compressor failed";
    case SQFS_ERROR_CORRUPTED:
        return "what was written reads back wrong";
    case SQFS_ERROR_UNSUPPORTED:
        return "not supported by libsquashfs";
    case SQFS_ERROR_OVERFLOW:
        return "too large for squashfs";
    default:
        return "internal error of libsquashfs";
    }
}

int hx_squash_error(struct hx_squash *squash, int code, const char *doing,
                    struct hx_err *err)
{
    if (code == SQFS_ERROR_IO && squash->file.errnum)
        return hx_err_sys(err, HX_ERR_SYSTEM, squash->file.errnum, "%s", doing);
    if (code == SQFS_ERROR_ALLOC)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", doing);
    return hx_err_set(err, HX_ERR_SYSTEM, "%s: %s", doing, text_of(code));
}

static int start(struct hx_squash *squash,
                 const struct hx_squash_options *options, struct hx_err *err)
{
    int id = sqfs_compressor_id_from_name(options->compressor);
    sqfs_compressor_config_t config;
    int code;

    if (id < 0 || sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)id,
                                              options->block_bytes, 0))
        return hx_err_set(err, HX_ERR_USAGE,
                          "there is no compressor '%s'; use lz4, zstd or gzip",
                          options->compressor);
    if (options->level)
        config.level = options->level;
    code = sqfs_super_init(&squash->super, options->block_bytes, 0,
                           (SQFS_COMPRESSOR)id);
    if (code)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%u bytes are no block size of squashfs",
                          options->block_bytes);
    code = hx_compressor_new(&config, &squash->compressor);
    if (code)
        return hx_squash_error(squash, code, "starting the compressor", err);
    code = sqfs_super_write(&squash->super, &squash->file.base);
    if (!code) {
        code = squash->compressor->write_options(squash->compressor,
                                                 &squash->file.base);
        if (code > 0)
            squash->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
    }
    if (code < 0)
        return hx_squash_error(squash, code, "writing the root disk", err);
    return hx_datas_new(squash, &config, options->threads, &squash->datas, err);
}

int hx_squash_open(int fd, const struct hx_squash_options *options,
                   struct hx_squash **squash_r, struct hx_err *err)
{
    struct hx_squash *squash = calloc(1, sizeof(*squash));
    int r;

    if (!squash)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk");
    r = hx_outfile_init(&squash->file, fd) < 0
            ? hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk")
            : start(squash, options, err);
    if (r < 0) {
        hx_squash_free(squash);
        return r;
    }
    *squash_r = squash;
    return 0;
}

int hx_squash_write(struct hx_squash *squash, const void *data, size_t len,
                    struct hx_err *err)
{
    return hx_datas_write(squash->datas, data, len, err);
}

int hx_squash_zeros(struct hx_squash *squash, uint64_t len, struct hx_err *err)
{
    return hx_datas_zeros(squash->datas, len, err);
}

int hx_squash_end(struct hx_squash *squash, uint32_t *data_r,
                  struct hx_err *err)
{
    return hx_datas_end(squash->datas, data_r, err);
}

/* The super block comes last, and the padding with it. */
static int seal(struct hx_squash *squash, struct hx_err *err)
{
    static const char zeros[DISK_ALIGN];
    uint64_t size = squash->file.size;
    int code = 0;

    squash->super.bytes_used = size;
    if (size % DISK_ALIGN)
        code = squash->file.base.write_at(&squash->file.base, size, zeros,
                                          DISK_ALIGN - size % DISK_ALIGN);
    if (!code)
        code = sqfs_super_write(&squash->super, &squash->file.base);
    /* The last blocks may have been known ones: see file_done in data.c. */
    if (!code)
        code =
            squash->file.base.truncate(&squash->file.base, squash->file.size);
    if (code)
        return hx_squash_error(squash, code, "writing the super block", err);
    return 0;
}

int hx_squash_finish(struct hx_squash *squash, struct hx_tree *tree,
                     const struct hx_xattr_table *xattrs,
                     struct hx_squash_result *result_r, struct hx_err *err)
{
    int r;

    squash->tree = tree;
    squash->xattrs = xattrs;
    r = hx_datas_finish(squash->datas, err);
    if (r == 0)
        r = hx_inodes_write(squash, err);
    if (r == 0)
        r = hx_datas_write_table(squash->datas, err);
    if (r == 0)
        r = hx_owners_write(squash, err);
    if (r == 0)
        r = hx_xattrs_write(squash, err);
    if (r == 0)
        r = seal(squash, err);
    if (r < 0)
        return r;
    result_r->bytes = squash->file.size;
    result_r->files = squash->super.inode_count;
    return 0;
}

void hx_squash_free(struct hx_squash *squash)
{
    if (!squash)
        return;
    hx_datas_free(squash->datas);
    sqfs_destroy(squash->compressor);
    hx_outfile_release(&squash->file);
    free(squash->owners);
    free(squash->owner_slots);
    free(squash->xattr_index);
    free(squash->xattr_sets);
    free(squash);
}
