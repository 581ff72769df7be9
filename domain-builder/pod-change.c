/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be changed of a pod: whether it is paused, and its name. */
#include "domain-builder/pod-change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/monitor-socket.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/pod-names.h"
#include "domain-builder/pod-spec.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/pod-view.h"
#include "domain-builder/xen_control.h"
#include "domain-builder/xen_domains.h"
#include "image/base/cleanup.h"

#define LOCK_TIMEOUT_MS 30000

int hx_pod_change_begin(struct hx_pod_change *change, struct hx_host *host,
                        const char *uuid, struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    bool ended;
    int r;

    *change = (struct hx_pod_change){
        .host = host,
        .dirs = hx_pod_dirs_of(host),
        .dir = { .lock_fd = -1 },
    };
    r = hx_pod_dir_open(&change->dirs, uuid, &change->dir, err);
    if (r == 0)
        r = hx_pod_dir_lock(&change->dir, LOCK_TIMEOUT_MS, err);
    if (r == 0)
        r = hx_pod_dir_load(&change->dir, &change->pod, err);
    if (r == 0)
        r = hx_domains_get(&domains, err);
    if (r < 0)
        return r;
    ended = change->pod.state == HX_POD_EXITED;
    hx_pod_view(&change->pod, hx_domains_find(&domains, uuid));
    hx_domains_release(&domains);
    /* Its end is not recorded yet, and not ours to record. */
    if (!ended && change->pod.state == HX_POD_EXITED)
        return hx_err_set(err, HX_ERR_STATE,
                          "changing the pod %s: it is just ending; try again",
                          change->pod.spec.name);
    return 0;
}

int hx_pod_change_finish(struct hx_pod_change *change, int r,
                         struct hx_pod *pod)
{
    hx_pod_dir_release(&change->dir);
    if (r == 0) {
        change->pod.hold = hx_steal_ptr(&pod->hold);
        hx_pod_release(pod);
        *pod = change->pod;
        change->pod = (struct hx_pod){ 0 };
    }
    hx_pod_release(&change->pod);
    return r;
}

/* -- pausing ----------------------------------------------------------------
 */

static int check_running(const struct hx_pod *pod, const char *doing,
                         struct hx_err *err)
{
    if (hx_pod_restarting(pod))
        return hx_err_set(err, HX_ERR_STATE,
                          "%s %s: it is restarting; wait until it runs", doing,
                          pod->spec.name);
    if (pod->state != HX_POD_RUNNING && pod->state != HX_POD_PAUSED)
        return hx_err_set(err, HX_ERR_STATE, "%s %s: it is not running", doing,
                          pod->spec.name);
    return 0;
}

int hx_pod_pause(struct hx_host *host, struct hx_pod *pod, struct hx_err *err)
{
    struct hx_pod_change change;
    int r = hx_pod_change_begin(&change, host, pod->uuid, err);

    if (r == 0)
        r = check_running(&change.pod, "pausing", err);
    if (r == 0 && change.pod.state == HX_POD_PAUSED)
        r = hx_err_set(err, HX_ERR_STATE, "pausing %s: it is already paused",
                       change.pod.spec.name);
    if (r == 0)
        r = hx_domain_pause(host, change.pod.domid, err);
    if (r == 0) {
        change.pod.state = HX_POD_PAUSED;
        hx_event_record(&change.dirs, &change.pod, "pause", NULL);
    }
    return hx_pod_change_finish(&change, r, pod);
}

int hx_pod_resume(struct hx_host *host, struct hx_pod *pod, struct hx_err *err)
{
    struct hx_pod_change change;
    int r = hx_pod_change_begin(&change, host, pod->uuid, err);

    if (r == 0)
        r = check_running(&change.pod, "unpausing", err);
    if (r == 0 && change.pod.state != HX_POD_PAUSED)
        r = hx_err_set(err, HX_ERR_STATE, "unpausing %s: it is not paused",
                       change.pod.spec.name);
    if (r == 0)
        r = hx_domain_unpause(host, change.pod.domid, err);
    if (r == 0) {
        change.pod.state = HX_POD_RUNNING;
        hx_monitor_set_clock(&change.dirs, change.dir.uuid);
        hx_event_record(&change.dirs, &change.pod, "unpause", NULL);
    }
    return hx_pod_change_finish(&change, r, pod);
}

/* -- the name ---------------------------------------------------------------
 */

static int check_name(const struct hx_pod_change *change, const char *name,
                      struct hx_err *err)
{
    const char *old = change->pod.spec.name;

    if (!hx_pod_name_valid(name))
        return hx_err_set(err, HX_ERR_USAGE,
                          "renaming %s: '%.80s' is no name; use letters, "
                          "digits and _ . - after a letter or digit, 63 at "
                          "most",
                          old, name);
    if (strcmp(name, old) == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "renaming %s: that is its name already", old);
    if (change->pod.state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE, "renaming %s: it is being created",
                          old);
    return 0;
}

/* The domain's name is not known until it is recorded again: whoever finds it
 * so gives it the pod's (hx_pod_name_domain()). */
static int forget_domain_name(struct hx_pod_change *change, struct hx_err *err)
{
    char *unknown = strdup("");

    if (!unknown)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "renaming a pod");
    free(change->pod.domain_name);
    change->pod.domain_name = unknown;
    return hx_pod_dir_save(&change->dir, &change->pod, err);
}

static int claim_name(const struct hx_pod_change *change, const char *name,
                      struct hx_err *err)
{
    _cleanup_close_ int lock = -1;
    int r = hx_pod_names_lock(&change->dirs, &lock, err);

    if (r == 0)
        r = hx_pod_names_check(&change->dirs, name, err);
    if (r == 0)
        r = hx_pod_names_put(&change->dirs, name, change->dir.uuid, err);
    return r;
}

/* pod.json decides: until it has the new name the pod has the old one. */
static int move_name(struct hx_pod_change *change, const char *name,
                     struct hx_err *err)
{
    char *copy = strdup(name);
    int r;

    if (!copy)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "renaming a pod");
    free(change->pod.spec.name);
    change->pod.spec.name = copy;
    r = hx_pod_dir_save_spec(&change->dir, &change->pod, err);
    if (r == 0)
        r = hx_pod_names_tidy(&change->dirs, change->dir.uuid, copy, err);
    return r;
}

int hx_pod_name_domain(struct hx_host *host, const struct hx_pod_dir *dir,
                       struct hx_pod *pod, uint32_t domid, struct hx_err *err)
{
    char *name = strdup(pod->spec.name);
    int r;

    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "naming a domain");
    r = domid ? hx_domain_rename(host, domid, name, err) : 0;
    if (r < 0) {
        free(name);
        return r;
    }
    free(pod->domain_name);
    pod->domain_name = name;
    return hx_pod_dir_save(dir, pod, err);
}

static int rename_locked(struct hx_pod_change *change, const char *name,
                         struct hx_err *err)
{
    const char *uuid = change->dir.uuid;
    uint32_t domid = change->pod.domid;
    int r = claim_name(change, name, err);

    if (r < 0)
        return r;
    r = forget_domain_name(change, err);
    if (r == 0 && domid)
        r = hx_domain_rename(change->host, domid, name, err);
    if (r == 0)
        return move_name(change, name, err);
    /* Another domain has it: the pod keeps its own. */
    hx_pod_names_tidy(&change->dirs, uuid, change->pod.spec.name, NULL);
    hx_pod_name_domain(change->host, &change->dir, &change->pod, domid, NULL);
    return r;
}

int hx_pod_rename(struct hx_host *host, struct hx_pod *pod, const char *name,
                  struct hx_err *err)
{
    struct hx_pod_change change;
    struct hx_event_attribute more[] = { { "oldName", NULL }, { NULL, NULL } };
    _cleanup_free_ char *old = NULL;
    int r = hx_pod_change_begin(&change, host, pod->uuid, err);

    if (r == 0)
        r = check_name(&change, name, err);
    if (r == 0)
        old = strdup(change.pod.spec.name);
    if (r == 0)
        r = rename_locked(&change, name, err);
    if (r == 0)
        r = hx_pod_name_domain(host, &change.dir, &change.pod, change.pod.domid,
                               err);
    if (r == 0 && old) {
        more[0].value = old;
        hx_event_record(&change.dirs, &change.pod, "rename", more);
    }
    return hx_pod_change_finish(&change, r, pod);
}
