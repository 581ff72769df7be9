/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/report.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/escape.h"
#include "image/base/json.h"

#define PAUSE_MS 100
#define SAID_MAX 32 /* objects that are remembered: more than are under way */

/* What was said last of an object. */
struct said {
    char object[256];
    char stage[32];
    int64_t ms;
    int was_last;
};

/* Lines do not mix, and what was said is one for all threads. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void hx_report_line(json_t *line)
{
    _cleanup_free_ char *text = NULL;

    text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text)
        return;
    puts(text);
    fflush(stdout);
}

/* What is known of an object; a new one takes the place of the oldest. */
static struct said *find_said(const char *object)
{
    static struct said all[SAID_MAX];
    struct said *oldest = &all[0];

    for (size_t i = 0; i < SAID_MAX; i++) {
        if (strcmp(all[i].object, object) == 0)
            return &all[i];
        if (all[i].ms < oldest->ms)
            oldest = &all[i];
    }
    *oldest = (struct said){ 0 };
    snprintf(oldest->object, sizeof(oldest->object), "%s", object);
    return oldest;
}

/* Whether the line would come too soon after the last one of its kind. */
static int too_soon(const char *stage, const char *object, int last)
{
    struct said *said = find_said(object);
    int64_t now_ms = hx_clock_monotonic_ms();
    int same = strcmp(said->stage, stage) == 0;

    if (same && (said->was_last || !last) &&
        (last || now_ms - said->ms < PAUSE_MS))
        return 1;
    snprintf(said->stage, sizeof(said->stage), "%s", stage);
    said->was_last = last;
    said->ms = now_ms;
    return 0;
}

static void progress(const char *stage, const char *object, uint64_t done_bytes,
                     uint64_t total_bytes)
{
    char safe[256];

    snprintf(safe, sizeof(safe), "%s", object);
    hx_escape_in_place(safe);
    if (too_soon(stage, safe, total_bytes && done_bytes == total_bytes))
        return;
    hx_report_line(json_pack("{s:{s:s, s:s, s:I, s:I}}", "progress", "stage",
                             stage, "object", safe, "done_bytes",
                             (json_int_t)done_bytes, "total_bytes",
                             (json_int_t)total_bytes));
}

void hx_report_progress(const char *stage, const char *object,
                        uint64_t done_bytes, uint64_t total_bytes)
{
    pthread_mutex_lock(&mutex);
    progress(stage, object, done_bytes, total_bytes);
    pthread_mutex_unlock(&mutex);
}

void hx_report_whole(struct hx_whole *whole, int64_t more_bytes)
{
    if (!whole)
        return;
    pthread_mutex_lock(&mutex);
    whole->done_bytes += (uint64_t)more_bytes;
    progress("downloading", whole->object, whole->done_bytes,
             whole->total_bytes);
    pthread_mutex_unlock(&mutex);
}

void hx_report_image(const char *id, const char *reference)
{
    hx_report_line(json_pack("{s:{s:s, s:s?}}", "image", "id", id, "reference",
                             reference));
}

void hx_report_pushed(const char *digest, size_t size_bytes)
{
    hx_report_line(json_pack("{s:{s:s, s:I}}", "pushed", "digest", digest,
                             "size_bytes", (json_int_t)size_bytes));
}

void hx_report_error(const struct hx_err *err)
{
    hx_report_line(json_pack("{s:{s:s, s:s}}", "error", "code",
                             hx_err_name(err->code), "message", err->msg));
}

const char *hx_short_digest(const char *digest, char text[HX_SHORT_DIGEST])
{
    snprintf(text, HX_SHORT_DIGEST, "%.19s", digest);
    return text;
}
