/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking after one pod: what a command does whose way to the monitor is
 * blocked.  xl-hyper does it itself, with libxl; the program `exec`, which has
 * no libxl, has xl-hyper do it.
 */
#ifndef HX_TEND_H
#define HX_TEND_H

#include "domain-builder/pod.h"

/*
 * Puts right what is wrong with the pod of this name, UUID, beginning of a UUID
 * or domain id, and tells its UUID.  A pod that runs has a monitor then.
 * HX_ERR_STATE: it does not run; the sentence says how it ended.
 */
int hx_tend(const char *name, char uuid_r[HX_POD_UUID_TEXT],
            struct hx_err *err);

/* The same, as sessions want it (domain-builder/pod-exec.h). */
static inline int hx_tend_by_uuid(void *opaque, const char *uuid,
                                  struct hx_err *err)
{
    char found[HX_POD_UUID_TEXT];

    (void)opaque;
    return hx_tend(uuid, found, err);
}

/* HX_ERR_STATE, and the sentence. */
int hx_tend_ended(const char *name, const char *reason, int exit_code,
                  struct hx_err *err);

#endif
