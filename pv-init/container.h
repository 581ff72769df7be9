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

#include <sys/types.h>

#include "pv-init/base.h"
#include "pv-init/config.h"

struct hx_init_started {
    pid_t pid;
    int out[2]; /* pipes, or a pty's master and -1: the caller's */
    /* 0: the program runs.  Else it does not (125..127, why is in `err`), and
     * there is nothing else to take over. */
    int exit_code;
};

/*
 * Returns when the program was executed or could not be; -1 when not even the
 * attempt could be made.
 */
int hx_init_container_start(const struct hx_init_config *config, unsigned index,
                            struct hx_init_started *started_r,
                            struct hx_init_err *err);

/* How often the kernel killed a process of the container for lack of memory. */
unsigned hx_init_container_oom_kills(unsigned index);

#endif
