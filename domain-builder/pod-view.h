/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pod's folder and Xen's word, put together: pods as they are now. */
#ifndef HX_POD_VIEW_H
#define HX_POD_VIEW_H

#include "domain-builder/pod-state.h"
#include "domain-builder/xen_domains.h"

/*
 * Corrects the recorded state by Xen's, NULL being no domain: a pod without a
 * living domain does not run, whatever its folder says.  When nobody has
 * recorded its end yet, `end` stays HX_END_NONE.
 */
void hx_pod_view(struct hx_pod *pod, const struct hx_domain *domain);

/*
 * Loads a folder.  One that can't be read gives a pod with its UUID for a
 * name and the reason as its message, so that it can be seen and destroyed.
 * HX_ERR_NOT_FOUND when it is gone.
 */
int hx_pod_view_load(struct hx_pod_dir *dir, struct hx_pod *pod_r,
                     struct hx_err *err);

#endif
