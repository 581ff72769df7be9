/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hyper-create and hyper-run share: from the options to a running pod.
 */
#ifndef HX_LAUNCH_H
#define HX_LAUNCH_H

#include "xl-plugin/create-options.h"

/*
 * Pulls the image when that is needed, and plans the pod.  With dry_run
 * nothing is pulled.  *spec_r is the caller's to release, and *hold_r to
 * close when the pod is created: until then the image cannot be removed.
 */
int hx_launch_plan(const struct hx_create_options *options,
                   struct hx_pod_spec *spec_r, int *hold_r, struct hx_err *err);

/*
 * hyper-create, and hyper-run with -d: plans and creates the pod, prints its
 * name, or with json all of it; with dry_run prints the domain's configuration
 * as libxl's JSON and creates nothing.  *pod_r is the caller's.
 *
 * A signal in the middle undoes the pod, since nobody has been told its name.
 */
int hx_launch_detached(const struct hx_create_options *options,
                       struct hx_pod *pod_r, struct hx_err *err);

/* Complains, and returns the exit status: 125, or 128 + N after a signal. */
int hx_launch_status(const struct hx_command *command,
                     const struct hx_err *err);

#endif
