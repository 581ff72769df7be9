/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File content.
 *
 * A file is cut into blocks; what is left of it, less than a block, goes with
 * that of other files into a fragment block.  Blocks are written in the order
 * of the files, each file's side by side.  Content that was written before is
 * not written again: the rest of a file is looked up before it enters a
 * fragment block; the blocks of a file are looked up when its last one was
 * written, and if they are known, the next file is written over them.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/mkroot/blocks.h"
#include "image/mkroot/squash_private.h"

/* In a block's length: it is stored as it is. */
#define UNCOMPRESSED (UINT32_C(1) << 24)

/* A place in a fragment block, as the table of known ones keeps it. */
#define FRAGMENT_OFFSET_BITS 20

enum block_kind {
    BLOCK_OF_FILE,
    BLOCK_OF_FRAGMENTS, /* `note` is its index */
    BLOCK_FILE_ENDS,    /* no data; `note` is the file's record */
};

/* The blocks of the file that is being written out. */
struct run {
    uint64_t start;
    uint64_t sparse;
    struct hx_hasher *hasher; /* of their hashes */
    uint32_t *blocks;         /* their lengths, as an inode has them */
    uint32_t count;
    uint32_t size;
};

struct hx_datas {
    struct hx_squash *squash;
    size_t block_bytes;
    sqfs_compressor_t *compressor;
    struct hx_fingerprint_key key;
    struct hx_hasher *hasher;
    struct hx_blocks *blocks;
    struct hx_arena records;

    /* The file that is being read: */
    uint64_t file_bytes;
    uint32_t file_blocks; /* handed over by now */
    unsigned char *rest;  /* a block's buffer, or NULL */
    size_t rest_len;

    /* The fragment block under way is the last in the table: */
    unsigned char *fragment; /* its buffer, or NULL when there is none */
    size_t fragment_len;
    sqfs_fragment_t *fragments;
    uint32_t fragment_count;
    uint32_t fragment_size;

    struct run run;
    struct hx_dedup rests; /* values are places in fragment blocks */
    struct hx_dedup runs;  /* values are records */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk");
}

static int hash_failed(struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_SYSTEM,
                      "writing file data: the hash function failed");
}

/* -- blocks that come back ------------------------------------------------ */

static int write_out(struct hx_datas *datas, const void *data, uint32_t len,
                     struct hx_err *err)
{
    struct hx_outfile *file = &datas->squash->file;
    int code = file->base.write_at(&file->base, file->size, data, len);

    if (code)
        return hx_squash_error(datas->squash, code, "writing file data", err);
    return 0;
}

static int grow_run(struct run *run)
{
    uint32_t size = run->size ? run->size * 2 : 64;
    uint32_t *blocks = realloc(run->blocks, size * sizeof(*blocks));

    if (!blocks)
        return -1;
    run->blocks = blocks;
    run->size = size;
    return 0;
}

static int file_block_done(struct hx_datas *datas, const struct hx_block *block,
                           struct hx_err *err)
{
    struct run *run = &datas->run;
    uint32_t *len;

    if (run->count == run->size && grow_run(run) < 0)
        return no_memory(err);
    if (!run->count) {
        run->start = datas->squash->file.size;
        if (hx_hasher_begin(run->hasher) < 0)
            return hash_failed(err);
    }
    if (hx_hasher_add(run->hasher, &block->hash, sizeof(block->hash)) < 0)
        return hash_failed(err);
    len = &run->blocks[run->count++];
    *len = 0;
    if (!block->len) {
        run->sparse += block->raw_len;
        return 0;
    }
    *len = block->len | (block->compressed ? 0 : UNCOMPRESSED);
    return write_out(datas, block->data, block->len, err);
}

static int fragments_done(struct hx_datas *datas, const struct hx_block *block,
                          struct hx_err *err)
{
    sqfs_fragment_t *fragment = &datas->fragments[block->note];
    uint32_t len = block->len, flags = block->compressed ? 0 : UNCOMPRESSED;

    /* A fragment block cannot be a hole, not even one of NULs. */
    if (!len)
        len = block->raw_len;
    fragment->start_offset = htole64(datas->squash->file.size);
    fragment->size = htole32(len | flags);
    return write_out(datas, block->data, len, err);
}

/* All blocks of a file were written: are they known? */
static int file_done(struct hx_datas *datas, uint32_t ref, struct hx_err *err)
{
    struct run *run = &datas->run;
    struct hx_data *data = hx_arena_ptr(&datas->records, ref);
    struct hx_data_blocks *blocks = hx_data_blocks(data);
    struct hx_fingerprint hash;
    uint64_t known;

    if (hx_hasher_end(run->hasher, &hash) < 0)
        return hash_failed(err);
    blocks->start = run->start;
    blocks->sparse = run->sparse;
    memcpy(blocks->sizes, run->blocks, run->count * sizeof(run->blocks[0]));
    if (hx_dedup_find(&datas->runs, &hash, &known)) {
        data = hx_arena_ptr(&datas->records, (uint32_t)known);
        blocks->start = hx_data_blocks(data)->start;
        /* What comes next is written over them. */
        datas->squash->file.size = run->start;
    } else if (hx_dedup_add(&datas->runs, &hash, ref) < 0) {
        return no_memory(err);
    }
    run->count = 0;
    run->sparse = 0;
    return 0;
}

static int block_done(void *opaque, const struct hx_block *block,
                      struct hx_err *err)
{
    struct hx_datas *datas = opaque;

    switch ((enum block_kind)block->kind) {
    case BLOCK_OF_FILE:
        return file_block_done(datas, block, err);
    case BLOCK_OF_FRAGMENTS:
        return fragments_done(datas, block, err);
    case BLOCK_FILE_ENDS:
        break;
    }
    return file_done(datas, (uint32_t)block->note, err);
}

static int put(struct hx_datas *datas, const struct hx_block *block,
               struct hx_err *err)
{
    return hx_blocks_put(datas->blocks, block, block_done, datas, err);
}

static int take_buffer(struct hx_datas *datas, unsigned char **buffer_r,
                       struct hx_err *err)
{
    return hx_blocks_buffer(datas->blocks, buffer_r, block_done, datas, err);
}

/* -- the rests of files ---------------------------------------------------- */

static int put_fragments(struct hx_datas *datas, struct hx_err *err)
{
    struct hx_block block = {
        .kind = BLOCK_OF_FRAGMENTS,
        .note = datas->fragment_count - 1,
        .data = datas->fragment,
        .raw_len = (uint32_t)datas->fragment_len,
    };

    if (!datas->fragment)
        return 0;
    datas->fragment = NULL;
    datas->fragment_len = 0;
    return put(datas, &block, err);
}

/* The fragment block under way becomes one with room for `len` bytes. */
static int make_room(struct hx_datas *datas, size_t len, struct hx_err *err)
{
    int r;

    if (datas->fragment && datas->fragment_len + len <= datas->block_bytes)
        return 0;
    r = put_fragments(datas, err);
    if (r < 0)
        return r;
    if (datas->fragment_count == datas->fragment_size) {
        uint32_t size = datas->fragment_size ? datas->fragment_size * 2 : 64;
        sqfs_fragment_t *fragments =
            realloc(datas->fragments, size * sizeof(*fragments));

        if (!fragments)
            return no_memory(err);
        datas->fragments = fragments;
        datas->fragment_size = size;
    }
    datas->fragments[datas->fragment_count++] = (sqfs_fragment_t){ 0 };
    return take_buffer(datas, &datas->fragment, err);
}

static int keep_rest(struct hx_datas *datas, struct hx_data *data,
                     struct hx_err *err)
{
    struct hx_fingerprint hash;
    uint64_t place;
    int r;

    if (hx_hasher_run(datas->hasher, datas->rest, datas->rest_len, &hash) < 0)
        return hash_failed(err);
    if (!hx_dedup_find(&datas->rests, &hash, &place)) {
        r = make_room(datas, datas->rest_len, err);
        if (r < 0)
            return r;
        place = (uint64_t)(datas->fragment_count - 1) << FRAGMENT_OFFSET_BITS |
                datas->fragment_len;
        if (hx_dedup_add(&datas->rests, &hash, place) < 0)
            return no_memory(err);
        memcpy(datas->fragment + datas->fragment_len, datas->rest,
               datas->rest_len);
        datas->fragment_len += datas->rest_len;
    }
    data->fragment = (uint32_t)(place >> FRAGMENT_OFFSET_BITS);
    data->fragment_offset =
        (uint32_t)place & ((1U << FRAGMENT_OFFSET_BITS) - 1);
    return 0;
}

/* -- files ---------------------------------------------------------------- */

static int put_block(struct hx_datas *datas, struct hx_err *err)
{
    struct hx_block block = {
        .kind = BLOCK_OF_FILE,
        .data = datas->rest,
        .raw_len = (uint32_t)datas->block_bytes,
    };

    datas->rest = NULL;
    datas->rest_len = 0;
    datas->file_blocks++;
    return put(datas, &block, err);
}

/* Room for some of `len` bytes: *len is how many. */
static int room(struct hx_datas *datas, unsigned char **room_r, uint64_t *len,
                struct hx_err *err)
{
    int r = datas->rest ? 0 : take_buffer(datas, &datas->rest, err);

    if (r < 0)
        return r;
    if (*len > datas->block_bytes - datas->rest_len)
        *len = datas->block_bytes - datas->rest_len;
    *room_r = datas->rest + datas->rest_len;
    return 0;
}

static int used(struct hx_datas *datas, uint64_t len, struct hx_err *err)
{
    datas->rest_len += len;
    datas->file_bytes += len;
    return datas->rest_len == datas->block_bytes ? put_block(datas, err) : 0;
}

int hx_datas_write(struct hx_datas *datas, const void *data, size_t len,
                   struct hx_err *err)
{
    int r = 0;

    while (r == 0 && len > 0) {
        unsigned char *out;
        uint64_t n = len;

        r = room(datas, &out, &n, err);
        if (r < 0)
            return r;
        memcpy(out, data, n);
        data = (const char *)data + n;
        len -= n;
        r = used(datas, n, err);
    }
    return r;
}

/* A whole block needs no buffer. */
static int put_hole(struct hx_datas *datas, struct hx_err *err)
{
    struct hx_block hole = {
        .kind = BLOCK_OF_FILE,
        .raw_len = (uint32_t)datas->block_bytes,
    };

    datas->file_bytes += datas->block_bytes;
    datas->file_blocks++;
    return put(datas, &hole, err);
}

int hx_datas_zeros(struct hx_datas *datas, uint64_t len, struct hx_err *err)
{
    int r = 0;

    while (r == 0 && len > 0) {
        unsigned char *out;
        uint64_t n = len;

        if (!datas->rest_len && len >= datas->block_bytes) {
            len -= datas->block_bytes;
            r = put_hole(datas, err);
            continue;
        }
        r = room(datas, &out, &n, err);
        if (r < 0)
            return r;
        memset(out, 0, n);
        len -= n;
        r = used(datas, n, err);
    }
    return r;
}

int hx_datas_end(struct hx_datas *datas, uint32_t *data_r, struct hx_err *err)
{
    size_t bytes = sizeof(struct hx_data);
    struct hx_data *data;
    int r = 0;

    if (datas->file_blocks)
        bytes += sizeof(struct hx_data_blocks) +
                 datas->file_blocks * sizeof(uint32_t);
    data = hx_arena_alloc(&datas->records, bytes, data_r);
    if (!data)
        return no_memory(err);
    data->size = datas->file_bytes;
    data->block_count = datas->file_blocks;
    data->fragment = HX_NO_FRAGMENT;
    /* Before a fragment block can be: that one must not be written over. */
    if (datas->file_blocks)
        r = put(datas,
                &(struct hx_block){ .kind = BLOCK_FILE_ENDS, .note = *data_r },
                err);
    if (r == 0 && datas->rest_len)
        r = keep_rest(datas, data, err);
    datas->rest_len = 0;
    datas->file_bytes = 0;
    datas->file_blocks = 0;
    return r;
}

int hx_datas_finish(struct hx_datas *datas, struct hx_err *err)
{
    int r = put_fragments(datas, err);

    if (r == 0)
        r = hx_blocks_drain(datas->blocks, block_done, datas, err);
    if (r < 0)
        return r;
    /* No content comes any more. */
    hx_blocks_free(datas->blocks);
    datas->blocks = NULL;
    hx_dedup_release(&datas->rests);
    hx_dedup_release(&datas->runs);
    return 0;
}

const struct hx_data *hx_datas_get(const struct hx_datas *datas, uint32_t data)
{
    return hx_arena_ptr(&datas->records, data);
}

int hx_datas_write_table(struct hx_datas *datas, struct hx_err *err)
{
    struct hx_squash *squash = datas->squash;
    int code;

    if (!datas->fragment_count)
        return 0;
    code = sqfs_write_table(&squash->file.base, squash->compressor,
                            datas->fragments,
                            datas->fragment_count * sizeof(sqfs_fragment_t),
                            &squash->super.fragment_table_start);
    if (code)
        return hx_squash_error(squash, code, "writing the fragment table", err);
    squash->super.fragment_entry_count = datas->fragment_count;
    squash->super.flags &= (sqfs_u16)~SQFS_FLAG_NO_FRAGMENTS;
    squash->super.flags |= SQFS_FLAG_ALWAYS_FRAGMENTS;
    return 0;
}

/* -- the whole ------------------------------------------------------------ */

static int start(struct hx_datas *datas, const sqfs_compressor_config_t *config,
                 unsigned threads, struct hx_err *err)
{
    int code, r;

    code = hx_compressor_new(config, &datas->compressor);
    if (code)
        return hx_squash_error(datas->squash, code, "starting the compressor",
                               err);
    r = hx_fingerprint_key_init(&datas->key, err);
    if (r < 0)
        return r;
    datas->hasher = hx_hasher_new(&datas->key);
    datas->run.hasher = hx_hasher_new(&datas->key);
    if (!datas->hasher || !datas->run.hasher)
        return hash_failed(err);
    datas->blocks = hx_blocks_new(datas->compressor, &datas->key,
                                  datas->block_bytes, threads);
    return datas->blocks ? 0 : no_memory(err);
}

int hx_datas_new(struct hx_squash *squash,
                 const sqfs_compressor_config_t *config, unsigned threads,
                 struct hx_datas **datas_r, struct hx_err *err)
{
    struct hx_datas *datas = calloc(1, sizeof(*datas));
    int r;

    if (!datas)
        return no_memory(err);
    datas->squash = squash;
    datas->block_bytes = config->block_size;
    r = start(datas, config, threads, err);
    if (r < 0) {
        hx_datas_free(datas);
        return r;
    }
    *datas_r = datas;
    return 0;
}

void hx_datas_free(struct hx_datas *datas)
{
    if (!datas)
        return;
    hx_blocks_free(datas->blocks);
    hx_hasher_free(datas->hasher);
    sqfs_destroy(datas->compressor);
    free(datas->rest);
    free(datas->fragment);
    free(datas->fragments);
    free(datas->run.blocks);
    hx_hasher_free(datas->run.hasher);
    hx_dedup_release(&datas->rests);
    hx_dedup_release(&datas->runs);
    hx_arena_release(&datas->records);
    free(datas);
}
