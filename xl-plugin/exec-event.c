/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/exec-event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "domain-builder/pod-event.h"
#include "image/base/escape.h"

void hx_exec_events_init(struct hx_exec_events *events,
                         const struct hx_pod_dirs *dirs,
                         const struct hx_pod *pod, char *const *args)
{
    size_t len = 0;
    uint64_t id = 0;

    *events = (struct hx_exec_events){ .dirs = dirs, .pod = pod };
    for (; *args && len < sizeof(events->command) - 1; args++) {
        int n = snprintf(events->command + len, sizeof(events->command) - len,
                         "%s%s", len ? " " : "", *args);

        len += n > 0 ? (size_t)n : 0;
    }
    /* What is no UTF-8, or was cut in two, would be no JSON. */
    hx_escape_in_place(events->command);
    if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id))
        id = 0;
    snprintf(events->id, sizeof(events->id), "%016" PRIx64, id);
}

static void record(const struct hx_exec_events *events, const char *action,
                   const char *exit_code)
{
    const struct hx_event_attribute more[] = {
        { "execID", events->id },
        { exit_code ? "exitCode" : NULL, exit_code },
        { NULL, NULL },
    };

    if (events->pod)
        hx_event_record(events->dirs, events->pod, action, more);
}

static void record_command(const struct hx_exec_events *events,
                           const char *action)
{
    char text[sizeof(events->command) + 16];

    snprintf(text, sizeof(text), "%s: %s", action, events->command);
    record(events, text, NULL);
}

void hx_exec_events_create(const struct hx_exec_events *events)
{
    record_command(events, "exec_create");
}

void hx_exec_events_start(const struct hx_exec_events *events)
{
    record_command(events, "exec_start");
}

void hx_exec_events_die(const struct hx_exec_events *events, int exit_code)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", exit_code);
    record(events, "exec_die", number);
}
