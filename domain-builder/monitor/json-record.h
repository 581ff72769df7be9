/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One record of a container's log, as Docker's json-file driver writes it.
 * Pure.
 *
 *     {"log":"text\n","stream":"stdout","time":"2026-11-25T23:27:19.123456789Z"}
 *
 * JSON cannot hold bytes that are not UTF-8: each is U+FFFD in "log", as with
 * Docker, and then the exact bytes are in "attrs", for readers that know:
 *
 *     {"log":"\ufffd\n","stream":"stdout","attrs":{"raw":"/wo="},"time":"..."}
 */
#ifndef HX_JSON_RECORD_H
#define HX_JSON_RECORD_H

#include <stdint.h>
#include <time.h>

#include "image/base/buf.h"

/* Of a container's bytes in one record, as with Docker. */
#define HX_JSON_RECORD_RAW_MAX 16384

/* Appends the record and its newline.  `stream`: "stdout" or "stderr".  0, or
 * -1 with errno as hx_buf_add(), and then *out is as it was. */
int hx_json_record(struct hx_buf *out, const char *stream, const void *raw,
                   size_t len, const struct timespec *when);

/* How many bytes at the end of a text are the beginning of a UTF-8 character
 * that goes on behind it: 0 to 3. */
size_t hx_json_record_cut(const void *text, size_t len);

#endif
