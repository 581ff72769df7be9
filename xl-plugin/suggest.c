/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/suggest.h"

#include <string.h>

#define WORD_MAX 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Optimal string alignment; three rows are enough. */
unsigned hx_edit_distance(const char *a, const char *b)
{
    size_t la = strnlen(a, WORD_MAX), lb = strnlen(b, WORD_MAX);
    unsigned rows[3][WORD_MAX + 1];
    unsigned *two_up = rows[0], *up = rows[1], *row = rows[2];

    for (size_t j = 0; j <= lb; j++)
        up[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *spare = two_up;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned differs = a[i - 1] != b[j - 1];

            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min3(row[j], row[j], two_up[j - 2] + 1);
        }
        two_up = up;
        up = row;
        row = spare;
    }
    return up[lb];
}

void hx_suggest_try(struct hx_suggest *suggest, const char *candidate)
{
    size_t len = strnlen(suggest->word, WORD_MAX);
    unsigned distance = hx_edit_distance(suggest->word, candidate);
    unsigned allowed = (unsigned)(len + 2) / 3;

    if (len >= 2 && strncmp(candidate, suggest->word, len) == 0)
        distance = 1;
    if (distance > allowed || distance >= strlen(candidate))
        return;
    if (suggest->best && distance >= suggest->distance)
        return;
    suggest->best = candidate;
    suggest->distance = distance;
}
