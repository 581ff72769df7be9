/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/inflate.h"

#include <stdlib.h>
#include <zlib.h>

struct hx_inflate {
    z_stream zlib;
};

void hx_inflate_reset(struct hx_inflate *inflate)
{
    inflateReset(&inflate->zlib);
}

struct hx_inflate *hx_inflate_new(void)
{
    struct hx_inflate *inflate = calloc(1, sizeof(*inflate));

    /* 15 is the largest window; 16 asks for gzip and nothing else. */
    if (inflate && inflateInit2(&inflate->zlib, 15 + 16) != Z_OK) {
        free(inflate);
        return NULL;
    }
    return inflate;
}

void hx_inflate_free(struct hx_inflate *inflate)
{
    if (!inflate)
        return;
    inflateEnd(&inflate->zlib);
    free(inflate);
}

enum hx_inflated hx_inflate_run(struct hx_inflate *state, unsigned char *in,
                                size_t *in_len, unsigned char *out,
                                size_t *out_len)
{
    z_stream *zlib = &state->zlib;
    int r;

    zlib->next_in = in;
    zlib->avail_in = (uInt)*in_len;
    zlib->next_out = out;
    zlib->avail_out = (uInt)*out_len;
    r = inflate(zlib, Z_NO_FLUSH);
    *in_len -= zlib->avail_in;
    *out_len -= zlib->avail_out;
    if (r == Z_STREAM_END)
        return HX_INFLATED_MEMBER;
    /* Z_BUF_ERROR: no progress for want of input or room. */
    return r == Z_OK || r == Z_BUF_ERROR ? HX_INFLATED_MORE : HX_INFLATED_BAD;
}
