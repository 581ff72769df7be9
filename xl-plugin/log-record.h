/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A record of a container's log, in the format of Docker's json-file driver:
 * one JSON object in a line,
 *
 *     {"log":"text\n","stream":"stdout","time":"2026-11-25T12:00:00.123Z"}
 *
 * A record is a line of output with its newline, or a part of one without.
 * When the bytes were no UTF-8, "log" has something in their place and
 * "attrs":{"raw":"BASE64"} has them as they were.
 */
#ifndef HX_LOG_RECORD_H
#define HX_LOG_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record and its newline; longer ones are none. */
#define HX_LOG_RECORD_MAX ((size_t)256 << 10)

enum hx_log_stream { HX_LOG_STDOUT, HX_LOG_STDERR };

struct hx_log_record {
    enum hx_log_stream stream;
    int64_t time_ns;  /* since 1970; 0: unknown */
    const char *text; /* the bytes, as they were written */
    size_t len;
    json_t *doc; /* what `text` may lie in */
    char *raw;   /* or this */
};

/* 0, or -1: that is no record.  *record_r is the caller's to release. */
int hx_log_record_parse(const char *line, size_t len,
                        struct hx_log_record *record_r);
/* Takes a zeroed one. */
void hx_log_record_release(struct hx_log_record *record);

/* Which records one wants; zeroed: all. */
struct hx_log_filter {
    bool no_stdout, no_stderr;
    int64_t since_ns; /* not older than this */
    int64_t until_ns; /* not newer; 0: no bound */
};

bool hx_log_filter_takes(const struct hx_log_filter *filter,
                         const struct hx_log_record *record);

#endif
