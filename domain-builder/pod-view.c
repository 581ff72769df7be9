/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/pod-health.h"

void hx_pod_view(struct hx_pod *pod, const struct hx_domain *domain)
{
    bool alive = domain && domain->fate == HX_DOMAIN_ALIVE;

    if (pod->state == HX_POD_EXITED ||
        (pod->state != HX_POD_CREATING && !alive))
        pod->state = HX_POD_EXITED;
    else if (pod->state != HX_POD_CREATING)
        pod->state = domain->paused ? HX_POD_PAUSED : HX_POD_RUNNING;
    pod->domid = pod->state != HX_POD_EXITED && alive ? domain->domid : 0;
    if (pod->domid == 0) {
        free(pod->vif);
        pod->vif = NULL;
    }
}

int hx_pod_view_load(struct hx_pod_dir *dir, struct hx_pod *pod_r,
                     struct hx_err *err)
{
    struct hx_err why = { 0 };
    struct hx_pod pod = { .state = HX_POD_RUNNING, .exit_code = -1 };
    int r = hx_pod_dir_load(dir, pod_r, &why);

    if (r == -HX_ERR_CORRUPT || r == -HX_ERR_LIMIT) {
        memcpy(pod.uuid, dir->uuid, sizeof(pod.uuid));
        pod.spec.name = strdup(dir->uuid);
        pod.message = strdup(why.msg);
        if (pod.spec.name && pod.message) {
            *pod_r = pod;
            return 0;
        }
        hx_pod_release(&pod);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading a pod");
    }
    if (r == 0)
        pod_r->health = hx_health_of_pod(dir, &pod_r->spec);
    if (r < 0 && err)
        *err = why;
    return r;
}
