/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strict decimal numbers: digits, perhaps a '-' before them, nothing else. */
#ifndef HX_MKROOT_DECIMAL_H
#define HX_MKROOT_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* 0, or -1 for anything else and for what 64 bits do not hold. */
static inline int hx_decimal(const char *text, size_t len, int64_t *number_r)
{
    int negative = len > 0 && text[0] == '-';
    int64_t number = 0;

    if (len == (size_t)negative)
        return -1;
    for (size_t i = (size_t)negative; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' ||
            __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text[i] - '0', &number))
            return -1;
    }
    *number_r = negative ? -number : number;
    return 0;
}

#endif
