/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "image/mkroot/decode.h"
#include "image/mkroot/inflate.h"

struct gzip_state {
    struct hx_inflate *inflate;
    int inside;  /* a member was begun and not ended */
    int padding; /* NULs after the last member */
};

int hx_decode_gzip_init(struct hx_decode *decode, struct hx_err *err)
{
    struct gzip_state *state = calloc(1, sizeof(*state));

    if (state)
        state->inflate = hx_inflate_new();
    if (!state || !state->inflate) {
        free(state);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting gzip");
    }
    decode->state = state;
    state->inside = 1;
    return 0;
}

/* Between members: 1 when another one begins, 0 at the end of the blob. */
static int next_member(struct hx_decode *decode, struct hx_err *err)
{
    struct gzip_state *state = decode->state;
    int r;

    for (;;) {
        if (decode->end - decode->at < 2 && !decode->ended) {
            r = hx_decode_fill(decode, err);
            if (r < 0)
                return r;
        }
        if (decode->at == decode->end)
            return 0;
        if (decode->input[decode->at] == 0) {
            state->padding = 1;
            decode->at++;
            continue;
        }
        if (state->padding || decode->input[decode->at] != 0x1f)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "there is garbage behind the gzip data");
        hx_inflate_reset(state->inflate);
        state->inside = 1;
        return 1;
    }
}

static int inflate_some(struct hx_decode *decode, unsigned char *buf,
                        size_t *size, struct hx_err *err)
{
    struct gzip_state *state = decode->state;
    size_t used = decode->end - decode->at;
    enum hx_inflated what;

    what = hx_inflate_run(state->inflate, decode->input + decode->at, &used,
                          buf, size);
    decode->at += used;
    if (what == HX_INFLATED_BAD)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the gzip data is bad, or its checksum is wrong");
    if (what == HX_INFLATED_MEMBER)
        state->inside = 0;
    else if (!used && !*size && decode->ended)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the gzip data ends in the middle of a member");
    return 0;
}

ssize_t hx_decode_gzip(struct hx_decode *decode, void *buf, size_t size,
                       struct hx_err *err)
{
    struct gzip_state *state = decode->state;
    size_t got = 0;
    int r;

    while (got < size) {
        size_t n = size - got;

        if (!state->inside) {
            r = next_member(decode, err);
            if (r < 0)
                return r;
            if (r == 0)
                break;
        }
        if (decode->at == decode->end && !decode->ended) {
            r = hx_decode_fill(decode, err);
            if (r < 0)
                return r;
        }
        r = inflate_some(decode, (unsigned char *)buf + got, &n, err);
        if (r < 0)
            return r;
        got += n;
    }
    return (ssize_t)got;
}

void hx_decode_gzip_free(struct hx_decode *decode)
{
    struct gzip_state *state = decode->state;

    if (!state)
        return;
    hx_inflate_free(state->inflate);
    free(state);
}
