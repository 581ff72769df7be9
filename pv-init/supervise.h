/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of the pod, from the first process to the last: containers are
 * started in order, their streams carried to dom0 and back, their ends
 * reported, dom0's requests carried out.
 *
 * One loop waits for everything: children (SIGCHLD), `xl shutdown` (SIGTERM,
 * see power.h) and `xl reboot` (SIGINT), xenstore, the control channel, and
 * the time at which a container that was asked to stop is killed.
 */
#ifndef HX_INIT_SUPERVISE_H
#define HX_INIT_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/config.h"
#include "pv-init/control.h"
#include "pv-init/report.h"
#include "pv-init/request.h"
#include "pv-init/xenstore.h"

enum hx_init_member_state {
    HX_INIT_MEMBER_WAITING,
    HX_INIT_MEMBER_RUNNING,
    HX_INIT_MEMBER_DEAD /* its last output may be on its way */
};

struct hx_init_member {
    enum hx_init_member_state state;
    uint64_t kill_at_us; /* hx_init_now_us(); 0: never */
};

/*
 * How long dom0 may take nothing of the output of a pod that has ended and
 * was asked to: longer than a monitor that starts anew, and not for ever.  A
 * pod that ends by itself waits for the next command in dom0, which starts a
 * monitor.
 */
#define HX_INIT_UNTAKEN_MS 30000

struct hx_init_pod {
    struct hx_init_config config;
    struct hx_init_xs xs;
    struct hx_init_report report;
    struct hx_init_control control;
    struct hx_init_member members[HX_ABI_CONTAINERS_MAX];
    int console; /* -1 before it is open */
    int signals; /* signalfd; -1 before */
    bool reboot; /* dom0 asked for a new start, not for the end */
    bool asked;  /* dom0 asked for an end, one or the other */
    uint64_t last_seq;
    /* Since when dom0 has taken nothing though no container lives. */
    uint64_t untaken_at_us;
    uint64_t untaken_mark;
    uint64_t ended_at_us; /* when dom0 had all of the containers' output */
    int untaken_ms;       /* HX_INIT_UNTAKEN_MS; tests wait less */
    struct hx_init_err trouble; /* for the console, at the end */
};

/* Blocks what the loop takes from a signalfd; before the first child. */
int hx_init_supervise_signals(struct hx_init_pod *pod, struct hx_init_err *err);

/*
 * Starts all containers and returns when all have ended and dom0 has taken
 * their output, or does not, though it asked for the end.  Requests that were
 * made before are carried out now.
 */
void hx_init_supervise_run(struct hx_init_pod *pod);

/* The exit code that a wait status stands for: 0..255, or 128 + signal. */
int hx_init_exit_code(int wait_status);

#endif
