/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/sizes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* 1 PiB: more than any host has, and far from any overflow. */
#define SIZE_MAX_KIB (UINT64_C(1) << 40)

/* 0 when the suffix is none. */
static uint64_t unit_bytes(const char *suffix)
{
    static const struct {
        const char *suffix;
        uint64_t bytes;
    } units[] = {
        { "", 1 << 20 },
        { "b", 1 },
        { "k", 1 << 10 },
        { "kb", 1 << 10 },
        { "kib", 1 << 10 },
        { "m", 1 << 20 },
        { "mb", 1 << 20 },
        { "mib", 1 << 20 },
        { "g", 1 << 30 },
        { "gb", 1 << 30 },
        { "gib", 1 << 30 },
        { "t", UINT64_C(1) << 40 },
        { "tb", UINT64_C(1) << 40 },
        { "tib", UINT64_C(1) << 40 },
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcasecmp(suffix, units[i].suffix) == 0)
            return units[i].bytes;
    }
    return 0;
}

int hx_size_parse_kib(const char *what, const char *text, uint64_t *kib_r,
                      struct hx_err *err)
{
    uint64_t whole = 0, fraction = 0, scale = 1, unit, bytes;
    const char *p = text;

    for (; isdigit((unsigned char)*p); p++) {
        whole = whole * 10 + (uint64_t)(*p - '0');
        if (whole > SIZE_MAX_KIB)
            goto bad;
    }
    if (p == text)
        goto bad;
    if (*p == '.') {
        const char *first = ++p;

        for (; isdigit((unsigned char)*p); p++) {
            if (scale < 1000000) {
                fraction = fraction * 10 + (uint64_t)(*p - '0');
                scale *= 10;
            }
        }
        if (p == first)
            goto bad;
    }
    unit = unit_bytes(p);
    if (!unit || whole > (SIZE_MAX_KIB << 10) / unit)
        goto bad;
    bytes = whole * unit + (unit / scale) * fraction +
            (unit % scale) * fraction / scale;
    *kib_r = (bytes + 1023) >> 10;
    return 0;

bad:
    return hx_err_set(err, HX_ERR_USAGE,
                      "%s: '%.64s' is not a size; write 64 (MiB), 512k, 64m "
                      "or 1.5g",
                      what, text);
}

void hx_size_print(uint64_t bytes, char text[HX_SIZE_TEXT])
{
    static const char *const units[] = {
        "B", "kB", "MB", "GB", "TB", "PB", "EB"
    };
    double value = (double)bytes;
    size_t i = 0;

    /* 999.5 would be printed as "1e+03" with three digits. */
    for (; value >= 999.5 && i + 1 < sizeof(units) / sizeof(*units); i++)
        value /= 1000;
    snprintf(text, HX_SIZE_TEXT, "%.3g%s", value, units[i]);
}

void hx_size_print_memory(uint64_t kib, char text[HX_SIZE_TEXT])
{
    uint64_t mib = (kib + 1023) >> 10;

    if (mib < 1024)
        snprintf(text, HX_SIZE_TEXT, "%uM", (unsigned)mib);
    else
        snprintf(text, HX_SIZE_TEXT, "%.4gG", (double)mib / 1024);
}
