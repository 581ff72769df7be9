/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pod in the foreground: its output as it comes, until it has ended.
 */
#ifndef HX_FOREGROUND_H
#define HX_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/host.h"
#include "domain-builder/pod.h"
#include "xl-plugin/detach-keys.h"
#include "xl-plugin/log-record.h"

struct hx_foreground {
    size_t container;     /* whose output */
    int64_t tail_lines;   /* where to begin; HX_FOLLOW_ALL */
    bool forward_signals; /* to the containers, as docker's --sig-proxy */
    bool timestamps;      /* before each line */
    struct hx_log_filter filter;
    bool no_stdin; /* with `attach`: the size alone */
    bool attach; /* standard input to the container, and our terminal's size */
    struct hx_detach_keys keys; /* with `attach` to a terminal */
};

/*
 * From now on HUP, INT, QUIT, TERM, USR1 and USR2 are kept for
 * hx_foreground_run() to forward instead of ending this process; an ignored
 * HUP stays ignored.  To be called before the pod is created, so that no
 * signal falls between.
 */
int hx_foreground_catch(struct hx_err *err);

/* The first of them that came and was not forwarded yet; 0: none. */
int hx_foreground_caught(void);

/* Back to what they were. */
void hx_foreground_uncatch(void);

/*
 * Prints a container's output, to stdout and to stderr, until the pod has
 * ended; then fills *pod anew (after an error it may be empty, and the process
 * should end).  Without forwarding it also ends when the log is past the
 * filter's until.  A reader of stdout that has gone is told to the containers
 * as SIGPIPE when signals are forwarded.
 *
 * The third INT or TERM stops the pod as hyper-stop -t 0 would; one more
 * ends this process and leaves the pod alone.
 *
 * An error is about the log or the pod, not what its process did.  *left_r,
 * which may be NULL without `attach`: the detach keys were typed, the pod goes
 * on, and *pod is empty.
 */
int hx_foreground_run(const struct hx_foreground *how, struct hx_pod *pod,
                      bool *left_r, struct hx_err *err);

/*
 * The same as all of a command that attends a pod: says why it ended when its
 * process did not end by itself.  The exit status, or a negative code.
 */
int hx_foreground_attend(const struct hx_foreground *how, struct hx_pod *pod,
                         bool *left_r, struct hx_err *err);

#endif
