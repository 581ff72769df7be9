/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/escape.h"
#include "image/base/json.h"

#define PAUSE_MS 100

static void send(json_t *line)
{
    _cleanup_free_ char *text = NULL;

    text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text)
        return;
    puts(text);
    fflush(stdout);
}

/* Whether the line would come too soon after the last one of its kind. */
static int too_soon(const char *stage, const char *object, int last)
{
    static char key[320];
    static int64_t said_ms;
    static int said_last;
    char mine[sizeof(key)];
    int same;

    snprintf(mine, sizeof(mine), "%.31s %.255s", stage, object);
    same = strcmp(mine, key) == 0;
    if (same && (said_last || !last) &&
        (last || hx_clock_monotonic_ms() - said_ms < PAUSE_MS))
        return 1;
    said_last = last;
    memcpy(key, mine, sizeof(key));
    said_ms = hx_clock_monotonic_ms();
    return 0;
}

void hx_report_progress(const char *stage, const char *object,
                        uint64_t done_bytes, uint64_t total_bytes)
{
    char safe[256];

    snprintf(safe, sizeof(safe), "%s", object);
    hx_escape_in_place(safe);
    if (too_soon(stage, safe, total_bytes && done_bytes == total_bytes))
        return;
    send(json_pack("{s:{s:s, s:s, s:I, s:I}}", "progress", "stage", stage,
                   "object", safe, "done_bytes", (json_int_t)done_bytes,
                   "total_bytes", (json_int_t)total_bytes));
}

void hx_report_image(const char *id, const char *reference)
{
    send(json_pack("{s:{s:s, s:s?}}", "image", "id", id, "reference",
                   reference));
}

void hx_report_error(const struct hx_err *err)
{
    send(json_pack("{s:{s:s, s:s}}", "error", "code", hx_err_name(err->code),
                   "message", err->msg));
}

const char *hx_short_digest(const char *digest, char text[HX_SHORT_DIGEST])
{
    snprintf(text, HX_SHORT_DIGEST, "%.19s", digest);
    return text;
}
