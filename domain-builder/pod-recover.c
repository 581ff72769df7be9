/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-recover.h"

#include "domain-builder/host.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-reconcile.h"
#include "domain-builder/pod-restart.h"
#include "domain-builder/pod-start.h"
#include "domain-builder/pod-state.h"
#include "image/base/strv.h"

#define LOCK_TIMEOUT_MS 30000

struct recover {
    struct hx_host *host;
    hx_recover_fn *tell;
    void *opaque;
};

/* What was found before, and what is now. */
struct look {
    struct hx_pod pod;
    bool monitored, restarter;
};

static int look_at(struct hx_host *host, const char *uuid, struct look *look,
                   struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_pod_dir dir = { .lock_fd = -1 };
    int r = hx_pod_dir_open(&dirs, uuid, &dir, err);

    *look = (struct look){ 0 };
    if (r == 0)
        r = hx_pod_dir_load(&dir, &look->pod, err);
    if (r == 0) {
        look->monitored = hx_monitor_pid(&dir) != 0;
        look->restarter = hx_pod_restarter_lives(&dir);
    }
    hx_pod_dir_release(&dir);
    return r;
}

static void tell(const struct recover *work, const struct hx_pod *pod,
                 enum hx_recovered what, const struct hx_err *err)
{
    work->tell(work->opaque, pod, what, err);
}

/* Tells what reconciling has come to; `now` is what it has left. */
static void compare(const struct recover *work, const struct look *before,
                    const struct look *now)
{
    const struct hx_pod *pod = &now->pod;

    if (pod->state == HX_POD_RUNNING && now->monitored && !before->monitored)
        tell(work, pod, HX_RECOVERED_ADOPTED, NULL);
    else if (hx_pod_restarting(pod) && !before->restarter)
        tell(work, pod, HX_RECOVERED_RESTARTING, NULL);
    else if (pod->state == HX_POD_EXITED && before->pod.state == HX_POD_RUNNING)
        tell(work, pod, HX_RECOVERED_ENDED, NULL);
}

/* 0 also when nothing had to be done. */
static int recover_one(const struct recover *work, const char *uuid,
                       const struct look *before, struct hx_err *err)
{
    static const struct hx_reconcile_options how = {
        .may_adopt = true,
        .lock_timeout_ms = LOCK_TIMEOUT_MS,
    };
    struct look now = { 0 };
    struct hx_pod started = { 0 };
    int r = hx_pod_reconcile_one(work->host, uuid, &how, err);

    if (r == 0)
        r = look_at(work->host, uuid, &now, err);
    if (r == -HX_ERR_NOT_FOUND) {
        tell(work, &before->pod, HX_RECOVERED_REMOVED, NULL);
        return 0;
    }
    if (r == 0)
        r = hx_pod_start_for(work->host, uuid, HX_START_HOST, &started, err);
    if (r == 0)
        tell(work, &started, HX_RECOVERED_STARTED, NULL);
    else if (r > 0)
        compare(work, before, &now);
    hx_pod_release(&now.pod);
    hx_pod_release(&started);
    return r > 0 ? 0 : r;
}

int hx_pod_recover(struct hx_host *host, hx_recover_fn *tell_fn, void *opaque,
                   struct hx_err *err)
{
    const struct recover work = { host, tell_fn, opaque };
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    _cleanup_strv_ char **uuids = NULL;
    int first = hx_pod_dir_sweep(&dirs, err);
    int r = hx_pod_dir_list(&dirs, &uuids, first == 0 ? err : NULL);

    if (first == 0)
        first = r;
    for (size_t i = 0; uuids && uuids[i]; i++) {
        struct look before;
        struct hx_err why = { 0 };

        r = look_at(host, uuids[i], &before, &why);
        if (r == 0)
            r = recover_one(&work, uuids[i], &before, &why);
        if (r < 0 && r != -HX_ERR_NOT_FOUND)
            tell(&work, &before.pod, HX_RECOVERED_FAILED, &why);
        hx_pod_release(&before.pod);
    }
    return first;
}
