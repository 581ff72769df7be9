/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting an exited pod again, for whatever reason. */
#ifndef HX_POD_START_H
#define HX_POD_START_H

#include "domain-builder/pod-state.h"

enum hx_start_why {
    HX_START_USER,   /* hyper-start: restarts are counted anew */
    HX_START_POLICY, /* its restart_at_ms has come */
    HX_START_HOST    /* dom0 was booted, or has stopped it for that */
};

/*
 * As hx_pod_start(), if the reason still holds once the pod is locked; *pod_r,
 * the caller's, is filled when it was started.  1: there was nothing to start.
 * HX_ERR_NOT_FOUND: it was removed meanwhile.
 */
int hx_pod_start_for(struct hx_host *host, const char *uuid,
                     enum hx_start_why why, struct hx_pod *pod_r,
                     struct hx_err *err);

#endif
