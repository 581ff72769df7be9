/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "did you mean ...?": the known word nearest to a mistyped one.
 *
 *     struct hx_suggest s = { .word = "lsit" };
 *     hx_suggest_try(&s, "list");
 *     hx_suggest_try(&s, "login");
 *     s.best -> "list"
 */
#ifndef HX_SUGGEST_H
#define HX_SUGGEST_H

struct hx_suggest {
    const char *word;
    const char *best;  /* borrowed from the candidates; NULL: none is near */
    unsigned distance; /* of `best` */
};

/*
 * Keeps `candidate` when it is nearer than the best before it and near enough
 * to be meant: at most a third of the letters wrong, swapped neighbours
 * counting as one.  A candidate that begins with the word is near, too.
 */
void hx_suggest_try(struct hx_suggest *suggest, const char *candidate);

/* Edit distance with swaps of neighbours; words past 63 bytes are cut. */
unsigned hx_edit_distance(const char *a, const char *b);

#endif
