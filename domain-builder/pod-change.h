/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reconciling needs of pod-change.c. */
#ifndef HX_POD_CHANGE_H
#define HX_POD_CHANGE_H

#include "domain-builder/pod-state.h"

/*
 * Gives the pod's domain (domid 0: it has none) the pod's name, and records
 * that.  A rename that was killed is finished, or undone, by that.  The caller
 * has the lock.
 */
int hx_pod_name_domain(struct hx_host *host, const struct hx_pod_dir *dir,
                       struct hx_pod *pod, uint32_t domid, struct hx_err *err);

#endif
