/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of reconciling that the reaper and the commands share. */
#ifndef HX_POD_RECONCILE_H
#define HX_POD_RECONCILE_H

#include "domain-builder/pod-life.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/xen_domains.h"

/* Which pods, and how long their locks are waited for. */
struct hx_reconcile_options {
    bool may_adopt;      /* start monitors */
    int lock_timeout_ms; /* 0: leave alone what others are at work on */
};

/*
 * hx_pod_reconcile() of one pod that has a folder.  HX_ERR_NOT_FOUND when it
 * has none, also when it was removed on the way.
 */
int hx_pod_reconcile_one(struct hx_host *host, const char *uuid,
                         const struct hx_reconcile_options *options,
                         struct hx_err *err);

/* Records how the domain's own end came about, NULL being that it is gone; the
 * caller has the lock. */
int hx_pod_record_end(struct hx_host *host, const struct hx_pod_dir *dir,
                      struct hx_pod *pod, const struct hx_domain *domain,
                      struct hx_err *err);

/* Gives back what an ended pod had outside its folder, and records that; the
 * caller has the lock. */
int hx_pod_reap(struct hx_host *host, const struct hx_pod_dir *dir,
                struct hx_pod *pod, struct hx_err *err);

#endif
