/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is recorded of a pod when it starts and when it ends, by whoever starts
 * it or sees it end.
 */
#ifndef HX_POD_LIFE_H
#define HX_POD_LIFE_H

#include "domain-builder/pod-state.h"

/* Whether dom0 has been booted again since the pod was started. */
bool hx_pod_rebooted(const struct hx_pod *pod);

/*
 * Fills *pod as one that runs, with the domain that was built after pod->spec;
 * nothing is saved.  HX_ERR_SYSTEM without memory.
 */
int hx_pod_note_start(struct hx_pod *pod, struct hx_err *err);

/*
 * Records an end that *pod has got (state, end, exit_code, message): its time,
 * whether and when it starts again, the event.  The caller has the lock, and
 * has read *pod under it.
 */
int hx_pod_note_end(const struct hx_pod_dirs *dirs,
                    const struct hx_pod_dir *dir, struct hx_pod *pod,
                    struct hx_err *err);

#endif
