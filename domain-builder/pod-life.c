/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/boot-id.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/pod-spec.h"
#include "domain-builder/restart-plan.h"
#include "image/base/clock.h"

bool hx_pod_rebooted(const struct hx_pod *pod)
{
    char now[HX_BOOT_ID_TEXT];

    hx_boot_id(now);
    return strcmp(pod->boot_id, now) != 0;
}

bool hx_pod_restarting(const struct hx_pod *pod)
{
    return pod->state == HX_POD_EXITED && pod->restart_at_ms != 0;
}

int hx_pod_note_start(struct hx_pod *pod, struct hx_err *err)
{
    char *name = strdup(pod->spec.name);

    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting the pod %s",
                          pod->spec.name);
    free(pod->domain_name);
    pod->domain_name = name;
    free(pod->message);
    pod->message = NULL;
    pod->state = HX_POD_RUNNING;
    pod->end = HX_END_NONE;
    pod->exit_code = -1;
    pod->finished_at_ms = 0;
    pod->reaped = false;
    pod->oom_killed = false;
    pod->stopper = HX_STOPPER_NONE;
    pod->restart_at_ms = 0;
    pod->built_mem_kib = pod->spec.mem_kib;
    pod->built_vcpus = pod->spec.vcpus;
    hx_boot_id(pod->boot_id);
    return 0;
}

/* One that was asked to stop because dom0 goes down has not ended by itself. */
static int blame_host(struct hx_pod *pod, struct hx_err *err)
{
    char *message;

    if (pod->stopper != HX_STOPPER_HOST ||
        (pod->end != HX_END_EXIT && pod->end != HX_END_KILLED))
        return 0;
    message = strdup("it was stopped because dom0 was shut down");
    if (!message)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "recording a pod's end");
    free(pod->message);
    pod->message = message;
    pod->end = HX_END_SHUTDOWN;
    return 0;
}

static void plan_restart(struct hx_pod *pod)
{
    const struct hx_restart_facts facts = {
        .policy = pod->spec.restart,
        .max = pod->spec.restart_max,
        .count = pod->restart_count,
        .end = pod->end,
        .exit_code = pod->exit_code,
        .stopper = pod->stopper,
        .rebooted = pod->boot_id[0] && hx_pod_rebooted(pod),
        .delay_ms = pod->restart_delay_ms,
        .ran_ms = pod->finished_at_ms - pod->started_at_ms,
    };
    int delay_ms = hx_restart_delay(&facts);

    pod->restart_at_ms = 0;
    if (delay_ms < 0)
        return;
    pod->restart_delay_ms = (unsigned)delay_ms;
    pod->restart_at_ms = pod->finished_at_ms + delay_ms;
}

int hx_pod_note_end(const struct hx_pod_dirs *dirs,
                    const struct hx_pod_dir *dir, struct hx_pod *pod,
                    struct hx_err *err)
{
    int r = blame_host(pod, err);

    if (r < 0)
        return r;
    pod->finished_at_ms = hx_clock_unix_ms();
    plan_restart(pod);
    hx_event_record_end(dirs, pod);
    return hx_pod_dir_save(dir, pod, err);
}
