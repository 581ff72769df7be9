/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Docker's --init: a process that is PID 1 of a container in place of the
 * image's program, waits for orphans, and passes signals on.
 *
 * It is pv-init's own file, executed anew: a fork alone would have pv-init's
 * memory, and the pod's secrets, where the container's processes could read
 * them.
 */
#ifndef HX_INIT_REAPER_H
#define HX_INIT_REAPER_H

#include <stdbool.h>

#include "pv-init/base.h"

/*
 * pv-init's file in a mount of its own that is read-only, so that a
 * container's root cannot change it by way of /proc/1/exe.  To be called
 * before the sandbox; the descriptor is closed on exec, -1 on failure.
 */
int hx_init_reaper_open(struct hx_init_err *err);

/* Replaces this process by it; returns an exit code on failure only. */
int hx_init_reaper_exec(int fd, const char *const *args, char *const *env,
                        struct hx_init_err *err);

/* Whether argv[0] says that this is it; and being it. */
bool hx_init_is_reaper(const char *name);
int hx_init_reaper_main(int argc, char **argv);

#endif
