/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's log, pods/UUID/N-json.log, in Docker's json-file format (see
 * json-record.h), with one older part, N-json.log.1.
 *
 *     hx_json_log_open(&log, dir, 0, domid, HX_JSON_LOG_MAX_BYTES, err);
 *     hx_json_log_add(&log, HX_JSON_STDOUT, data, len);
 *     hx_json_log_write(&log, false);
 *     ... tell the guest: taken up to hx_json_log_offset(&log, stream) ...
 *
 * A record ends at a newline, at HX_JSON_RECORD_RAW_MAX bytes, or when what
 * has come waits HX_JSON_LOG_WAIT_MS for its rest: a prompt is seen at once.
 *
 * Every byte is in the log exactly once, even if the writer is killed at any
 * instruction (log-journal.h): what hx_json_log_offset() does not cover is
 * asked of the guest again.
 *
 * When the disk is full, output is dropped and the pod lives on; how much was
 * lost is said in the log once it can be written.
 */
#ifndef HX_JSON_LOG_H
#define HX_JSON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "domain-builder/monitor/json-record.h"
#include "domain-builder/monitor/log-journal.h"
#include "domain-builder/pod-state.h"
#include "image/base/buf.h"

#define HX_JSON_LOG_MAX_BYTES (10u << 20) /* of each of the two parts */
#define HX_JSON_LOG_WAIT_MS   50

enum hx_json_stream { HX_JSON_STDOUT, HX_JSON_STDERR, HX_JSON_STREAMS };

struct hx_json_log {
    char *path, *older, *journal_path;
    int fd, journal_fd;
    uint64_t max_bytes;
    struct hx_journal journal; /* with the batch that is being made */
    struct hx_buf batch;       /* its text */
    uint64_t lost;             /* bytes dropped, and not yet told */
    bool telling;              /* the batch begins with the word of them */
    struct timespec now;       /* of the records that are being made */
    struct hx_json_part {
        uint8_t *raw; /* HX_JSON_RECORD_RAW_MAX: a record that has no end yet */
        size_t len;
        int64_t since_ms; /* CLOCK_MONOTONIC, of its first byte */
    } part[HX_JSON_STREAMS];
};

/*
 * Opens the log of container `index` and takes up where a killed writer of the
 * same domain stopped.  `log` is released by hx_json_log_close(), after a
 * failure too; that drops what was not written.
 */
int hx_json_log_open(struct hx_json_log *log, const struct hx_pod_dir *dir,
                     size_t index, uint32_t domid, uint64_t max_bytes,
                     struct hx_err *err);
void hx_json_log_close(struct hx_json_log *log);

/* Takes the next bytes of a stream; some of them may be written. */
void hx_json_log_add(struct hx_json_log *log, enum hx_json_stream stream,
                     const void *data, size_t len);

/* The stream has ended: what has come of its last line is a record. */
void hx_json_log_end(struct hx_json_log *log, enum hx_json_stream stream);

/* Writes the records that are complete or have waited long enough; `all`: also
 * those that have not. */
void hx_json_log_write(struct hx_json_log *log, bool all);

/* Milliseconds until hx_json_log_write() has something to do; -1: never. */
int hx_json_log_timeout_ms(const struct hx_json_log *log);

/* All bytes of the stream before this one are in the log for good. */
uint64_t hx_json_log_offset(const struct hx_json_log *log,
                            enum hx_json_stream stream);

#endif
