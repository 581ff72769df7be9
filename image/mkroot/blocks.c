/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/blocks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Blocks under way at once; those without data cost nothing. */
#define RING 64
/* What the caller fills meanwhile: a file's block and a fragment block. */
#define HELD 2
/* So many blocks wait before a thread is woken for them, which may cost as much
 * as half a block's compression. */
#define WAKE_AT 4

enum slot_state { SLOT_WAITING, SLOT_TAKEN, SLOT_READY, SLOT_FAILED };

struct slot {
    struct hx_block block;
    enum slot_state state;
};

struct worker {
    struct hx_blocks *blocks;
    pthread_t thread;
    int started; /* or it is the caller's */
    sqfs_compressor_t *compressor;
    struct hx_hasher *hasher;
    unsigned char *scratch; /* swapped with a block's data */
};

struct hx_blocks {
    size_t block_bytes;

    pthread_mutex_t lock;
    pthread_cond_t work;  /* for the workers */
    pthread_cond_t ready; /* for the caller */
    /* Under the lock: the ring's slots [first..next) are under way, and
     * [taken..next) of them no worker has looked at yet; `waiting` of these
     * have data. */
    unsigned first;
    unsigned taken;
    unsigned next;
    unsigned waiting;
    int stop;
    struct slot ring[RING];

    unsigned char **buffers; /* free ones */
    size_t free_buffers;

    unsigned worker_count;
    struct worker workers[]; /* the first is the caller's */
};

/* -- the workers ---------------------------------------------------------- */

static int is_zero(const unsigned char *data, size_t len)
{
    return !data[0] && !memcmp(data, data + 1, len - 1);
}

static int work_on(struct worker *worker, struct hx_block *block)
{
    sqfs_s32 n;

    block->len = 0;
    block->compressed = 0;
    if (is_zero(block->data, block->raw_len)) {
        memset(&block->hash, 0, sizeof(block->hash));
        return 0;
    }
    n = worker->compressor->do_block(worker->compressor, block->data,
                                     block->raw_len, worker->scratch,
                                     (sqfs_u32)worker->blocks->block_bytes);
    if (n < 0)
        return -1;
    block->len = block->raw_len;
    if (n > 0) {
        unsigned char *raw = block->data;

        block->data = worker->scratch;
        worker->scratch = raw;
        block->len = (uint32_t)n;
        block->compressed = 1;
    }
    return hx_hasher_run(worker->hasher, block->data, block->len, &block->hash);
}

/* With the lock, which is given up meanwhile: does the next block that waits;
 * 0 when there is none. */
static int work(struct worker *worker)
{
    struct hx_blocks *blocks = worker->blocks;
    struct slot *slot = NULL;
    int r;

    while (blocks->waiting && !slot) {
        slot = &blocks->ring[blocks->taken++ % RING];
        if (slot->state != SLOT_WAITING)
            slot = NULL; /* it has no data */
    }
    if (!slot)
        return 0;
    slot->state = SLOT_TAKEN;
    blocks->waiting--;
    pthread_mutex_unlock(&blocks->lock);
    r = work_on(worker, &slot->block);
    pthread_mutex_lock(&blocks->lock);
    slot->state = r < 0 ? SLOT_FAILED : SLOT_READY;
    return 1;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    struct hx_blocks *blocks = worker->blocks;

    pthread_mutex_lock(&blocks->lock);
    while (!blocks->stop) {
        if (work(worker))
            pthread_cond_signal(&blocks->ready);
        else
            pthread_cond_wait(&blocks->work, &blocks->lock);
    }
    pthread_mutex_unlock(&blocks->lock);
    return NULL;
}

/* -- the caller ----------------------------------------------------------- */

static int is_ready(const struct hx_blocks *blocks, const struct slot *slot)
{
    return blocks->first != blocks->next && slot->state >= SLOT_READY;
}

/* The oldest block, once it is ready; with `wait` 0 only if it is already.
 * Who has to wait works, too.  1 when one was done, 0 when none was. */
static int finish_one(struct hx_blocks *blocks, int wait, hx_blocks_done *done,
                      void *opaque, struct hx_err *err)
{
    struct slot *slot = &blocks->ring[blocks->first % RING];
    int r;

    pthread_mutex_lock(&blocks->lock);
    while (wait && blocks->first != blocks->next && !is_ready(blocks, slot)) {
        if (!work(&blocks->workers[0]))
            pthread_cond_wait(&blocks->ready, &blocks->lock);
    }
    r = is_ready(blocks, slot);
    pthread_mutex_unlock(&blocks->lock);
    if (!r)
        return 0;
    if (slot->state == SLOT_FAILED)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "writing file data: the compressor failed");
    r = done(opaque, &slot->block, err);
    if (slot->block.data)
        blocks->buffers[blocks->free_buffers++] = slot->block.data;
    pthread_mutex_lock(&blocks->lock);
    if (blocks->taken == blocks->first)
        blocks->taken++; /* nobody looks at one without data */
    blocks->first++;
    pthread_mutex_unlock(&blocks->lock);
    return r < 0 ? r : 1;
}

int hx_blocks_buffer(struct hx_blocks *blocks, unsigned char **buffer_r,
                     hx_blocks_done *done, void *opaque, struct hx_err *err)
{
    int r = 1;

    while (r == 1)
        r = finish_one(blocks, 0, done, opaque, err);
    /* There are more buffers than the caller holds, so one comes back. */
    while (r >= 0 && !blocks->free_buffers)
        r = finish_one(blocks, 1, done, opaque, err);
    if (r < 0)
        return r;
    *buffer_r = blocks->buffers[--blocks->free_buffers];
    return 0;
}

int hx_blocks_put(struct hx_blocks *blocks, const struct hx_block *block,
                  hx_blocks_done *done, void *opaque, struct hx_err *err)
{
    struct slot *slot;
    int r = 0;

    while (r >= 0 && blocks->next - blocks->first == RING)
        r = finish_one(blocks, 1, done, opaque, err);
    if (r < 0)
        return r;
    slot = &blocks->ring[blocks->next % RING];
    slot->block = *block;
    slot->block.len = 0;
    slot->state = block->data ? SLOT_WAITING : SLOT_READY;
    pthread_mutex_lock(&blocks->lock);
    blocks->next++;
    blocks->waiting += block->data != NULL;
    if (blocks->waiting >= WAKE_AT)
        pthread_cond_signal(&blocks->work);
    pthread_mutex_unlock(&blocks->lock);
    return 0;
}

int hx_blocks_drain(struct hx_blocks *blocks, hx_blocks_done *done,
                    void *opaque, struct hx_err *err)
{
    int r = 0;

    while (r >= 0 && blocks->first != blocks->next)
        r = finish_one(blocks, 1, done, opaque, err);
    return r < 0 ? r : 0;
}

/* -- the whole ------------------------------------------------------------ */

static int add_worker(struct hx_blocks *blocks,
                      const sqfs_compressor_t *compressor,
                      const struct hx_fingerprint_key *key)
{
    struct worker *worker = &blocks->workers[blocks->worker_count++];

    worker->blocks = blocks;
    worker->compressor = sqfs_copy(compressor);
    worker->hasher = hx_hasher_new(key);
    worker->scratch = malloc(blocks->block_bytes);
    if (!worker->compressor || !worker->hasher || !worker->scratch)
        return -1;
    if (worker == &blocks->workers[0])
        return 0;
    worker->started = pthread_create(&worker->thread, NULL, run, worker) == 0;
    return worker->started ? 0 : -1;
}

static int start(struct hx_blocks *blocks, const sqfs_compressor_t *compressor,
                 const struct hx_fingerprint_key *key, unsigned threads)
{
    /* One for each thread, one more ready for each, those that wait, and the
     * caller's. */
    size_t count = 2 * (size_t)threads + WAKE_AT + HELD;

    blocks->buffers = calloc(count, sizeof(unsigned char *));
    if (!blocks->buffers)
        return -1;
    for (size_t i = 0; i < count; i++) {
        unsigned char *buffer = malloc(blocks->block_bytes);

        if (!buffer)
            return -1;
        blocks->buffers[blocks->free_buffers++] = buffer;
    }
    for (unsigned i = 0; i < threads; i++)
        if (add_worker(blocks, compressor, key) < 0)
            return -1;
    return 0;
}

struct hx_blocks *hx_blocks_new(const sqfs_compressor_t *compressor,
                                const struct hx_fingerprint_key *key,
                                size_t block_bytes, unsigned threads)
{
    struct hx_blocks *blocks =
        calloc(1, sizeof(*blocks) + threads * sizeof(blocks->workers[0]));

    if (blocks) {
        blocks->block_bytes = block_bytes;
        pthread_mutex_init(&blocks->lock, NULL);
        pthread_cond_init(&blocks->work, NULL);
        pthread_cond_init(&blocks->ready, NULL);
    }
    if (!blocks || start(blocks, compressor, key, threads) < 0) {
        hx_blocks_free(blocks);
        return NULL;
    }
    return blocks;
}

void hx_blocks_free(struct hx_blocks *blocks)
{
    if (!blocks)
        return;
    pthread_mutex_lock(&blocks->lock);
    blocks->stop = 1;
    pthread_cond_broadcast(&blocks->work);
    pthread_mutex_unlock(&blocks->lock);
    for (unsigned i = 0; i < blocks->worker_count; i++) {
        struct worker *worker = &blocks->workers[i];

        if (worker->started)
            pthread_join(worker->thread, NULL);
        sqfs_destroy(worker->compressor);
        hx_hasher_free(worker->hasher);
        free(worker->scratch);
    }
    for (; blocks->first != blocks->next; blocks->first++)
        free(blocks->ring[blocks->first % RING].block.data);
    for (size_t i = 0; i < blocks->free_buffers; i++)
        free(blocks->buffers[i]);
    free(blocks->buffers);
    pthread_mutex_destroy(&blocks->lock);
    pthread_cond_destroy(&blocks->work);
    pthread_cond_destroy(&blocks->ready);
    free(blocks);
}
