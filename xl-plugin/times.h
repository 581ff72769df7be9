/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Points in time and durations as docker prints them.  Times are milliseconds
 * since 1970; 0 is "unknown" or "not yet".
 */
#ifndef HX_TIMES_H
#define HX_TIMES_H

#include <stdint.h>

#include "image/base/err.h"

/* Room for either text. */
#define HX_TIME_TEXT 40

/* "2026-01-31T12:00:00.123Z"; "0001-01-01T00:00:00Z" for 0, as docker. */
void hx_time_print_rfc3339(int64_t ms, char text[HX_TIME_TEXT]);

/* The other way, for the times an image's config holds; 0 when it is none. */
int64_t hx_time_parse_rfc3339(const char *text);

/* The same in nanoseconds, with the decimals. */
int64_t hx_time_parse_rfc3339_ns(const char *text);

/* "2026-01-31T12:00:00.123456789Z", as docker's --timestamps; ns >= 0. */
void hx_time_print_ns(int64_t ns, char text[HX_TIME_TEXT]);

/*
 * A point in time as docker's --since and --until take it: a duration before
 * now ("10m", "1h30m", "500ms"), seconds since 1970 ("1700000000.25"), RFC
 * 3339, or its beginning, in local time ("2026-01-31", "2026-01-31T12:00").
 * `what` names the option; HX_ERR_USAGE.
 */
int hx_time_parse_point(const char *what, const char *text, int64_t now_ms,
                        int64_t *ms_r, struct hx_err *err);

/* Go's durations, as docker takes them: "1h30m", "1.5s", "200ms", "0".  `what`
 * names the option; HX_ERR_USAGE. */
int hx_time_parse_duration(const char *what, const char *text, int64_t *ms_r,
                           struct hx_err *err);

/* "Less than a second", "5 seconds", "About a minute", "3 weeks". */
void hx_time_print_duration(int64_t ms, char text[HX_TIME_TEXT]);

/* The same with " ago"; "N/A" for a time that is not known. */
void hx_time_print_ago(int64_t then_ms, int64_t now_ms,
                       char text[HX_TIME_TEXT]);

#endif
