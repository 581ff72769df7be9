/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that may be made behind the walls, as a seccomp filter:
 * reading at an offset what is open, and the pipe, writing the output and the
 * lines on standard output and error, memory, and threads.  Whatever else is
 * called ends the process by SIGSYS.
 */
#ifndef HX_WALLS_FILTER_H
#define HX_WALLS_FILTER_H

#include "image/walls/walls.h"

/*
 * Puts the filter on the calling process, for good.  It must have one thread
 * and no_new_privs.
 */
int hx_walls_filter(const struct hx_walls *walls, struct hx_err *err);

#endif
