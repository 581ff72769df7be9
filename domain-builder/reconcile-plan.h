/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be done about a pod, decided from what is found.  Pure.
 */
#ifndef HX_RECONCILE_PLAN_H
#define HX_RECONCILE_PLAN_H

#include "domain-builder/guest-report.h"
#include "domain-builder/pod.h"

enum hx_reconcile_action {
    HX_RECONCILE_NOTHING,
    HX_RECONCILE_UNDO,  /* its creator died: give back all, remove it */
    HX_RECONCILE_ADOPT, /* start a monitor, which does the rest */
    HX_RECONCILE_END,   /* record how it ended */
    HX_RECONCILE_REAP,  /* give back what it had */
    HX_RECONCILE_NAME,  /* a rename was killed: its names are its pod.json's */
    HX_RECONCILE_RESTART, /* start who starts it again in its time */
    HX_RECONCILE_REMOVE   /* --rm: remove the folder, unless it is held */
};

struct hx_reconcile_facts {
    enum hx_pod_state state; /* as recorded */
    bool reaped;
    bool auto_remove;
    bool misnamed;            /* it is not sure that its domain has its name */
    bool restarts;            /* it shall start again, and nobody sees to it */
    bool monitored;           /* a monitor lives */
    bool may_adopt;           /* false: no monitor may or can be started */
    enum hx_domain_fate fate; /* of the domain with the pod's UUID */
};

/* All but ADOPT and RESTART are done with the pod's lock, and decided anew
 * under it. */
enum hx_reconcile_action
hx_reconcile_decide(const struct hx_reconcile_facts *facts);

#endif
