/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor as seen from outside: started by whoever builds or adopts a
 * pod, and seen alive by the lock it holds on RUN/UUID/monitor.
 *
 * That file is a fifo which the monitor has open for writing: whoever has it
 * open for reading is told by POLLHUP when the monitor dies, with no polling
 * and no process id that could be reused.
 */
#ifndef HX_POD_MONITOR_H
#define HX_POD_MONITOR_H

#include "domain-builder/pod-state.h"

/* Name of the fifo in RUN/UUID. */
#define HX_MONITOR_FIFO "monitor"

/* Process id of the living monitor, or 0. */
pid_t hx_monitor_pid(const struct hx_pod_dir *dir);

/*
 * Starts the monitor of a pod whose domain is built (pod->domid), and waits
 * until it has the console and the watches, at most 10 s.  It is a process
 * of its own: neither child nor member of our session, with none of our
 * descriptors.  A second monitor is no error: it sees the first and ends.
 */
int hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                         struct hx_err *err);

#endif
