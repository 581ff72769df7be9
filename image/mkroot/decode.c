/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* At the end of the file: waits; whether there may be more now. */
static int has_grown(const struct hx_decode *decode)
{
    char bytes[64];

    return decode->offset < decode->growing.bytes &&
           read(decode->growing.fd, bytes, sizeof(bytes)) > 0;
}

int hx_decode_fill(struct hx_decode *decode, struct hx_err *err)
{
    size_t left = decode->end - decode->at;
    ssize_t n;

    memmove(decode->input, decode->input + decode->at, left);
    decode->at = 0;
    decode->end = left;
    while (!decode->ended && decode->end < sizeof(decode->input)) {
        n = pread(decode->fd, decode->input + decode->end,
                  sizeof(decode->input) - decode->end, (off_t)decode->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the blob");
        if (n == 0)
            decode->ended = !has_grown(decode);
        decode->end += (size_t)n;
        decode->offset += (uint64_t)n;
    }
    return 0;
}

/* -- plain --------------------------------------------------------------- */

static ssize_t decode_plain(struct hx_decode *decode, void *buf, size_t size,
                            struct hx_err *err)
{
    size_t got = 0;
    int r;

    while (got < size) {
        size_t n = decode->end - decode->at;

        if (n == 0) {
            if (decode->ended)
                break;
            r = hx_decode_fill(decode, err);
            if (r < 0)
                return r;
            continue;
        }
        if (n > size - got)
            n = size - got;
        memcpy((char *)buf + got, decode->input + decode->at, n);
        decode->at += n;
        got += n;
    }
    return (ssize_t)got;
}

/* -- zstd ---------------------------------------------------------------- */

struct zstd_state {
    ZSTD_DCtx *context;
    int inside; /* a frame was begun and not ended */
};

static int zstd_init(struct hx_decode *decode, struct hx_err *err)
{
    struct zstd_state *state = calloc(1, sizeof(*state));

    if (state)
        state->context = ZSTD_createDCtx();
    if (!state || !state->context) {
        free(state);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting zstd");
    }
    decode->state = state;
    return 0;
}

static ssize_t decode_zstd(struct hx_decode *decode, void *buf, size_t size,
                           struct hx_err *err)
{
    struct zstd_state *state = decode->state;
    ZSTD_outBuffer out = { buf, size, 0 };
    int r;

    while (out.pos < out.size) {
        ZSTD_inBuffer in = { decode->input, decode->end, decode->at };
        size_t before = out.pos, left;

        if (in.pos == in.size && !decode->ended) {
            r = hx_decode_fill(decode, err);
            if (r < 0)
                return r;
            continue;
        }
        /* Between frames, an empty input asks for nothing. */
        if (in.pos == in.size && !state->inside)
            break;
        left = ZSTD_decompressStream(state->context, &out, &in);
        if (ZSTD_isError(left))
            return hx_err_set(err, HX_ERR_CORRUPT, "the zstd data is bad: %s",
                              ZSTD_getErrorName(left));
        if (in.pos == decode->at && out.pos == before && decode->ended)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "the zstd data ends in the middle of a frame");
        state->inside = left != 0;
        decode->at = in.pos;
    }
    return (ssize_t)out.pos;
}

static void zstd_free(struct hx_decode *decode)
{
    struct zstd_state *state = decode->state;

    if (state)
        ZSTD_freeDCtx(state->context);
    free(state);
}

/* -- all ----------------------------------------------------------------- */

static enum hx_decode_format detect(const unsigned char *p, size_t len)
{
    static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

    if (len >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
        return HX_DECODE_GZIP;
    if (len >= 4 && !memcmp(p, zstd, sizeof(zstd)))
        return HX_DECODE_ZSTD;
    /* A zstd blob may begin with a skippable frame (zstd:chunked, pzstd). */
    if (len >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d &&
        p[3] == 0x18)
        return HX_DECODE_ZSTD;
    return HX_DECODE_PLAIN;
}

struct hx_decode *hx_decode_new(int fd, const struct hx_growing *growing,
                                struct hx_err *err)
{
    struct hx_decode *decode = calloc(1, sizeof(*decode));
    int r;

    if (!decode) {
        hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the blob");
        return NULL;
    }
    decode->fd = fd;
    if (growing)
        decode->growing = *growing;
    r = hx_decode_fill(decode, err);
    if (r == 0) {
        decode->format = detect(decode->input, decode->end);
        if (decode->format == HX_DECODE_GZIP)
            r = hx_decode_gzip_init(decode, err);
        else if (decode->format == HX_DECODE_ZSTD)
            r = zstd_init(decode, err);
    }
    if (r < 0) {
        free(decode);
        return NULL;
    }
    return decode;
}

ssize_t hx_decode_read(struct hx_decode *decode, void *buf, size_t size,
                       struct hx_err *err)
{
    switch (decode->format) {
    case HX_DECODE_GZIP:
        return hx_decode_gzip(decode, buf, size, err);
    case HX_DECODE_ZSTD:
        return decode_zstd(decode, buf, size, err);
    case HX_DECODE_PLAIN:
        break;
    }
    return decode_plain(decode, buf, size, err);
}

void hx_decode_free(struct hx_decode *decode)
{
    if (!decode)
        return;
    if (decode->format == HX_DECODE_GZIP)
        hx_decode_gzip_free(decode);
    else if (decode->format == HX_DECODE_ZSTD)
        zstd_free(decode);
    free(decode);
}
