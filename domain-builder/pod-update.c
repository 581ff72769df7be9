/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hyper-update: what of a pod's spec can be changed afterwards. */
#include "domain-builder/pod-change.h"
#include "domain-builder/pod-event.h"
#include "domain-builder/xen_control.h"

static int check_size(const struct hx_pod *pod,
                      const struct hx_pod_update *update, struct hx_err *err)
{
    uint64_t mem_kib =
        pod->built_mem_kib ? pod->built_mem_kib : pod->spec.mem_kib;
    unsigned vcpus = pod->built_vcpus ? pod->built_vcpus : pod->spec.vcpus;

    if (pod->state != HX_POD_RUNNING && pod->state != HX_POD_PAUSED)
        return 0; /* it is built anew */
    if (update->mem_kib > mem_kib)
        return hx_err_set(err, HX_ERR_USAGE,
                          "updating %s: its domain was built with %llu MiB and "
                          "cannot have more while it runs; stop it first",
                          pod->spec.name, (unsigned long long)(mem_kib >> 10));
    if (update->vcpus > vcpus)
        return hx_err_set(err, HX_ERR_USAGE,
                          "updating %s: its domain was built with %u virtual "
                          "CPUs and cannot have more while it runs; stop it "
                          "first",
                          pod->spec.name, vcpus);
    return 0;
}

static int check(const struct hx_pod *pod, const struct hx_pod_update *update,
                 struct hx_err *err)
{
    if (pod->state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE, "updating %s: it is being created",
                          pod->spec.name);
    if (update->set_restart && update->restart != HX_RESTART_NO &&
        pod->spec.auto_remove)
        return hx_err_set(err, HX_ERR_STATE,
                          "updating %s: it is removed when it has ended, as "
                          "--rm says, and cannot have a restart policy",
                          pod->spec.name);
    return check_size(pod, update, err);
}

/* A policy that was taken away does not start it any more. */
static int set_restart(struct hx_pod_change *change,
                       const struct hx_pod_update *update, struct hx_err *err)
{
    struct hx_pod *pod = &change->pod;

    pod->spec.restart = update->restart;
    pod->spec.restart_max = update->restart_max;
    if (update->restart != HX_RESTART_NO || !hx_pod_restarting(pod))
        return 0;
    pod->restart_at_ms = 0;
    return hx_pod_dir_save(&change->dir, pod, err);
}

static int apply(struct hx_pod_change *change,
                 const struct hx_pod_update *update, struct hx_err *err)
{
    struct hx_pod *pod = &change->pod;
    int r = 0;

    if (update->mem_kib && pod->domid)
        r = hx_domain_set_memory(change->host, pod->domid, update->mem_kib,
                                 err);
    if (r == 0 && update->vcpus && pod->domid)
        r = hx_domain_set_vcpus(change->host, pod->domid, update->vcpus, err);
    if (r == 0 && update->set_restart)
        r = set_restart(change, update, err);
    if (r < 0)
        return r;
    if (update->mem_kib)
        pod->spec.mem_kib = update->mem_kib;
    if (update->vcpus)
        pod->spec.vcpus = update->vcpus;
    return hx_pod_dir_save_spec(&change->dir, pod, err);
}

int hx_pod_update(struct hx_host *host, struct hx_pod *pod,
                  const struct hx_pod_update *update, struct hx_err *err)
{
    struct hx_pod_change change;
    int r = hx_pod_change_begin(&change, host, pod->uuid, err);

    if (r == 0)
        r = check(&change.pod, update, err);
    if (r == 0)
        r = apply(&change, update, err);
    if (r == 0)
        hx_event_record(&change.dirs, &change.pod, "update", NULL);
    return hx_pod_change_finish(&change, r, pod);
}
