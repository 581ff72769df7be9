/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sources: domain-builder/monitor/marks.c domain-builder/monitor/memo.c */
/* sources: domain-builder/guest-report.c domain-builder/pod-state.c */
/* sources: domain-builder/pod-names.c domain-builder/pod-spec.c */
/* sources: domain-builder/pod-record.c image/base/[a-z]*.c */
/* packages: jansson */
/*
 * What dom0 reads of a guest: its console, cut into pieces, against a simple
 * search in the whole; its reports; and the monitor's memo.  The first byte
 * chooses.  In consoles the byte 1 stands for the start mark, 2 for the end
 * mark, and 3 for half of one, which no fuzzer would find.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/monitor/marks.h"
#include "domain-builder/monitor/memo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NONCE "00000000000000000000000000000001"
#define START HX_ABI_MARK_HEAD NONCE HX_ABI_MARK_START
#define END   HX_ABI_MARK_HEAD NONCE HX_ABI_MARK_END

#define TEXT_MAX 65536

struct parts {
    char *output, *other;
    size_t output_len, other_len;
};

static void add(void *ctx, bool output, const char *data, size_t len)
{
    struct parts *parts = ctx;

    if (output) {
        memcpy(parts->output + parts->output_len, data, len);
        parts->output_len += len;
    } else {
        memcpy(parts->other + parts->other_len, data, len);
        parts->other_len += len;
    }
}

static size_t expand(const uint8_t *data, size_t size, char *text)
{
    static const char *const marks[] = { "", START, END, "\033_hyper:" };
    size_t len = 0;

    for (size_t i = 0; i < size && len < TEXT_MAX - 128; i++) {
        if (data[i] < 1 || data[i] > 3) {
            text[len++] = (char)data[i];
            continue;
        }
        memcpy(text + len, marks[data[i]], strlen(marks[data[i]]));
        len += strlen(marks[data[i]]);
    }
    return len;
}

/* The same in the whole text, by memmem. */
static void split(const char *text, size_t len, struct parts *parts)
{
    const char *start = memmem(text, len, START, strlen(START));
    const char *within, *end;

    if (!start) {
        add(parts, false, text, len);
        return;
    }
    add(parts, false, text, (size_t)(start - text));
    within = start + strlen(START);
    len -= (size_t)(within - text);
    end = memmem(within, len, END, strlen(END));
    if (!end) {
        add(parts, true, within, len);
        return;
    }
    add(parts, true, within, (size_t)(end - within));
    len -= (size_t)(end + strlen(END) - within);
    add(parts, false, end + strlen(END), len);
}

static void try_console(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX], buffers[4][TEXT_MAX];
    struct parts found = { buffers[0], buffers[1], 0, 0 };
    struct parts wanted = { buffers[2], buffers[3], 0, 0 };
    size_t len = expand(data, size, text), at = 0, i = 0;
    struct hx_marks marks;

    hx_marks_init(&marks, NONCE, HX_MARKS_BEFORE);
    while (at < len) {
        size_t piece = size ? data[i++ % size] % 37u + 1 : 1;

        if (piece > len - at)
            piece = len - at;
        hx_marks_feed(&marks, text + at, piece, add, &found);
        at += piece;
    }
    hx_marks_flush(&marks, add, &found);
    split(text, len, &wanted);
    if (found.output_len != wanted.output_len ||
        found.other_len != wanted.other_len ||
        memcmp(found.output, wanted.output, found.output_len) != 0 ||
        memcmp(found.other, wanted.other, found.other_len) != 0)
        abort();
}

/* "KEY\0VALUE", over and over. */
static void try_report(const uint8_t *data, size_t size)
{
    struct hx_guest_report report;
    struct hx_pod pod = { .spec.container_count = 2 };

    hx_guest_report_init(&report);
    while (size) {
        const uint8_t *nul = memchr(data, 0, size);
        const char *key = (const char *)data;
        size_t value_len;

        if (!nul)
            break;
        size -= (size_t)(nul + 1 - data);
        data = nul + 1;
        nul = memchr(data, '\n', size);
        value_len = nul ? (size_t)(nul - data) : size;
        hx_guest_report_take(&report, key, (const char *)data, value_len);
        size -= value_len;
        data += value_len;
    }
    if (hx_guest_report_end(&report, HX_DOMAIN_ENDED, true, NULL, &pod, NULL) <
            0 ||
        pod.exit_code < 0 || pod.exit_code > 255 ||
        (pod.exit_code == 0 && pod.end != HX_END_EXIT) ||
        (pod.message && strpbrk(pod.message, "\033\n\r\007")))
        abort();
    pod.spec.container_count = 0;
    hx_pod_release(&pod);
}

static void try_memo(const uint8_t *data, size_t size)
{
    char text[256], again[HX_MEMO_TEXT_MAX];
    struct hx_memo memo, same;

    if (size >= sizeof(text))
        size = sizeof(text) - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    if (hx_memo_parse(text, &memo) < 0)
        return;
    hx_memo_format(&memo, again);
    if (hx_memo_parse(again, &same) < 0 || strcmp(memo.tty, same.tty) != 0 ||
        memo.device != same.device || memo.born_ns != same.born_ns)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        try_console(data + 1, size - 1);
        break;
    case 1:
        try_report(data + 1, size - 1);
        break;
    default:
        try_memo(data + 1, size - 1);
        break;
    }
    return 0;
}
