/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a pod is changed while nobody else does. */
#ifndef HX_POD_CHANGE_H
#define HX_POD_CHANGE_H

#include "domain-builder/pod-state.h"

/* A pod in hand: locked, read, and its state corrected by Xen's word. */
struct hx_pod_change {
    struct hx_host *host;
    struct hx_pod_dirs dirs;
    struct hx_pod_dir dir;
    struct hx_pod pod;
};

/* HX_ERR_STATE: another command has it, or its end is not recorded yet.  Has
 * to be finished also when it failed. */
int hx_pod_change_begin(struct hx_pod_change *change, struct hx_host *host,
                        const char *uuid, struct hx_err *err);

/* Lets go, and returns `r`; when that is 0 the caller's pod becomes what it is
 * now. */
int hx_pod_change_finish(struct hx_pod_change *change, int r,
                         struct hx_pod *pod);

/*
 * Gives the pod's domain (domid 0: it has none) the pod's name, and records
 * that.  A rename that was killed is finished, or undone, by that.  The caller
 * has the lock.
 */
int hx_pod_name_domain(struct hx_host *host, const struct hx_pod_dir *dir,
                       struct hx_pod *pod, uint32_t domid, struct hx_err *err);

#endif
