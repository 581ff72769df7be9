/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of the pod, from the first process to the last: containers are
 * started in order, their output relayed, their ends reported, dom0's
 * requests carried out.
 *
 * One loop waits for everything: children (SIGCHLD), `xl shutdown` (SIGTERM,
 * see power.h) and `xl reboot` (SIGINT), xenstore, output, and the time at
 * which a container that was asked to stop is killed.
 */
#ifndef HX_INIT_SUPERVISE_H
#define HX_INIT_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/config.h"
#include "pv-init/relay.h"
#include "pv-init/report.h"
#include "pv-init/request.h"
#include "pv-init/xenstore.h"

enum hx_init_member_state {
    HX_INIT_MEMBER_WAITING,
    HX_INIT_MEMBER_RUNNING,
    HX_INIT_MEMBER_DEAD, /* its last output is on its way */
    HX_INIT_MEMBER_ENDED
};

struct hx_init_member {
    enum hx_init_member_state state;
    pid_t pid;
    uint64_t kill_at_us; /* hx_init_now_us(); 0: never */
    unsigned oom_kills;  /* before we killed it ourselves */
};

struct hx_init_pod {
    struct hx_init_config config;
    struct hx_init_xs xs;
    struct hx_init_report report;
    struct hx_init_relay relay;
    struct hx_init_member members[HX_ABI_CONTAINERS_MAX];
    int console; /* -1 before it is open */
    int signals; /* signalfd; -1 before */
    bool marked; /* the START mark is written */
    bool unread; /* nobody reads the console; the rest of the output is lost */
    bool reboot; /* dom0 asked for a new start, not for the end */
    uint64_t last_seq;
    /* Since when the console has taken nothing though no container lives. */
    uint64_t stalled_at_us;
    uint64_t stalled_at_byte;
    int stall_ms;               /* HX_INIT_CONSOLE_STALL_MS; tests wait less */
    struct hx_init_err trouble; /* for the console, once the marks allow */
};

/* Blocks what the loop takes from a signalfd; before the first child. */
int hx_init_supervise_signals(struct hx_init_pod *pod, struct hx_init_err *err);

/*
 * Starts all containers and returns when all have ended and their output is
 * out, or nobody reads it.  Requests that were made before are carried out
 * now.
 */
void hx_init_supervise_run(struct hx_init_pod *pod);

/* The exit code that a wait status stands for: 0..255, or 128 + signal. */
int hx_init_exit_code(int wait_status);

#endif
