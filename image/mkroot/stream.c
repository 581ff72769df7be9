/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/mkroot/decode.h"
#include "image/mkroot/limits.h"
#include "image/mkroot/sha256.h"

/* Enough to ride out a slow block of either side; small enough to stay in the
 * cores' caches. */
#define SLOTS      4
#define SLOT_BYTES (HX_STREAM_ROOM_BYTES / SLOTS)

struct slot {
    size_t len;
    unsigned char *data; /* part of the room */
};

struct hx_stream {
    struct hx_layer layer;
    uint64_t tar_bytes_left;
    struct hx_decode *decode;
    EVP_MD_CTX *hash;
    pthread_t thread;
    int started;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: slots[read % SLOTS..written % SLOTS) are full. */
    unsigned written;
    unsigned read;
    int ended;
    int stop;
    struct hx_err err; /* why it ended early; code 0 when it did not */

    int holding; /* the reader uses slots[read % SLOTS] */
    _Atomic uint64_t tar_bytes;
    _Atomic uint64_t blob_bytes;
    struct slot slots[SLOTS];
};

/* -- the thread ---------------------------------------------------------- */

static int check_bounds(const struct hx_stream *stream, uint64_t total,
                        struct hx_err *err)
{
    /* Of what is still to come only its size is known, and that by hearsay. */
    uint64_t blob = stream->layer.growing.bytes ? stream->decode->offset
                                                : stream->layer.blob_bytes;

    if (total > stream->tar_bytes_left)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the layers unpack to more than %llu GiB",
                          (unsigned long long)(HX_MKROOT_TAR_BYTES_MAX >> 30));
    if (total > HX_MKROOT_RATIO_FREE_BYTES &&
        total / HX_MKROOT_RATIO_MAX > blob)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the layer unpacks to more than %d times its size",
                          HX_MKROOT_RATIO_MAX);
    return 0;
}

/* Waits for a free slot; NULL when the reader has gone. */
static struct slot *free_slot(struct hx_stream *stream)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&stream->lock);
    while (!stream->stop && stream->written - stream->read == SLOTS)
        pthread_cond_wait(&stream->changed, &stream->lock);
    if (!stream->stop)
        slot = &stream->slots[stream->written % SLOTS];
    pthread_mutex_unlock(&stream->lock);
    return slot;
}

static void hand_over(struct hx_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->written++;
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

static int unpack(struct hx_stream *stream, struct hx_err *err)
{
    for (;;) {
        struct slot *slot = free_slot(stream);
        ssize_t n;
        int r;

        if (!slot)
            return hx_err_set(err, HX_ERR_INTERRUPTED, "stopped");
        n = hx_decode_read(stream->decode, slot->data, SLOT_BYTES, err);
        if (n < 0)
            return (int)n;
        atomic_store_explicit(&stream->blob_bytes,
                              stream->decode->offset -
                                  (stream->decode->end - stream->decode->at),
                              memory_order_relaxed);
        if (n == 0)
            return 0;
        r = check_bounds(stream,
                         atomic_fetch_add(&stream->tar_bytes, (uint64_t)n) +
                             (uint64_t)n,
                         err);
        if (r < 0)
            return r;
        slot->len = (size_t)n;
        if (EVP_DigestUpdate(stream->hash, slot->data, slot->len) != 1)
            return hx_err_set(err, HX_ERR_SYSTEM, "SHA-256 failed");
        hand_over(stream);
    }
}

static void *run(void *arg)
{
    struct hx_stream *stream = arg;
    struct hx_err err;

    hx_err_clear(&err);
    unpack(stream, &err);
    pthread_mutex_lock(&stream->lock);
    stream->err = err;
    stream->ended = 1;
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}

/* -- the reader ---------------------------------------------------------- */

static int start(struct hx_stream *stream, struct hx_err *err)
{
    int r;

    stream->decode =
        hx_decode_new(stream->layer.fd, &stream->layer.growing, err);
    if (!stream->decode)
        return -1;
    stream->hash = hx_sha256_new();
    if (!stream->hash)
        return hx_err_set(err, HX_ERR_SYSTEM, "SHA-256 cannot be started");
    r = pthread_create(&stream->thread, NULL, run, stream);
    if (r)
        return hx_err_sys(err, HX_ERR_SYSTEM, r, "starting a thread");
    stream->started = 1;
    return 0;
}

unsigned char *hx_stream_room_new(void)
{
    void *room = mmap(NULL, HX_STREAM_ROOM_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return room == MAP_FAILED ? NULL : room;
}

void hx_stream_room_free(unsigned char *room)
{
    if (room)
        munmap(room, HX_STREAM_ROOM_BYTES);
}

struct hx_stream *hx_stream_open(const struct hx_layer *layer,
                                 unsigned char *room, uint64_t tar_bytes_left,
                                 struct hx_err *err)
{
    struct hx_stream *stream = calloc(1, sizeof(*stream));

    if (!stream) {
        hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the layer");
        return NULL;
    }
    stream->layer = *layer;
    stream->tar_bytes_left = tar_bytes_left;
    for (int i = 0; i < SLOTS; i++)
        stream->slots[i].data = room + i * SLOT_BYTES;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->changed, NULL);
    if (start(stream, err) < 0) {
        hx_stream_free(stream);
        return NULL;
    }
    return stream;
}

ssize_t hx_stream_read(struct hx_stream *stream, const void **data_r,
                       struct hx_err *err)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&stream->lock);
    if (stream->holding) {
        stream->read++;
        stream->holding = 0;
        pthread_cond_signal(&stream->changed);
    }
    while (stream->read == stream->written && !stream->ended)
        pthread_cond_wait(&stream->changed, &stream->lock);
    if (stream->read != stream->written) {
        slot = &stream->slots[stream->read % SLOTS];
        stream->holding = 1;
    }
    pthread_mutex_unlock(&stream->lock);
    if (slot) {
        *data_r = slot->data;
        return (ssize_t)slot->len;
    }
    if (stream->err.code) {
        if (err)
            *err = stream->err;
        return -(int)stream->err.code;
    }
    return 0;
}

int hx_stream_finish(struct hx_stream *stream, struct hx_err *err)
{
    char diff_id[HX_DIFF_ID_HEX + 1];
    const void *data;
    ssize_t n;

    do {
        n = hx_stream_read(stream, &data, err);
    } while (n > 0);
    if (n < 0)
        return (int)n;
    if (hx_sha256_end(stream->hash, diff_id) < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "SHA-256 failed");
    if (strcmp(diff_id, stream->layer.diff_id) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "its content has the digest sha256:%s, and the "
                          "image's config says sha256:%s; pull it again",
                          diff_id, stream->layer.diff_id);
    return 0;
}

uint64_t hx_stream_tar_bytes(const struct hx_stream *stream)
{
    return atomic_load_explicit(&stream->tar_bytes, memory_order_relaxed);
}

uint64_t hx_stream_blob_bytes(const struct hx_stream *stream)
{
    return atomic_load_explicit(&stream->blob_bytes, memory_order_relaxed);
}

void hx_stream_free(struct hx_stream *stream)
{
    if (!stream)
        return;
    if (stream->started) {
        pthread_mutex_lock(&stream->lock);
        stream->stop = 1;
        pthread_cond_signal(&stream->changed);
        pthread_mutex_unlock(&stream->lock);
        pthread_join(stream->thread, NULL);
    }
    hx_decode_free(stream->decode);
    EVP_MD_CTX_free(stream->hash);
    pthread_mutex_destroy(&stream->lock);
    pthread_cond_destroy(&stream->changed);
    free(stream);
}
