/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the journal of events (pod-event.h), also while it grows.
 *
 *     r = hx_event_log_open(host, true, &log, err);
 *     for (;;) {
 *         while ((line = hx_event_log_next(log)))
 *             ...
 *         poll() of hx_event_log_fd(log): there may be more
 *     }
 */
#ifndef HX_EVENT_LOG_H
#define HX_EVENT_LOG_H

#include "domain-builder/host.h"
#include "image/base/err.h"

struct hx_event_log;

/* From the oldest line that is kept, or (`all` false) from the next one on.
 * *log_r is the caller's.  A journal that is not there yet is no error. */
int hx_event_log_open(const struct hx_host *host, bool all,
                      struct hx_event_log **log_r, struct hx_err *err);
/* Takes NULL. */
void hx_event_log_close(struct hx_event_log *log);

/* A line without its newline, borrowed until the next call; NULL: there is no
 * further one now.  Longer ones than HX_EVENT_LINE_MAX are left out. */
const char *hx_event_log_next(struct hx_event_log *log);

/* Readable when something in the journal's folder has changed;
 * hx_event_log_next() takes that back. */
int hx_event_log_fd(const struct hx_event_log *log);

#endif
