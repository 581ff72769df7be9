/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log that stays within its bound, whatever a guest writes: PATH, and one
 * older part PATH.1, together at most twice max_bytes.
 *
 * When the disk is full, output is dropped and the pod lives on.
 */
#ifndef HX_BOUND_LOG_H
#define HX_BOUND_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

struct hx_bound_log {
    char *path;
    char *older; /* PATH.1 */
    int fd;
    uint64_t size;
    uint64_t max_bytes; /* of each of the two */
};

/* Opens for appending, 0600.  `log` is released by hx_bound_log_close(),
 * after a failure too. */
int hx_bound_log_open(struct hx_bound_log *log, const char *path,
                      uint64_t max_bytes, struct hx_err *err);
void hx_bound_log_write(struct hx_bound_log *log, const char *data, size_t len);
/* Takes a zeroed one. */
void hx_bound_log_close(struct hx_bound_log *log);

#endif
