/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a container, seen from pv-init: a process in new PID and mount
 * namespaces that ends in the image's program.
 *
 * Network, host name and System V IPC are the pod's, shared by its
 * containers.  The process is PID 1 of its namespace, as in Docker: when it
 * ends, the kernel kills whatever it left behind, before the parent hears of
 * it.
 */
#ifndef HX_INIT_CONTAINER_H
#define HX_INIT_CONTAINER_H

#include "pv-init/base.h"
#include "pv-init/config.h"
#include "pv-init/plumbing.h"

/*
 * Returns when the program was executed or could not be
 * (started_r->exit_code; then there is nothing to take over); -1 when not
 * even the attempt could be made.
 */
int hx_init_container_start(const struct hx_init_config *config, unsigned index,
                            struct hx_init_started *started_r,
                            struct hx_init_err *err);

/* The folder of a started container among the cgroups, the caller's to close;
 * -1 when the kernel has none. */
int hx_init_container_cgroup(unsigned index);

/* How often the kernel killed a process of the container for lack of memory. */
unsigned hx_init_container_oom_kills(unsigned index);

#endif
