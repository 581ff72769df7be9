/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacks one gzip member at a time.
 *
 * That is the longest part of a conversion.  Intel's ISA-L does it three to
 * four times as fast as zlib (docs/root-disk.md has the figures), so the build
 * takes inflate_isal.c where it finds the library, and inflate_zlib.c
 * elsewhere.
 */
#ifndef HX_MKROOT_INFLATE_H
#define HX_MKROOT_INFLATE_H

#include <stddef.h>

struct hx_inflate;

/* Ready for a member's first byte; NULL without memory. */
struct hx_inflate *hx_inflate_new(void);
void hx_inflate_reset(struct hx_inflate *inflate);
void hx_inflate_free(struct hx_inflate *inflate);

enum hx_inflated {
    HX_INFLATED_MORE,   /* wants more input, or more room */
    HX_INFLATED_MEMBER, /* the member is whole and its checksum right */
    HX_INFLATED_BAD,
};

/* Uses up to *in_len and *out_len bytes, and sets them to what was used. */
enum hx_inflated hx_inflate_run(struct hx_inflate *inflate, unsigned char *in,
                                size_t *in_len, unsigned char *out,
                                size_t *out_len);

#endif
