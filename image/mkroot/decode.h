/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a layer's tar, out of a blob that is plain, gzip or zstd.
 *
 * Which of the three is told by the blob's first bytes, because media types
 * lie: Docker calls anything "tar.gzip".  No other filter is ever tried.  gzip
 * may have many members and zstd many frames; one that is cut off, fails its
 * checksum or is followed by anything but NULs is HX_ERR_CORRUPT.
 */
#ifndef HX_MKROOT_DECODE_H
#define HX_MKROOT_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"

#define HX_DECODE_INPUT_BYTES 131072

enum hx_decode_format {
    HX_DECODE_PLAIN,
    HX_DECODE_GZIP,
    HX_DECODE_ZSTD,
};

/* A blob that is still on its way.  All zero: it is whole. */
struct hx_growing {
    uint64_t bytes; /* that it will have */
    /* Of a pipe: a byte comes when the blob may have grown, and the pipe's end
     * when it will not any more.  Borrowed. */
    int fd;
};

struct hx_decode {
    int fd; /* borrowed; its file offset is neither used nor moved */
    struct hx_growing growing;
    enum hx_decode_format format;
    void *state;     /* the format's own */
    int ended;       /* no more bytes in the blob */
    uint64_t offset; /* of what comes after `input` */
    size_t at;       /* unused input: input[at..end) */
    size_t end;
    unsigned char input[HX_DECODE_INPUT_BYTES];
};

/* A blob's decoder, from its first byte; NULL with *err filled.  It waits for
 * what is still to come; `growing` may be NULL. */
struct hx_decode *hx_decode_new(int fd, const struct hx_growing *growing,
                                struct hx_err *err);

/* Fills `buf`: bytes got, fewer than `size` only at the end; or an error. */
ssize_t hx_decode_read(struct hx_decode *decode, void *buf, size_t size,
                       struct hx_err *err);

void hx_decode_free(struct hx_decode *decode);

/* -- for the formats ----------------------------------------------------- */

/* Reads more input behind what is left; 0 or an error.  Sets `ended`. */
int hx_decode_fill(struct hx_decode *decode, struct hx_err *err);

int hx_decode_gzip_init(struct hx_decode *decode, struct hx_err *err);
ssize_t hx_decode_gzip(struct hx_decode *decode, void *buf, size_t size,
                       struct hx_err *err);
void hx_decode_gzip_free(struct hx_decode *decode);

#endif
