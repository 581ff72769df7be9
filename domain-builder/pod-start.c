/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An exited pod runs again.
 *
 * While it is being started its folder says "exited, not reaped": whoever
 * finds that and the lock free gives back what a killed starter had built, and
 * the pod is what it was, with its old end.
 */
#include "domain-builder/pod-start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/pod-health.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-reconcile.h"
#include "domain-builder/pod-view.h"
#include "domain-builder/resources.h"
#include "domain-builder/restart-plan.h"
#include "domain-builder/steps.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS    30000
#define MONITOR_TIMEOUT_MS 10000

struct start {
    struct hx_host *host;
    enum hx_start_why why;
    struct hx_pod_dirs dirs;
    struct hx_pod_dir dir;
    struct hx_pod pod;
    struct hx_pod old; /* what it was */
    uint64_t start_us;
};

static int stage_done(struct start *start, const char *name, struct hx_err *err)
{
    uint64_t us = hx_create_clock_us() - start->start_us;

    if (hx_pod_add_stage(&start->pod, "create", name, us) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting pod %s",
                          start->pod.spec.name);
    return 0;
}

/* -- steps ------------------------------------------------------------------*/

/* The monitor of its last run may still be about to go, and the next one would
 * take it for its own. */
static int await_old_monitor(struct start *start, struct hx_err *err)
{
    _cleanup_close_ int monitor = hx_monitor_watch(&start->dir);

    if (monitor < 0 || hx_monitor_await(monitor, MONITOR_TIMEOUT_MS))
        return 0;
    return hx_err_set(err, HX_ERR_STATE,
                      "starting the pod %s: the monitor of its last run has "
                      "not ended yet; try again",
                      start->pod.spec.name);
}

/* What *pod had of its last run and the next one gets anew. */
static void forget_run(struct hx_pod *pod)
{
    char **texts[] = { &pod->ip,     &pod->gateway, &pod->mac,
                       &pod->bridge, &pod->vif,     &pod->stages };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(*texts[i]);
        *texts[i] = NULL;
    }
}

/* Back to what it was; when its domain cannot be destroyed the next command
 * finds it not reaped. */
static void undo_claim(void *ctx)
{
    struct start *start = ctx;

    start->old.reaped = false;
    hx_pod_dir_save(&start->dir, &start->old, NULL);
    hx_pod_reap(start->host, &start->dir, &start->old, NULL);
}

/* RUN/UUID is of the last run: its console, its terminal.  So is its health,
 * which nobody asks for in vain: one that does not run is unhealthy. */
static int act_claim(void *ctx, struct hx_err *err)
{
    struct start *start = ctx;
    int r = await_old_monitor(start, err);

    if (r < 0)
        return r;
    start->pod.reaped = false;
    r = hx_pod_dir_save(&start->dir, &start->pod, err);
    if (r == 0)
        r = hx_rm_rf(start->dir.run_path, err);
    if (r == 0)
        r = hx_mkdir_p(start->dir.run_path, 0700, err);
    if (r < 0) {
        undo_claim(start);
        return r;
    }
    forget_run(&start->pod);
    hx_health_record_forget(&start->dir, &start->pod.spec);
    return stage_done(start, "folder", err);
}

static int act_build(void *ctx, struct hx_err *err)
{
    struct start *start = ctx;

    return hx_pod_build(start->host, &start->pod, start->start_us, err);
}

/* It sees by itself when the domain goes, so nothing is to be undone. */
static int act_monitor(void *ctx, struct hx_err *err)
{
    struct start *start = ctx;
    int r = hx_pod_spawn_monitor(start->host, &start->pod, err);

    return r == 0 ? stage_done(start, "monitor", err) : r;
}

static int act_unpause(void *ctx, struct hx_err *err)
{
    struct start *start = ctx;
    int r;

    start->pod.started_at_ms = hx_clock_unix_ms();
    r = hx_pod_unpause(start->host, &start->pod, err);
    return r == 0 ? stage_done(start, "unpause", err) : r;
}

static int act_state(void *ctx, struct hx_err *err)
{
    struct start *start = ctx;
    int r = hx_pod_note_start(&start->pod, err);

    if (r < 0)
        return r;
    if (start->why == HX_START_POLICY) {
        start->pod.restart_count++;
    } else {
        start->pod.restart_count = 0;
        start->pod.restart_delay_ms = 0;
    }
    r = hx_pod_dir_save(&start->dir, &start->pod, err);
    if (r == 0)
        hx_event_record(&start->dirs, &start->pod, "start", NULL);
    return r;
}

static const struct hx_step start_steps[] = {
    { "claim", act_claim, undo_claim }, { "build", act_build, NULL },
    { "monitor", act_monitor, NULL },   { "unpause", act_unpause, NULL },
    { "state", act_state, NULL },
};

/* -- whether there is anything to start -------------------------------------*/

/* By its recorded state and Xen's word. */
static int check_startable(const struct start *start,
                           const struct hx_domains *domains, struct hx_err *err)
{
    const struct hx_pod *pod = &start->pod;
    const struct hx_domain *domain = hx_domains_find(domains, pod->uuid);
    bool alive = domain && domain->fate == HX_DOMAIN_ALIVE;

    if (pod->state == HX_POD_EXITED)
        return 0;
    if (pod->state == HX_POD_CREATING || !alive)
        return hx_err_set(err, HX_ERR_STATE,
                          "starting the pod %s: it is just being %s; try "
                          "again when that is done",
                          pod->spec.name,
                          pod->state == HX_POD_CREATING ? "created" : "ended");
    if (domain->paused && start->why == HX_START_USER)
        return hx_err_set(err, HX_ERR_STATE,
                          "starting the pod %s: it is paused; 'xl "
                          "hyper-unpause %s' lets it go on",
                          pod->spec.name, pod->spec.name);
    return 1;
}

static bool reason_holds(const struct start *start)
{
    const struct hx_pod *pod = &start->pod;

    switch (start->why) {
    case HX_START_POLICY:
        return pod->reaped && pod->restart_at_ms != 0 &&
               pod->restart_at_ms <= hx_clock_unix_ms();
    case HX_START_HOST:
        return pod->reaped &&
               (hx_pod_rebooted(pod) || pod->stopper == HX_STOPPER_HOST) &&
               hx_restart_with_host(pod->spec.restart, pod->stopper);
    case HX_START_USER:
    default:
        return true;
    }
}

/* With the lock; 1: it runs, or has no reason to. */
static int look(struct start *start, struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    int r = hx_pod_dir_load(&start->dir, &start->pod, err);

    if (r == 0)
        r = hx_pod_dir_load(&start->dir, &start->old, err);
    if (r == 0)
        r = hx_domains_get(&domains, err);
    if (r < 0)
        return r;
    r = check_startable(start, &domains, err);
    if (r > 0)
        hx_pod_view(&start->pod, hx_domains_find(&domains, start->dir.uuid));
    hx_domains_release(&domains);
    if (r == 0 && !reason_holds(start))
        return 1;
    if (r == 0 && !start->pod.reaped)
        r = hx_pod_reap(start->host, &start->dir, &start->pod, err);
    return r;
}

int hx_pod_start_for(struct hx_host *host, const char *uuid,
                     enum hx_start_why why, struct hx_pod *pod_r,
                     struct hx_err *err)
{
    struct start start = {
        .host = host,
        .why = why,
        .dirs = hx_pod_dirs_of(host),
        .dir = { .lock_fd = -1 },
        .start_us = hx_create_clock_us(),
    };
    int r = hx_pod_dir_open(&start.dirs, uuid, &start.dir, err);

    if (r == 0)
        r = hx_pod_dir_lock(&start.dir, LOCK_TIMEOUT_MS, err);
    if (r == 0)
        r = look(&start, err);
    if (r == 0)
        r = hx_steps_run(start_steps, HX_STEPS_COUNT(start_steps), &start, err);
    hx_pod_dir_release(&start.dir);
    hx_pod_release(&start.old);
    if (r < 0) {
        hx_pod_release(&start.pod);
        return r;
    }
    *pod_r = start.pod;
    return r;
}

/* -- hyper-start and hyper-restart ------------------------------------------*/

int hx_pod_start(struct hx_host *host, struct hx_pod *pod, struct hx_err *err)
{
    struct hx_pod fresh = { 0 };
    int r = hx_pod_reconcile(host, pod->uuid, err);

    if (r == 0)
        r = hx_pod_start_for(host, pod->uuid, HX_START_USER, &fresh, err);
    if (r < 0)
        return r;
    fresh.hold = hx_steal_ptr(&pod->hold);
    hx_pod_release(pod);
    *pod = fresh;
    return 0;
}
