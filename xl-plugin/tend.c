/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/tend.h"

#include <string.h>

#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"

int hx_tend(const char *name, char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    int r = hx_session_pods(&host, err);

    if (r == 0)
        r = hx_pod_find(host, name, &pod, err);
    if (r < 0)
        return r;
    if (pod.state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE,
                          "the pod %s does not run: it is being created",
                          pod.spec.name);
    if (pod.state == HX_POD_EXITED)
        return hx_tend_ended(pod.spec.name, hx_pod_end_reason(&pod),
                             hx_pod_exit_status(&pod), err);
    memcpy(uuid_r, pod.uuid, HX_POD_UUID_TEXT);
    return 0;
}
