/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-reconcile.h"

#include <errno.h>
#include <string.h>

#include "domain-builder/pod-change.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-names.h"
#include "domain-builder/pod-restart.h"
#include "domain-builder/reconcile-plan.h"
#include "domain-builder/resources.h"
#include "domain-builder/xen_host.h"
#include "domain-builder/xen_report.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/base/strv.h"

/* A monitor that adopts an ended pod reads what the console has left, and
 * reaps: seconds, or libxl's time-outs when devices hang. */
#define LAST_WORDS_TIMEOUT_MS 20000

/* Each round acts once; the longest way is adopt, end, reap, remove. */
#define MAX_ROUNDS 8

/* One pod on its way. */
struct reconcile {
    struct hx_host *host;
    struct hx_pod_dirs dirs;
    struct hx_pod_dir dir;
    struct hx_pod pod;
    bool loaded;
    bool may_adopt;
    int lock_timeout_ms;
};

static enum hx_reconcile_action decide(const struct reconcile *work,
                                       const struct hx_domain *domain)
{
    struct hx_reconcile_facts facts = {
        .state = work->pod.state,
        .reaped = work->pod.reaped,
        .auto_remove = work->pod.spec.auto_remove,
        .misnamed = work->pod.domain_name &&
                    strcmp(work->pod.domain_name, work->pod.spec.name) != 0,
        .restarts = hx_pod_restarting(&work->pod) &&
                    !hx_pod_restarter_lives(&work->dir),
        /* Who may start none is the monitor itself, or has waited for it. */
        .monitored = work->may_adopt && hx_monitor_pid(&work->dir) != 0,
        .may_adopt = work->may_adopt,
        .fate = domain ? domain->fate : HX_DOMAIN_GONE,
    };

    return hx_reconcile_decide(&facts);
}

static int load(struct reconcile *work, struct hx_err *err)
{
    hx_pod_release(&work->pod);
    return hx_pod_dir_load(&work->dir, &work->pod, err);
}

/* -- the actions ------------------------------------------------------------
 */

static int act_undo(struct reconcile *work, struct hx_err *err)
{
    int r = hx_pod_undo(work->host, work->dir.uuid, true, err);

    return r == 0 ? hx_pod_dir_remove(&work->dirs, &work->dir, err) : r;
}

static int act_adopt(struct reconcile *work, const struct hx_domain *domain,
                     struct hx_err *err)
{
    bool alive = domain->fate == HX_DOMAIN_ALIVE;
    _cleanup_close_ int monitor = -1;
    int r;

    work->pod.domid = domain->domid;
    r = hx_mkdir_p(work->dir.run_path, 0700, err);
    if (r == 0)
        r = hx_pod_spawn_monitor(work->host, &work->pod, err);
    if (alive)
        return r;
    /* With its help or without it: this pod has ended. */
    monitor = hx_monitor_watch(&work->dir);
    if (monitor >= 0)
        hx_monitor_await(monitor, LAST_WORDS_TIMEOUT_MS);
    work->may_adopt = false;
    return 0;
}

int hx_pod_record_end(struct hx_host *host, const struct hx_pod_dir *dir,
                      struct hx_pod *pod, const struct hx_domain *domain,
                      struct hx_err *err)
{
    struct hx_guest_report report;
    struct xs_handle *xs;
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    int r;

    hx_guest_report_init(&report);
    if (domain) {
        r = hx_xen_store(host, &xs, err);
        if (r < 0)
            return r;
        hx_xen_report_read(xs, domain->domid, pod->spec.container_count,
                           &report);
    }
    r = hx_guest_report_end(&report, domain ? domain->fate : HX_DOMAIN_GONE,
                            false, NULL, pod, err);
    return r == 0 ? hx_pod_note_end(&dirs, dir, pod, err) : r;
}

int hx_pod_reap(struct hx_host *host, const struct hx_pod_dir *dir,
                struct hx_pod *pod, struct hx_err *err)
{
    int r = hx_pod_undo(host, dir->uuid, false, err);

    if (r < 0)
        return r;
    pod->reaped = true;
    return hx_pod_dir_save(dir, pod, err);
}

/* Finished when pod.json has the new name, undone when it has the old one. */
static int act_name(struct reconcile *work, const struct hx_domain *domain,
                    struct hx_err *err)
{
    int r = hx_pod_names_tidy(&work->dirs, work->dir.uuid, work->pod.spec.name,
                              err);

    return r < 0 ? r
                 : hx_pod_name_domain(work->host, &work->dir, &work->pod,
                                      domain ? domain->domid : 0, err);
}

/* dom0 was booted meanwhile: what comes back is hyper-recover's to say. */
static int forget_restart(struct reconcile *work, struct hx_err *err)
{
    int r = work->dir.lock_fd >= 0
                ? 0
                : hx_pod_dir_lock(&work->dir, work->lock_timeout_ms, err);

    if (r == 0)
        r = load(work, err);
    if (r == 0 && hx_pod_restarting(&work->pod)) {
        work->pod.restart_at_ms = 0;
        r = hx_pod_dir_save(&work->dir, &work->pod, err);
    }
    return r == -HX_ERR_STATE ? 0 : r; /* somebody is at work on it */
}

static int act_remove(struct reconcile *work, struct hx_err *err)
{
    _cleanup_close_ int seized = -1;

    if (!hx_pod_dir_seize(&work->dir, &seized))
        return 0; /* the last who holds it comes back here */
    hx_event_record(&work->dirs, &work->pod, "destroy", NULL);
    return hx_pod_dir_remove(&work->dirs, &work->dir, err);
}

/* -- one pod ----------------------------------------------------------------
 */

static int act(struct reconcile *work, enum hx_reconcile_action action,
               const struct hx_domain *domain, bool *done, struct hx_err *err)
{
    switch (action) {
    case HX_RECONCILE_UNDO:
        *done = true;
        return act_undo(work, err);
    case HX_RECONCILE_ADOPT:
        *done = domain->fate == HX_DOMAIN_ALIVE;
        hx_pod_dir_unlock(&work->dir); /* the monitor may need it */
        return act_adopt(work, domain, err);
    case HX_RECONCILE_END:
        return hx_pod_record_end(work->host, &work->dir, &work->pod, domain,
                                 err);
    case HX_RECONCILE_REAP:
        return hx_pod_reap(work->host, &work->dir, &work->pod, err);
    case HX_RECONCILE_NAME:
        return act_name(work, domain, err);
    case HX_RECONCILE_RESTART:
        *done = true;
        return hx_pod_rebooted(&work->pod)
                   ? forget_restart(work, err)
                   : hx_pod_spawn_restarter(work->host, &work->pod, err);
    case HX_RECONCILE_REMOVE:
        *done = true;
        return act_remove(work, err);
    case HX_RECONCILE_NOTHING:
    default:
        *done = true;
        return 0;
    }
}

/*
 * One look and one act.  What was decided without the lock is decided again
 * with it: somebody may have been faster.  Xen is asked after the folder was
 * read, because a domain that a folder calls running was there before.
 */
static int round_of(struct reconcile *work, bool *done, struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    enum hx_reconcile_action action;
    const struct hx_domain *domain;
    int r = load(work, err);

    if (r == 0)
        r = hx_domains_get(&domains, err);
    if (r < 0)
        return r;
    domain = hx_domains_find(&domains, work->dir.uuid);
    action = decide(work, domain);
    if (action == HX_RECONCILE_NOTHING || action == HX_RECONCILE_ADOPT ||
        action == HX_RECONCILE_RESTART || work->dir.lock_fd >= 0) {
        r = act(work, action, domain, done, err);
    } else {
        r = hx_pod_dir_lock(&work->dir, work->lock_timeout_ms, err);
        if (r == -HX_ERR_STATE && work->lock_timeout_ms == 0) {
            *done = true;
            r = 0;
        }
    }
    hx_domains_release(&domains);
    return r;
}

int hx_pod_reconcile_one(struct hx_host *host, const char *uuid,
                         const struct hx_reconcile_options *options,
                         struct hx_err *err)
{
    struct reconcile work = {
        .host = host,
        .dirs = hx_pod_dirs_of(host),
        .may_adopt = options->may_adopt,
        .lock_timeout_ms = options->lock_timeout_ms,
    };
    bool done = false;
    int r = hx_pod_dir_open(&work.dirs, uuid, &work.dir, err);

    for (int i = 0; r == 0 && !done && i < MAX_ROUNDS; i++)
        r = round_of(&work, &done, err);
    hx_pod_release(&work.pod);
    hx_pod_dir_release(&work.dir);
    return r;
}

/* -- all pods ---------------------------------------------------------------
 */

/* Whether there is anything to do for it, from one list of domains. */
static bool needs_work(struct hx_host *host, const struct hx_pod *pod,
                       const struct hx_domains *domains)
{
    struct reconcile work = {
        .host = host,
        .dirs = hx_pod_dirs_of(host),
        .may_adopt = true,
        .pod = *pod, /* borrows */
    };
    enum hx_reconcile_action action = HX_RECONCILE_NOTHING;

    if (hx_pod_dir_open(&work.dirs, pod->uuid, &work.dir, NULL) == 0)
        action = decide(&work, hx_domains_find(domains, pod->uuid));
    hx_pod_dir_release(&work.dir);
    return action != HX_RECONCILE_NOTHING;
}

/* UUIDs of the pods that need work; a broken folder is the administrator's,
 * who sees it in the list. */
static int find_work(struct hx_host *host, char ***uuids_r, struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    _cleanup_strv_ char **uuids = NULL, **work = NULL;
    struct hx_domains domains = { 0 };
    struct hx_pod *pods;
    size_t count = 0;
    int r = hx_pod_dir_list(&dirs, &uuids, err);

    if (r < 0 || !uuids)
        return r;
    pods = calloc(hx_strv_len(uuids), sizeof(*pods));
    if (!pods)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "looking after the pods");
    for (size_t i = 0; uuids[i]; i++) {
        struct hx_pod_dir dir = { 0 };

        if (hx_pod_dir_open(&dirs, uuids[i], &dir, NULL) == 0 &&
            hx_pod_dir_load(&dir, &pods[count], NULL) == 0)
            count++;
        hx_pod_dir_release(&dir);
    }
    r = hx_domains_get(&domains, err); /* after the folders: see round_of() */
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (needs_work(host, &pods[i], &domains) &&
            hx_strv_add(&work, pods[i].uuid) < 0)
            r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                           "looking after the pods");
    }
    for (size_t i = 0; i < count; i++)
        hx_pod_release(&pods[i]);
    free(pods);
    hx_domains_release(&domains);
    if (r == 0)
        *uuids_r = hx_steal_ptr(&work);
    return r;
}

static int reconcile_all(struct hx_host *host, struct hx_err *err)
{
    static const struct hx_reconcile_options options = { .may_adopt = true };
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    _cleanup_strv_ char **uuids = NULL;
    int r = hx_pod_dir_sweep(&dirs, err), more;

    /* One that can't be helped must not keep the others from help. */
    more = find_work(host, &uuids, r == 0 ? err : NULL);
    if (r == 0)
        r = more;
    for (size_t i = 0; uuids && uuids[i]; i++) {
        struct hx_err why = { 0 };
        int one = hx_pod_reconcile_one(host, uuids[i], &options, &why);

        if (one < 0 && one != -HX_ERR_NOT_FOUND && r == 0) {
            r = one;
            if (err)
                *err = why;
        }
    }
    return r;
}

int hx_pod_reconcile(struct hx_host *host, const char *uuid, struct hx_err *err)
{
    static const struct hx_reconcile_options options = {
        .may_adopt = true,
        .lock_timeout_ms = 30000,
    };
    struct hx_err why = { 0 };
    int r;

    if (!uuid)
        return reconcile_all(host, err);
    r = hx_pod_reconcile_one(host, uuid, &options, &why);
    if (r == -HX_ERR_NOT_FOUND)
        return 0; /* nothing of it is left */
    if (r < 0 && err)
        *err = why;
    return r;
}
