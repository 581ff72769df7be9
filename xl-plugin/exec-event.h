/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the journal (domain-builder/pod-event.h) has of a process that
 * hyper-exec runs, as docker's has it:
 *
 *     exec_create: sh -c ls    asked for
 *     exec_start: sh -c ls     it runs
 *     exec_die                 it has ended: exitCode
 *
 * each with the attribute execID, which tells them from those of another one.
 */
#ifndef HX_EXEC_EVENT_H
#define HX_EXEC_EVENT_H

#include "domain-builder/pod-state.h"

/* Bytes of the command that an event has; the rest is left out. */
#define HX_EXEC_EVENT_COMMAND_MAX 1000

struct hx_exec_events {
    const struct hx_pod_dirs *dirs;
    const struct hx_pod *pod;
    char command[HX_EXEC_EVENT_COMMAND_MAX + 1];
    char id[17]; /* hexadecimal */
};

/* Draws the id; dirs and pod are borrowed.  Without a pod (NULL) nothing is
 * recorded. */
void hx_exec_events_init(struct hx_exec_events *events,
                         const struct hx_pod_dirs *dirs,
                         const struct hx_pod *pod, char *const *args);

void hx_exec_events_create(const struct hx_exec_events *events);
void hx_exec_events_start(const struct hx_exec_events *events);
void hx_exec_events_die(const struct hx_exec_events *events, int exit_code);

#endif
