/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that may be made behind the walls, as a seccomp filter:
 * reading what is open, writing the output and the lines on standard output and
 * error, memory, and threads.  Whatever else is called ends the process by
 * SIGSYS.
 */
#ifndef HX_WALLS_FILTER_H
#define HX_WALLS_FILTER_H

#include "image/base/err.h"

/*
 * Puts the filter on the calling process, for good.  It must have one thread
 * and no_new_privs.  `output_fd` is what may be written beside 1 and 2;
 * `program` is how errors call it.
 */
int hx_walls_filter(const char *program, int output_fd, struct hx_err *err);

#endif
