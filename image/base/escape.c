/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/escape.h"

#include <stddef.h>
#include <string.h>

/*
 * Length of the well-formed UTF-8 sequence at `p` (Unicode 15, table 3-7)
 * that is no C1 control, or 0.
 */
static size_t utf8_len(const unsigned char *p)
{
    unsigned char lo = 0x80, hi = 0xbf;
    size_t len;

    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
        if (p[0] == 0xc2)
            lo = 0xa0; /* U+0080..U+009F are the C1 controls */
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        if (p[0] == 0xe0)
            lo = 0xa0;
        if (p[0] == 0xed)
            hi = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        if (p[0] == 0xf0)
            lo = 0x90;
        if (p[0] == 0xf4)
            hi = 0x8f;
    } else {
        return 0;
    }
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return len;
}

void hx_escape_in_place(char *text)
{
    unsigned char *p = (unsigned char *)text;

    while (*p) {
        size_t len = utf8_len(p);

        if (len == 0)
            *p++ = '?';
        else
            p += len;
    }
}
