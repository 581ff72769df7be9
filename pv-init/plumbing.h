/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lies between pv-init and a process that it starts: its stdin, stdout
 * and stderr, and a socket over which it says that it executes its program,
 * or why not.
 *
 *     pv-init                                the process
 *       in[1]  ------- pipe -------------->  0
 *       out[0] <------ pipe ---------------  1
 *       err[0] <------ pipe ---------------  2
 *       status[0] <--- SOCK_SEQPACKET -----  closes as it executes
 *
 * With a terminal there are no pipes; the process makes it, in its own root,
 * and sends its master.
 */
#ifndef HX_INIT_PLUMBING_H
#define HX_INIT_PLUMBING_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/base.h"
#include "pv-init/user.h"

struct hx_init_plumbing_spec {
    bool tty;
    bool has_stdin; /* else it reads nothing: /dev/null, or a silent terminal */
    bool detached;  /* nothing is heard of it, either */
    bool console;   /* the terminal is /dev/console, too */
    unsigned rows, columns;
};

struct hx_init_plumbing {
    int in[2], out[2], err[2]; /* read end, write end; -1: none */
    int status[2];             /* pv-init's, the process's */
};

/* What has been started; the descriptors are the caller's. */
struct hx_init_started {
    pid_t pid;
    pid_t inside; /* its number in its own PID namespace */
    int in;       /* what it reads from: pipe or pty master; -1: nothing */
    int out[2];   /* pipes, or a pty's master and -1 */
    /* 0: the program runs.  Else it does not: 125 to 127. */
    int exit_code;
    struct hx_init_err why; /* it does not */
};

int hx_init_plumbing_open(struct hx_init_plumbing *plumbing,
                          const struct hx_init_plumbing_spec *spec,
                          struct hx_init_err *err);
void hx_init_plumbing_close(struct hx_init_plumbing *plumbing);

/* -- in the process ----------------------------------------------------------
 */

/* Signals as a program expects them. */
void hx_init_plumbing_default_signals(void);

/* Makes the three descriptors, which belong to the user, as in Docker: many
 * images open /dev/stdout by name.  Then tells pv-init its number. */
int hx_init_plumbing_connect(const struct hx_init_plumbing *plumbing,
                             const struct hx_init_plumbing_spec *spec,
                             const struct hx_init_user *user,
                             struct hx_init_err *err);

/* It comes to no program. */
void hx_init_plumbing_fail(const struct hx_init_plumbing *plumbing,
                           int exit_code, const struct hx_init_err *err)
    __attribute__((noreturn));

/* -- in pv-init --------------------------------------------------------------
 */

/* Behind the fork: takes pv-init's ends into *started_r, closes the others,
 * and returns the status socket, the caller's. */
int hx_init_plumbing_take(struct hx_init_plumbing *plumbing, pid_t pid,
                          struct hx_init_started *started_r);

/* Hears the process at the status socket.  True when all is said: it executes
 * its program, or started->exit_code is not 0.  `wait`: until then. */
bool hx_init_plumbing_hear(int status, const struct hx_init_plumbing_spec *spec,
                           struct hx_init_started *started, bool wait);

void hx_init_started_release(struct hx_init_started *started);

#endif
