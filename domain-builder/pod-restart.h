/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The restarter: who waits until a pod's restart policy starts it again.  It is
 * the reaper (reap/), which the monitor has become, or one that a command has
 * started because that was killed.  It holds LIB/pods/UUID/restart.lock.
 */
#ifndef HX_POD_RESTART_H
#define HX_POD_RESTART_H

#include "domain-builder/pod-state.h"

bool hx_pod_restarter_lives(const struct hx_pod_dir *dir);

/*
 * Waits until the pod's restart_at_ms and starts it; a start that fails is
 * tried again later, as a run that ended at once would be.  Returns 0 when it
 * runs or shall not start any more: hyper-stop ends the wait.
 */
int hx_pod_restart_by_policy(struct hx_host *host, const char *uuid,
                             struct hx_err *err);

/* Starts a process that does that; does not wait for it. */
int hx_pod_spawn_restarter(struct hx_host *host, const struct hx_pod *pod,
                           struct hx_err *err);

#endif
