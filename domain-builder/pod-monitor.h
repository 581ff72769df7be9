/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor as seen from outside: started by whoever builds or adopts a
 * pod, and seen alive by the lock it holds on RUN/UUID/monitor.
 *
 * That file is a fifo which the monitor has open for writing: whoever has it
 * open for reading is told by POLLHUP when the monitor dies, with no polling
 * and no process id that could be reused.  The lock is POSIX's, which can be
 * looked at without being taken, tells whose it is, and lasts over exec: the
 * monitor becomes the reaper at the pod's end, and counts as alive until the
 * pod's resources are given back.
 */
#ifndef HX_POD_MONITOR_H
#define HX_POD_MONITOR_H

#include "domain-builder/pod-state.h"

/* Name of the fifo in RUN/UUID. */
#define HX_MONITOR_FIFO "monitor"

/* Name of the socket there, for commands: see pod-exec.h. */
#define HX_MONITOR_SOCKET "control"

/* What monitor.log may have when a monitor or a restarter opens it. */
#define HX_MONITOR_LOG_MAX_BYTES (256 << 10)

/* Process id of the living monitor, or 0.  The caller's own is none. */
pid_t hx_monitor_pid(const struct hx_pod_dir *dir);

/* A descriptor, the caller's, on which poll() reports POLLHUP once the living
 * monitor has died; or -1 when none lives. */
int hx_monitor_watch(const struct hx_pod_dir *dir);

/* Waits for that; false on time-out. */
bool hx_monitor_await(int watch, int timeout_ms);

/*
 * Starts the monitor of a pod whose domain is built (pod->domid, pod->uuid),
 * and waits until it has the lock and its watches, at most 10 s.  It is a
 * process of its own: neither child nor member of our session, with none of
 * our descriptors; what it has to complain of goes to pods/UUID/monitor.log,
 * which becomes monitor.log.1 first when it is too large.
 * A second monitor is no error: it sees the first and ends.
 */
int hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                         struct hx_err *err);

#endif
