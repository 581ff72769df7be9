/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells the containers' output from everything else on a console, by the two
 * marks of guest-abi.h.  Pure; takes the bytes in pieces of any size.
 *
 *     struct hx_marks marks;
 *     hx_marks_init(&marks, nonce, HX_MARKS_BEFORE);
 *     while ((n = read(console, buf, sizeof(buf))) > 0)
 *         hx_marks_feed(&marks, buf, n, sink, ctx);
 *     hx_marks_flush(&marks, sink, ctx);
 *
 * The marks themselves are swallowed.  What looks like the beginning of one
 * is withheld until it is known to be none, at most HX_MARK_MAX bytes.
 */
#ifndef HX_MARKS_H
#define HX_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "pv-init/guest-abi.h"

enum hx_marks_phase {
    HX_MARKS_BEFORE, /* the kernel's and pv-init's words */
    HX_MARKS_WITHIN, /* the containers' output */
    HX_MARKS_AFTER   /* the kernel's again */
};

#define HX_MARK_MAX                                                            \
    (sizeof(HX_ABI_MARK_HEAD) + HX_ABI_NONCE_LEN + sizeof(HX_ABI_MARK_START))

struct hx_marks {
    enum hx_marks_phase phase;
    char nonce[HX_ABI_NONCE_LEN + 1];
    char mark[HX_MARK_MAX]; /* the one that is looked for */
    size_t len;
    size_t matched; /* bytes of it that were seen, and are withheld */
    /* Of each prefix of the mark the longest end that is a prefix again
     * (Knuth, Morris, Pratt). */
    unsigned char border[HX_MARK_MAX];
};

/* Takes what was told apart; `output`: the containers'.  len > 0. */
typedef void hx_marks_sink(void *ctx, bool output, const char *data,
                           size_t len);

/* `phase` is where an earlier reader stopped. */
void hx_marks_init(struct hx_marks *marks, const char *nonce,
                   enum hx_marks_phase phase);
void hx_marks_feed(struct hx_marks *marks, const char *data, size_t len,
                   hx_marks_sink *sink, void *ctx);
/* Hands out what was withheld: nothing more will come. */
void hx_marks_flush(struct hx_marks *marks, hx_marks_sink *sink, void *ctx);

#endif
