/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tar of one layer: unpacked and hashed by a thread of its own, ahead of
 * the one that reads it.
 *
 *     struct hx_stream *stream = hx_stream_open(&layer, room, left, err);
 *     while ((n = hx_stream_read(stream, &data, err)) > 0)
 *         ... data[0..n) until the next read ...
 *     r = hx_stream_finish(stream, err);  reads what is left, checks diff_id
 *     hx_stream_free(stream);
 */
#ifndef HX_MKROOT_STREAM_H
#define HX_MKROOT_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"
#include "image/mkroot/decode.h"
#include "image/mkroot/sha256.h"

#define HX_DIFF_ID_HEX HX_SHA256_HEX

/* One layer's blob. */
struct hx_layer {
    int fd;                           /* borrowed, readable, seekable */
    char diff_id[HX_DIFF_ID_HEX + 1]; /* hex of the tar's SHA-256 */
    uint64_t blob_bytes;
    struct hx_growing growing; /* or zero, when the blob is whole */
};

struct hx_stream;

/*
 * Where a stream unpacks to, one after another.  It is mapped at once with all
 * its pages: one by one they are dear where page tables are another's (a
 * domain's).  NULL without memory.
 */
#define HX_STREAM_ROOM_BYTES ((size_t)1 << 20)
unsigned char *hx_stream_room_new(void);
void hx_stream_room_free(unsigned char *room); /* NULL is fine */

/*
 * Begins to unpack into `room`, which is borrowed.  `tar_bytes_left` bounds the
 * tar's size, beside the bound on its ratio to the blob's (limits.h); past it
 * reading fails with HX_ERR_LIMIT.
 */
struct hx_stream *hx_stream_open(const struct hx_layer *layer,
                                 unsigned char *room, uint64_t tar_bytes_left,
                                 struct hx_err *err);

/* The next bytes, the stream's, valid until the next call; 0 at the end. */
ssize_t hx_stream_read(struct hx_stream *stream, const void **data_r,
                       struct hx_err *err);

/* Skips to the end; HX_ERR_CORRUPT when the diff_id does not fit. */
int hx_stream_finish(struct hx_stream *stream, struct hx_err *err);

/* Bytes unpacked by now, and bytes of the blob used for them. */
uint64_t hx_stream_tar_bytes(const struct hx_stream *stream);
uint64_t hx_stream_blob_bytes(const struct hx_stream *stream);

/* Stops the thread, whatever it is doing.  NULL is fine. */
void hx_stream_free(struct hx_stream *stream);

#endif
