/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One more process in a container that runs: in its cgroup and its
 * namespaces, at its root, confined as its first process is.  Or, with "vm",
 * one of the domain's own: beside pv-init, whose /proc it sees, in the root of
 * the first container, with all capabilities and without a limit.
 *
 * It is a child of pv-init's, which reaps it and has its exit code at first
 * hand; the PID namespace is that of the container, whose end ends it.
 */
#ifndef HX_INIT_EXEC_H
#define HX_INIT_EXEC_H

#include "pv-init/config.h"
#include "pv-init/exec-request.h"
#include "pv-init/plumbing.h"

/*
 * Starts it beside container_pid (pv-init's number of the container's first
 * process; nothing with "vm") and does not wait for it: what it says comes
 * over *status_r, the caller's, for hx_init_plumbing_hear() with *spec_r.
 * -1: the attempt could not be made.
 */
int hx_init_exec_start(const struct hx_init_config *config,
                       const struct hx_init_exec_request *request,
                       pid_t container_pid, struct hx_init_started *started_r,
                       struct hx_init_plumbing_spec *spec_r, int *status_r,
                       struct hx_init_err *err);

#endif
