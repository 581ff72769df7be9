/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/json-record.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character that `first` begins; 0 when it begins none. */
static size_t want_of(uint8_t first)
{
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Length of the well-formed UTF-8 character at `p`, of 2 to 4 bytes (Unicode
 * 15, table 3-7), or 0. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    size_t len = want_of(p[0]);
    uint8_t lo = 0x80, hi = 0xbf;

    if (len == 0 || len > left)
        return 0;
    if (p[0] == 0xe0)
        lo = 0xa0;
    if (p[0] == 0xed)
        hi = 0x9f;
    if (p[0] == 0xf0)
        lo = 0x90;
    if (p[0] == 0xf4)
        hi = 0x8f;
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return len;
}

size_t hx_json_record_cut(const void *text, size_t len)
{
    const uint8_t *end = (const uint8_t *)text + len;

    for (size_t back = 1; back <= 3 && back <= len; back++) {
        uint8_t byte = end[-(ptrdiff_t)back];

        if (want_of(byte))
            return want_of(byte) > back ? back : 0;
        if (byte < 0x80 || byte > 0xbf)
            return 0;
    }
    return 0;
}

/* The escape of what a JSON string cannot hold; how long it is. */
static size_t escape(uint8_t byte, char escaped[8])
{
    static const char shorts[][3] = {
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
        ['"'] = "\\\"", ['\\'] = "\\\\",
    };

    if (byte < sizeof(shorts) / sizeof(shorts[0]) && shorts[byte][0])
        return (size_t)snprintf(escaped, 8, "%s", shorts[byte]);
    if (byte >= 0x80)
        return (size_t)snprintf(escaped, 8, "\\ufffd");
    return (size_t)snprintf(escaped, 8, "\\u%04x", byte);
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* `broken_r`: not all of it was UTF-8. */
static int add_text(struct hx_buf *out, const uint8_t *p, size_t len,
                    bool *broken_r)
{
    size_t run = 0;
    char escaped[8];

    for (size_t i = 0; i < len;) {
        size_t n = is_plain(p[i]) ? 1 : utf8_len(p + i, len - i);

        if (n) {
            i += n;
            continue;
        }
        *broken_r |= p[i] >= 0x80;
        if (hx_buf_add(out, p + run, i - run) < 0 ||
            hx_buf_add(out, escaped, escape(p[i], escaped)) < 0)
            return -1;
        run = ++i;
    }
    return hx_buf_add(out, p + run, len - run);
}

static int add_base64(struct hx_buf *out, const uint8_t *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16;
        char four[4];

        if (n > 1)
            bits |= (uint32_t)p[i + 1] << 8;
        if (n > 2)
            bits |= p[i + 2];
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
        if (hx_buf_add(out, four, 4) < 0)
            return -1;
    }
    return 0;
}

/* Many records come at once, and have the same time. */
static int add_tail(struct hx_buf *out, const struct timespec *when)
{
    static struct timespec last = { .tv_nsec = -1 };
    static char tail[64];
    char time[32];
    struct tm tm;

    if (when->tv_sec != last.tv_sec || when->tv_nsec != last.tv_nsec) {
        if (!gmtime_r(&when->tv_sec, &tm) ||
            strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
            return -1;
        snprintf(tail, sizeof(tail), ",\"time\":\"%s.%09ldZ\"}\n", time,
                 (long)when->tv_nsec);
        last = *when;
    }
    return hx_buf_adds(out, tail);
}

static int add_record(struct hx_buf *out, const char *stream, const void *raw,
                      size_t len, const struct timespec *when)
{
    bool broken = false;

    if (hx_buf_adds(out, "{\"log\":\"") < 0 ||
        add_text(out, raw, len, &broken) < 0 ||
        hx_buf_adds(out, "\",\"stream\":\"") < 0 ||
        hx_buf_adds(out, stream) < 0 || hx_buf_adds(out, "\"") < 0)
        return -1;
    if (broken &&
        (hx_buf_adds(out, ",\"attrs\":{\"raw\":\"") < 0 ||
         add_base64(out, raw, len) < 0 || hx_buf_adds(out, "\"}") < 0))
        return -1;
    return add_tail(out, when);
}

int hx_json_record(struct hx_buf *out, const char *stream, const void *raw,
                   size_t len, const struct timespec *when)
{
    size_t before = out->len;

    if (add_record(out, stream, raw, len, when) == 0)
        return 0;
    out->len = before;
    if (out->data)
        out->data[before] = '\0';
    return -1;
}
