/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether and when a pod that has ended is started again.  Pure.
 *
 * The rules are Docker's (moby, restartmanager.go and daemon.restore()): the
 * first restart comes after 100 ms, each further one after twice the time, a
 * minute at most; a run of 10 s makes the next delay 100 ms again.  A process
 * that could not be started at all is not tried again.
 */
#ifndef HX_RESTART_PLAN_H
#define HX_RESTART_PLAN_H

#include "domain-builder/pod.h"

#define HX_RESTART_FIRST_MS 100
#define HX_RESTART_LAST_MS  60000
#define HX_RESTART_RESET_MS 10000

struct hx_restart_facts {
    enum hx_restart policy;
    unsigned max;   /* of on-failure; 0: no limit */
    unsigned count; /* restarts so far */
    enum hx_pod_end end;
    int exit_code;
    enum hx_pod_stopper stopper;
    bool rebooted;     /* dom0, since the pod was started */
    unsigned delay_ms; /* before the run that has ended; 0: the first */
    int64_t ran_ms;
};

/* Milliseconds until it is started again, or -1: it is not. */
int hx_restart_delay(const struct hx_restart_facts *facts);

/* Whether one that has ended comes back when dom0 has been started: those of
 * on-failure do not, as Docker's manual has it. */
bool hx_restart_with_host(enum hx_restart policy, enum hx_pod_stopper stopper);

#endif
