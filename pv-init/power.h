/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domain's end, and what leads there from outside.
 *
 * `xl shutdown` and `xl reboot` reach the kernel, which answers dom0 and runs
 * /sbin/poweroff or /sbin/reboot of the ramdisk.  Both are pv-init again: it
 * sees that it is not PID 1 and sends PID 1 a signal.  So nobody but the
 * kernel has to know the protocol.
 */
#ifndef HX_INIT_POWER_H
#define HX_INIT_POWER_H

#include <stdbool.h>

#include "pv-init/base.h"

/* What a process other than PID 1 does; its exit code. */
int hx_init_power_helper(const char *argv0);

/* Never returns, whatever the kernel answers: PID 1 must not end. */
void hx_init_power_off(bool reboot) __attribute__((noreturn));

/*
 * Arms the handler of pv-init's own mistakes (SIGSEGV and its like): it
 * reports "failed" and powers off, where the kernel would panic.  Called
 * again when there is more to report to; -1 stands for nothing.
 */
void hx_init_power_guard(int console, int xenstore);

#endif
