/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress of a pull: on a terminal a bar for the whole image and one for each
 * layer under way, one line for each change of stage elsewhere (TERM=dumb is
 * elsewhere).  No colours, so NO_COLOR has nothing to turn off.
 *
 *     struct hx_progress_view view;
 *
 *     hx_progress_view_init(&view, stderr);
 *     hx_image_get(store, reference, &options, &view.progress, &image, err);
 *     hx_progress_view_finish(&view);
 *
 * The first object is the image, whose line stays on top.  Memory is bounded: a
 * new object takes the line of one that is done.
 */
#ifndef HX_PROGRESS_H
#define HX_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "image/base/buf.h"
#include "image/image.h"

#define HX_PROGRESS_LINES_MAX 24

struct hx_progress_line {
    char object[80];
    char stage[16];
    uint64_t done_bytes;
    uint64_t total_bytes;
};

struct hx_progress_view {
    struct hx_progress progress; /* what the image library takes */
    FILE *out;
    bool bars;
    unsigned lines_max;
    unsigned line_count;
    struct hx_progress_line lines[HX_PROGRESS_LINES_MAX];
};

void hx_progress_view_init(struct hx_progress_view *view, FILE *out);

/* Leaves the cursor below the bars.  Safe to call more than once. */
void hx_progress_view_finish(struct hx_progress_view *view);

/*
 * One line, `width` columns at most, without a newline:
 *   "4f53cda18c2b  downloading [=========>          ] 12.3MB/45.6MB"
 */
void hx_progress_format(const struct hx_progress_line *line, unsigned width,
                        struct hx_buf *out);

#endif
