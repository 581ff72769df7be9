/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that a conversion may make, as a seccomp filter: reading
 * what is open, writing the disk and the lines on standard output and error,
 * memory, and threads.  Whatever else is called ends the process by SIGSYS.
 */
#ifndef HX_MKROOT_FILTER_H
#define HX_MKROOT_FILTER_H

#include "image/base/err.h"

/*
 * Puts the filter on the calling process, for good.  It must have one thread
 * and no_new_privs.  `output_fd` is what may be written beside 1 and 2.
 */
int hx_mkroot_filter(int output_fd, struct hx_err *err);

#endif
