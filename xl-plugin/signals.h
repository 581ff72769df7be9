/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals by name or number, as `docker kill -s` and an image's StopSignal
 * give them.
 */
#ifndef HX_SIGNALS_H
#define HX_SIGNALS_H

#include "image/base/err.h"

/*
 * "SIGQUIT", "QUIT", "quit", "3", "SIGRTMIN+3", "RTMAX-1"; *signum_r is
 * 1..64, the guest's numbers, which are Linux's on x86.  `what` names where
 * the text came from.  HX_ERR_USAGE.
 */
int hx_signal_parse(const char *what, const char *text, int *signum_r,
                    struct hx_err *err);

/* "SIGQUIT", "SIGRTMIN+3"; "SIG99" never: out of range gives "SIG?". */
const char *hx_signal_name(int signum);

#endif
