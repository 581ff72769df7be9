/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "image/base/escape.h"
#include "xl-plugin/output.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/table.h"

#define OBJECT_WIDTH 24
#define STAGE_WIDTH  11 /* "downloading" */
#define BAR_MIN      8
#define BAR_MAX      40
#define SIZES_WIDTH  13 /* "999MB/999MB" and a bit */

/* Nothing more comes of it. */
static bool has_ended(const struct hx_progress_line *line)
{
    static const char *const ends[] = { "done", "pushed", "exists", "mounted" };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(line->stage, ends[i]) == 0)
            return true;
    }
    return false;
}

/* Of retries, tries stand in the place of bytes (image.h). */
static void print_count(const struct hx_progress_line *line, uint64_t count,
                        char text[HX_SIZE_TEXT])
{
    if (strcmp(line->stage, "retrying") == 0)
        snprintf(text, HX_SIZE_TEXT, "%" PRIu64, count);
    else
        hx_size_print(count, text);
}

static void add_padded(struct hx_buf *out, const char *text, unsigned width)
{
    unsigned used = hx_text_width(text);

    hx_text_cut(text, width, out);
    if (used < width)
        hx_buf_addf(out, "%*s", (int)(width - used), "");
}

static void add_bar(struct hx_buf *out, const struct hx_progress_line *line,
                    unsigned width)
{
    uint64_t done = line->done_bytes;
    unsigned full;

    if (done > line->total_bytes)
        done = line->total_bytes;
    /* Double, because bytes times width could overflow. */
    full = (unsigned)((double)done / (double)line->total_bytes * width);
    hx_buf_adds(out, "[");
    for (unsigned i = 0; i < width; i++)
        hx_buf_adds(out, i < full ? "=" : i == full ? ">" : " ");
    hx_buf_adds(out, "] ");
}

void hx_progress_format(const struct hx_progress_line *line, unsigned width,
                        struct hx_buf *out)
{
    unsigned object = hx_text_width(line->object);
    char done[HX_SIZE_TEXT], total[HX_SIZE_TEXT], sizes[2 * HX_SIZE_TEXT + 1];
    unsigned left;

    /* Short digests line up, and a long reference does not push the rest. */
    if (object < 12)
        object = 12;
    if (object > OBJECT_WIDTH)
        object = OBJECT_WIDTH;
    if (width < object + 2 + STAGE_WIDTH) {
        hx_text_cut(line->object, width, out);
        return;
    }
    add_padded(out, line->object, object);
    hx_buf_adds(out, "  ");
    left = width - object - 2;

    print_count(line, line->done_bytes, done);
    print_count(line, line->total_bytes, total);
    if (has_ended(line)) {
        hx_buf_adds(out, line->stage);
        return;
    }
    if (!line->done_bytes && !line->total_bytes) {
        hx_buf_adds(out, line->stage);
        return;
    }
    add_padded(out, line->stage, STAGE_WIDTH);
    hx_buf_adds(out, " ");
    left -= STAGE_WIDTH + 1;
    if (line->total_bytes)
        snprintf(sizes, sizeof(sizes), "%s/%s", done, total);
    else
        snprintf(sizes, sizeof(sizes), "%s", done);
    if (line->total_bytes && strcmp(line->stage, "retrying") != 0 &&
        left >= BAR_MIN + 3 + SIZES_WIDTH) {
        unsigned bar = left - 3 - SIZES_WIDTH;

        add_bar(out, line, bar > BAR_MAX ? BAR_MAX : bar);
        left = SIZES_WIDTH;
    }
    hx_text_cut(sizes, left, out);
}

/* Draws line `index`; the cursor stands below the last line before and
 * after. */
static void draw(const struct hx_progress_view *view, unsigned index)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    unsigned width = hx_terminal_width(view->out);
    unsigned up = view->line_count - index;

    /* The last column stays free: some terminals wrap when it is written. */
    hx_buf_addf(&text, "\033[%uA\r", up);
    hx_progress_format(&view->lines[index], width > 1 ? width - 1 : 79, &text);
    hx_buf_addf(&text, "\033[K\033[%uB\r", up);
    fwrite(text.data, 1, text.len, view->out);
    fflush(view->out);
}

static void print_stage(const struct hx_progress_view *view,
                        const struct hx_progress_line *line)
{
    bool retries = strcmp(line->stage, "retrying") == 0;
    char total[HX_SIZE_TEXT], tries[HX_SIZE_TEXT];

    print_count(line, line->total_bytes, total);
    print_count(line, line->done_bytes, tries);
    fprintf(view->out, "%s: %s%s%s%s%s\n", line->object, line->stage,
            line->total_bytes ? " " : "", retries ? tries : "",
            retries ? "/" : "", line->total_bytes ? total : "");
    fflush(view->out);
}

static bool is_complete(const struct hx_progress_line *line)
{
    return has_ended(line) ||
           (line->total_bytes && line->done_bytes == line->total_bytes);
}

/* Whose line a new object takes: one that is done, else the last one.  The
 * first one is the image's, and stays. */
static unsigned choose_victim(const struct hx_progress_view *view)
{
    for (unsigned i = 1; i < view->line_count; i++) {
        if (is_complete(&view->lines[i]))
            return i;
    }
    return view->line_count - 1;
}

/* The line of an object; a new one at the end, as long as there is room. */
static unsigned take_line(struct hx_progress_view *view, const char *object)
{
    unsigned index;

    for (unsigned i = 0; i < view->line_count; i++) {
        if (strcmp(view->lines[i].object, object) == 0)
            return i;
    }
    if (view->line_count < view->lines_max) {
        index = view->line_count++;
        if (view->bars)
            fputc('\n', view->out);
    } else {
        index = choose_victim(view);
    }
    view->lines[index] = (struct hx_progress_line){ 0 };
    snprintf(view->lines[index].object, sizeof(view->lines[index].object), "%s",
             object);
    return index;
}

/* What only says that nothing has happened yet is left out. */
static bool is_worth_a_line(const char *stage)
{
    return strcmp(stage, "resolving") != 0 && strcmp(stage, "waiting") != 0;
}

static void on_event(const struct hx_progress_event *event, void *opaque)
{
    struct hx_progress_view *view = opaque;
    struct hx_progress_line *line;
    char object[sizeof(line->object)];
    unsigned index;
    bool new_stage;

    /* Digests are told by their digits, as docker does. */
    snprintf(object, sizeof(object), "%s",
             event->object +
                 (strncmp(event->object, "sha256:", 7) == 0 ? 7 : 0));
    hx_escape_in_place(object);
    index = take_line(view, object);
    line = &view->lines[index];
    new_stage = strncmp(line->stage, event->stage, sizeof(line->stage) - 1);
    snprintf(line->stage, sizeof(line->stage), "%s", event->stage);
    line->done_bytes = event->done_bytes;
    line->total_bytes = event->total_bytes;
    if (view->bars)
        draw(view, index);
    else if (new_stage && is_worth_a_line(event->stage))
        print_stage(view, line);
}

void hx_progress_view_init(struct hx_progress_view *view, FILE *out)
{
    const char *term = getenv("TERM");
    unsigned height = hx_terminal_height(out);

    *view = (struct hx_progress_view){
        .progress = { .event = on_event, .opaque = view },
        .out = out,
        .bars = height > 3 && term && *term && strcmp(term, "dumb") != 0,
        .lines_max = HX_PROGRESS_LINES_MAX,
    };
    /* A cursor cannot go up beyond the screen. */
    if (view->bars && height - 1 < view->lines_max)
        view->lines_max = height - 1;
}

void hx_progress_view_finish(struct hx_progress_view *view)
{
    fflush(view->out);
    view->line_count = 0;
}
