/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/marks.h"

#include <stdio.h>
#include <string.h>

static void look_for(struct hx_marks *marks, enum hx_marks_phase phase)
{
    size_t border = 0;

    marks->phase = phase;
    marks->matched = 0;
    marks->len = (size_t)snprintf(marks->mark, sizeof(marks->mark), "%s%s%s",
                                  HX_ABI_MARK_HEAD, marks->nonce,
                                  phase == HX_MARKS_BEFORE ? HX_ABI_MARK_START
                                                           : HX_ABI_MARK_END);
    marks->border[0] = 0;
    for (size_t i = 1; i < marks->len; i++) {
        while (border && marks->mark[i] != marks->mark[border])
            border = marks->border[border - 1];
        border += marks->mark[i] == marks->mark[border];
        marks->border[i] = (unsigned char)border;
    }
}

void hx_marks_init(struct hx_marks *marks, const char *nonce,
                   enum hx_marks_phase phase)
{
    memset(marks, 0, sizeof(*marks));
    memcpy(marks->nonce, nonce, HX_ABI_NONCE_LEN);
    look_for(marks, phase);
}

static void hand_out(const struct hx_marks *marks, const char *data, size_t len,
                     hx_marks_sink *sink, void *ctx)
{
    if (len)
        sink(ctx, marks->phase == HX_MARKS_WITHIN, data, len);
}

/* One byte, when a mark may have begun. */
static void step(struct hx_marks *marks, char c, hx_marks_sink *sink, void *ctx)
{
    while (marks->matched && c != marks->mark[marks->matched]) {
        size_t shorter = marks->border[marks->matched - 1];

        /* The beginning of what was withheld is no mark's beginning. */
        hand_out(marks, marks->mark, marks->matched - shorter, sink, ctx);
        marks->matched = shorter;
    }
    if (c != marks->mark[marks->matched]) {
        hand_out(marks, &c, 1, sink, ctx);
        return;
    }
    if (++marks->matched == marks->len)
        look_for(marks, marks->phase + 1);
}

void hx_marks_feed(struct hx_marks *marks, const char *data, size_t len,
                   hx_marks_sink *sink, void *ctx)
{
    const char *end = data + len;

    while (data < end) {
        const char *mark = end;

        if (marks->phase != HX_MARKS_AFTER && marks->matched) {
            step(marks, *data++, sink, ctx);
            continue;
        }
        if (marks->phase != HX_MARKS_AFTER)
            mark = memchr(data, marks->mark[0], (size_t)(end - data));
        if (!mark)
            mark = end;
        hand_out(marks, data, (size_t)(mark - data), sink, ctx);
        data = mark;
        if (data < end)
            step(marks, *data++, sink, ctx);
    }
}

void hx_marks_flush(struct hx_marks *marks, hx_marks_sink *sink, void *ctx)
{
    hand_out(marks, marks->mark, marks->matched, sink, ctx);
    marks->matched = 0;
}
