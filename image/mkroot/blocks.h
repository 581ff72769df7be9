/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks on their way to the disk: compressed by several threads, handed back
 * in the order in which they were given.
 *
 *     r = hx_blocks_buffer(blocks, &buffer, done, opaque, err);
 *     ... up to block_bytes of data into buffer ...
 *     r = hx_blocks_put(blocks, &block, done, opaque, err);
 *     r = hx_blocks_drain(blocks, done, opaque, err);
 *
 * `done` is called from within these three, on the caller's thread, for each
 * block in turn: so the result does not depend on the threads.  Where the
 * caller would have to wait it compresses, too.
 */
#ifndef HX_MKROOT_BLOCKS_H
#define HX_MKROOT_BLOCKS_H

#include <sqfs/compressor.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/dedup.h"

struct hx_block {
    int kind;      /* the caller's */
    uint64_t note; /* the caller's */
    /* What came from hx_blocks_buffer, given back here; or NULL for a block
     * that has no data and only keeps its place in the order. */
    unsigned char *data;
    uint32_t raw_len;

    /* For `done`: */
    uint32_t len;   /* bytes to write from `data`; 0 when all are NUL */
    int compressed; /* or as they were */
    /* Of what is to be written.  A block of block_bytes has that length only
     * when it is stored as it is, so the same hash means the same content. */
    struct hx_fingerprint hash;
};

struct hx_blocks;

/* Writes or forgets one block; `data` is taken back afterwards. */
typedef int hx_blocks_done(void *opaque, const struct hx_block *block,
                           struct hx_err *err);

/* `compressor` and `key` are borrowed, and copied for each thread; of `threads`
 * (1 or more) the caller's is one.  NULL when memory, or the threads, cannot be
 * had. */
struct hx_blocks *hx_blocks_new(const sqfs_compressor_t *compressor,
                                const struct hx_fingerprint_key *key,
                                size_t block_bytes, unsigned threads);

/* An empty buffer; the caller may hold two at a time. */
int hx_blocks_buffer(struct hx_blocks *blocks, unsigned char **buffer_r,
                     hx_blocks_done *done, void *opaque, struct hx_err *err);
int hx_blocks_put(struct hx_blocks *blocks, const struct hx_block *block,
                  hx_blocks_done *done, void *opaque, struct hx_err *err);

/* Until all that was put is done. */
int hx_blocks_drain(struct hx_blocks *blocks, hx_blocks_done *done,
                    void *opaque, struct hx_err *err);

/* Stops the threads, whatever they are doing; buffers still held go too. */
void hx_blocks_free(struct hx_blocks *blocks);

#endif
