/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `pull` says to its caller: lines of JSON on standard output (see
 * image/helper.h).  When nobody listens any more, SIGPIPE ends the program.
 */
#ifndef HX_PULL_REPORT_H
#define HX_PULL_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

/*
 * {"progress": {"stage", "object", "done_bytes", "total_bytes"}}.  A stage of
 * an object is reported when it begins, when done reaches total, and at most
 * ten times a second between.  From any thread.
 */
void hx_report_progress(const char *stage, const char *object,
                        uint64_t done_bytes, uint64_t total_bytes);

/* Several downloads as one. */
struct hx_whole {
    const char *object; /* the image's name */
    uint64_t done_bytes, total_bytes;
    int grown_fd; /* pipe's end that tells who reads them meanwhile, or -1 */
};

/* One of them got on by so much, or lost what it had (negative).  From any
 * thread; takes NULL. */
void hx_report_whole(struct hx_whole *whole, int64_t more_bytes);

/* {"image": {"id", "reference"}}; `reference` may be NULL. */
void hx_report_image(const char *id, const char *reference);
/* {"pushed": {"digest", "size_bytes"}}: the manifest's. */
void hx_report_pushed(const char *digest, size_t size_bytes);
/* {"error": {"code", "message"}} */
void hx_report_error(const struct hx_err *err);

/* Any other line; takes it over, and takes NULL. */
void hx_report_line(json_t *line);

/* "sha256:" and 12 digits: how a blob is called in progress and errors. */
#define HX_SHORT_DIGEST 20
const char *hx_short_digest(const char *digest, char text[HX_SHORT_DIGEST]);

#endif
