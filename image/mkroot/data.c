/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/mkroot/squash_private.h"

/* libsquashfs fills an inode for each file, some blocks after the file ended.
 * So many are let stand before all threads are waited for and what matters of
 * the inodes is copied away. */
#define PENDING            2048
#define BACKLOG_PER_THREAD 10

struct hx_datas {
    struct hx_squash *squash;
    sqfs_compressor_t *compressor;
    sqfs_block_writer_t *writer;
    sqfs_frag_table_t *fragments;
    sqfs_block_processor_t *processor;

    struct hx_arena records;
    uint32_t *refs; /* by number */
    uint32_t count;
    uint32_t size;

    sqfs_inode_generic_t *pending[PENDING]; /* of the last `pending_count` */
    uint32_t pending_count;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk");
}

int hx_datas_new(struct hx_squash *squash, const sqfs_compressor_config_t *cmp,
                 unsigned threads, struct hx_datas **datas_r,
                 struct hx_err *err)
{
    struct hx_datas *datas = calloc(1, sizeof(*datas));
    int code;

    if (!datas)
        return no_memory(err);
    datas->squash = squash;
    code = hx_compressor_new(cmp, &datas->compressor);
    if (code) {
        hx_datas_free(datas);
        return hx_squash_error(squash, code, "starting the compressor", err);
    }
    datas->writer = sqfs_block_writer_create(&squash->file.base, 4096, 0);
    datas->fragments = sqfs_frag_table_create(0);
    if (datas->writer && datas->fragments)
        datas->processor = sqfs_block_processor_create(
            cmp->block_size, datas->compressor, threads,
            (size_t)threads * BACKLOG_PER_THREAD, datas->writer,
            datas->fragments);
    if (!datas->processor) {
        hx_datas_free(datas);
        return no_memory(err);
    }
    *datas_r = datas;
    return 0;
}

void hx_datas_free(struct hx_datas *datas)
{
    if (!datas)
        return;
    sqfs_destroy(datas->processor);
    sqfs_destroy(datas->writer);
    sqfs_destroy(datas->fragments);
    sqfs_destroy(datas->compressor);
    for (uint32_t i = 0; i < datas->pending_count; i++)
        sqfs_free(datas->pending[i]);
    hx_arena_release(&datas->records);
    free(datas->refs);
    free(datas);
}

static int keep(struct hx_datas *datas, const sqfs_inode_generic_t *inode,
                uint32_t *ref_r)
{
    size_t blocks = sqfs_inode_get_file_block_count(inode);
    struct hx_data *data =
        hx_arena_alloc(&datas->records,
                       sizeof(*data) + blocks * sizeof(data->blocks[0]), ref_r);
    sqfs_u64 start = 0, size = 0;

    if (!data)
        return -1;
    sqfs_inode_get_file_block_start(inode, &start);
    sqfs_inode_get_file_size(inode, &size);
    sqfs_inode_get_frag_location(inode, &data->fragment,
                                 &data->fragment_offset);
    data->start = start;
    data->size = size;
    if (inode->base.type == SQFS_INODE_EXT_FILE)
        data->sparse = inode->data.file_ext.sparse;
    data->block_count = (uint32_t)blocks;
    memcpy(data->blocks, inode->extra, blocks * sizeof(data->blocks[0]));
    return 0;
}

static int settle(struct hx_datas *datas, struct hx_err *err)
{
    int code = sqfs_block_processor_sync(datas->processor);
    uint32_t first = datas->count - datas->pending_count;

    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    for (uint32_t i = 0; i < datas->pending_count; i++)
        if (keep(datas, datas->pending[i], &datas->refs[first + i]) < 0)
            return no_memory(err);
    for (uint32_t i = 0; i < datas->pending_count; i++)
        sqfs_free(datas->pending[i]);
    datas->pending_count = 0;
    return 0;
}

int hx_datas_begin(struct hx_datas *datas, uint32_t *data_r, struct hx_err *err)
{
    int code;

    if (datas->pending_count == PENDING) {
        int r = settle(datas, err);

        if (r < 0)
            return r;
    }
    if (datas->count == datas->size) {
        uint32_t size = datas->size ? datas->size * 2 : 1024;
        uint32_t *refs = realloc(datas->refs, size * sizeof(*refs));

        if (!refs)
            return no_memory(err);
        datas->refs = refs;
        datas->size = size;
    }
    code = sqfs_block_processor_begin_file(
        datas->processor, &datas->pending[datas->pending_count], NULL, 0);
    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    datas->pending_count++;
    *data_r = ++datas->count;
    return 0;
}

int hx_datas_write(struct hx_datas *datas, const void *data, size_t len,
                   struct hx_err *err)
{
    int code = sqfs_block_processor_append(datas->processor, data, len);

    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    return 0;
}

int hx_datas_end(struct hx_datas *datas, struct hx_err *err)
{
    int code = sqfs_block_processor_end_file(datas->processor);

    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    return 0;
}

int hx_datas_finish(struct hx_datas *datas, struct hx_err *err)
{
    int r = settle(datas, err);
    int code;

    if (r < 0)
        return r;
    code = sqfs_block_processor_finish(datas->processor);
    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    return 0;
}

const struct hx_data *hx_datas_get(const struct hx_datas *datas, uint32_t data)
{
    return hx_arena_ptr(&datas->records, datas->refs[data - 1]);
}

int hx_datas_write_table(struct hx_datas *datas, struct hx_err *err)
{
    struct hx_squash *squash = datas->squash;
    int code = sqfs_frag_table_write(datas->fragments, &squash->file.base,
                                     &squash->super, squash->compressor);

    if (code)
        return hx_squash_error(squash, code, "writing the fragment table", err);
    return 0;
}
