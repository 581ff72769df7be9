/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>

struct hx_inflate {
    struct inflate_state isal;
};

void hx_inflate_reset(struct hx_inflate *inflate)
{
    isal_inflate_reset(&inflate->isal);
    /* With the member's header and trailer, and its checksum. */
    inflate->isal.crc_flag = ISAL_GZIP;
}

struct hx_inflate *hx_inflate_new(void)
{
    struct hx_inflate *inflate = calloc(1, sizeof(*inflate));

    if (!inflate)
        return NULL;
    isal_inflate_init(&inflate->isal);
    hx_inflate_reset(inflate);
    return inflate;
}

void hx_inflate_free(struct hx_inflate *inflate)
{
    free(inflate);
}

enum hx_inflated hx_inflate_run(struct hx_inflate *inflate, unsigned char *in,
                                size_t *in_len, unsigned char *out,
                                size_t *out_len)
{
    struct inflate_state *isal = &inflate->isal;
    int r;

    isal->next_in = in;
    isal->avail_in = (uint32_t)*in_len;
    isal->next_out = out;
    isal->avail_out = (uint32_t)*out_len;
    r = isal_inflate(isal);
    *in_len -= isal->avail_in;
    *out_len -= isal->avail_out;
    if (r != ISAL_DECOMP_OK)
        return HX_INFLATED_BAD;
    return isal->block_state == ISAL_BLOCK_FINISH ? HX_INFLATED_MEMBER
                                                  : HX_INFLATED_MORE;
}
