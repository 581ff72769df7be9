/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of all downloads of this process, once one of them has failed: each
 * thread that waits asks in here, so that none outlasts the failure by more
 * than a second.
 */
#ifndef HX_PULL_STOP_H
#define HX_PULL_STOP_H

#include <stdint.h>

#include "image/base/err.h"

void hx_stop_set(void);
void hx_stop_clear(void);
int hx_stop_is_set(void);

/* Waits so long, or until a stop: then HX_ERR_INTERRUPTED. */
int hx_stop_wait(int64_t ms, struct hx_err *err);
/* That error: nobody sees it, since the failure that came first is told. */
int hx_stop_error(struct hx_err *err);

#endif
