/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod.h"

#include <errno.h>
#include <string.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/resources.h"
#include "domain-builder/steps.h"
#include "domain-builder/xen_domain.h"
#include "image/base/clock.h"

struct create {
    struct hx_host *host;
    struct hx_pod_spec spec; /* the caller's strings; the type decided */
    struct hx_pod_dirs dirs;
    struct hx_pod_dir dir;
    struct hx_pod pod;
    uint64_t start_us;
};

static int stage_done(struct create *create, const char *name,
                      struct hx_err *err)
{
    uint64_t us = hx_create_clock_us() - create->start_us;

    if (hx_pod_add_stage(&create->pod, "create", name, us) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "creating pod %s",
                          create->pod.spec.name);
    return 0;
}

/* Before the folder, which records the type that the pod really has. */
static int act_type(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;

    return hx_domain_choose_type(create->host, &create->spec,
                                 &create->spec.type, err);
}

/* The folder outlives what the pod owns: state "creating" and a free lock make
 * the next command finish what could not be undone now. */
static void undo_folder(void *ctx)
{
    struct create *create = ctx;

    if (hx_pod_undo(create->host, create->dir.uuid, true, NULL) == 0)
        hx_pod_dir_remove(&create->dirs, &create->dir, NULL);
}

static int act_folder(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;
    int r = hx_pod_dir_create(&create->dirs, &create->spec, &create->dir, err);

    if (r < 0)
        return r;
    r = hx_pod_dir_load(&create->dir, &create->pod, err);
    /* Its caller wants to know how an --rm pod ends, however soon. */
    if (r == 0 && create->spec.auto_remove)
        r = hx_pod_dir_hold(&create->dir, &create->pod, err);
    if (r == 0)
        r = stage_done(create, "folder", err);
    if (r < 0)
        undo_folder(create);
    return r;
}

static int act_build(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;

    return hx_pod_build(create->host, &create->pod, create->start_us, err);
}

/* It sees by itself when the domain goes, so nothing is to be undone. */
static int act_monitor(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;
    int r = hx_pod_spawn_monitor(create->host, &create->pod, err);

    return r == 0 ? stage_done(create, "monitor", err) : r;
}

static int act_unpause(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;
    int r = 0;

    create->pod.started_at_ms = hx_clock_unix_ms();
    if (!create->spec.paused)
        r = hx_pod_unpause(create->host, &create->pod, err);
    return r == 0 ? stage_done(create, "unpause", err) : r;
}

static int act_state(void *ctx, struct hx_err *err)
{
    struct create *create = ctx;
    int r = hx_pod_note_start(&create->pod, err);

    if (r == 0)
        r = hx_pod_dir_save(&create->dir, &create->pod, err);
    if (r < 0)
        return r;
    hx_event_record(&create->dirs, &create->pod, "create", NULL);
    hx_event_record(&create->dirs, &create->pod, "start", NULL);
    return 0;
}

static const struct hx_step create_steps[] = {
    { "type", act_type, NULL },       { "folder", act_folder, undo_folder },
    { "build", act_build, NULL },     { "monitor", act_monitor, NULL },
    { "unpause", act_unpause, NULL }, { "state", act_state, NULL },
};

int hx_pod_create(struct hx_host *host, const struct hx_pod_spec *spec,
                  struct hx_pod *pod_r, struct hx_err *err)
{
    struct create create = {
        .host = host,
        .spec = *spec,
        .dirs = { hx_host_state_dir(host), hx_host_run_dir(host) },
        .dir = { .lock_fd = -1 },
        .start_us = hx_create_clock_us(),
    };
    int r =
        hx_steps_run(create_steps, HX_STEPS_COUNT(create_steps), &create, err);

    hx_pod_dir_release(&create.dir);
    if (r < 0) {
        hx_pod_release(&create.pod);
        return r;
    }
    *pod_r = create.pod;
    if (spec->paused)
        pod_r->state = HX_POD_PAUSED;
    return 0;
}
