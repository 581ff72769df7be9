/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After a crash or a reboot of dom0: all pods are put right, as
 * hx_pod_reconcile() does, and those whose restart policy wants it come back.
 * Does nothing the second time.
 */
#ifndef HX_POD_RECOVER_H
#define HX_POD_RECOVER_H

#include "domain-builder/pod.h"

enum hx_recovered {
    HX_RECOVERED_ADOPTED,    /* it runs, and has got a monitor */
    HX_RECOVERED_ENDED,      /* it had ended; pod->end says how */
    HX_RECOVERED_RESTARTING, /* it starts again in a moment */
    HX_RECOVERED_STARTED,    /* because dom0 was started */
    HX_RECOVERED_REMOVED,    /* an --rm pod, or one that was half created */
    HX_RECOVERED_FAILED      /* `err` says why */
};

/* Called once for each pod that something was done for, or should have been.
 * All is borrowed. */
typedef void hx_recover_fn(void *opaque, const struct hx_pod *pod,
                           enum hx_recovered what, const struct hx_err *err);

/* Goes on after the failure of a pod, which is told; others are returned. */
int hx_pod_recover(struct hx_host *host, hx_recover_fn *tell, void *opaque,
                   struct hx_err *err);

#endif
