/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domain's console: the kernel's words and, in case of trouble, one line
 * of pv-init's.  The containers' output goes over the control channel.
 *
 * The descriptor does not block; hx_init_console_write() is for what has to
 * be out before pv-init goes on.
 */
#ifndef HX_INIT_CONSOLE_H
#define HX_INIT_CONSOLE_H

#include <stddef.h>

#include "pv-init/base.h"

/*
 * Opens it in raw mode (no byte is changed on its way) and keeps the kernel's
 * messages off it, but for those of a kernel that dies.  The descriptor, or
 * -1.
 */
int hx_init_console_open(struct hx_init_err *err);

/* Makes any tty raw; what is no tty is left alone. */
void hx_init_console_make_raw(int fd);

/* How long a console that nobody reads is waited for: longer than an
 * xenconsoled that starts anew, and not for ever. */
#define HX_INIT_CONSOLE_STALL_MS 30000

/* Writes all; -1 when the console is broken, or takes nothing for stall_ms
 * (-1: is waited for).  Works with blocking and other descriptors. */
int hx_init_console_write(int fd, const void *data, size_t len, int stall_ms);

/* "pv-init: <text>" on a line of its own. */
int hx_init_console_say(int fd, const char *text);

/* Returns when the device has taken over what was written.  SIGALRM is used
 * up. */
void hx_init_console_drain(int fd);

#endif
