/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From an image's config and the command line to a pod's specification: pure,
 * so that Docker's rules can be tested without an image or a Xen.
 *
 *     argv      --entrypoint, else the image's; then the arguments given, else
 *               the image's Cmd unless --entrypoint was given
 *     env       image, --env-file, -e (env.h); then PATH, HOSTNAME and, with a
 *               tty, TERM where they are not set.  HOME depends on the
 *               image's passwd and is set in the guest.
 *     user, working directory, stop signal: ours, else the image's
 */
#ifndef HX_PLAN_H
#define HX_PLAN_H

#include "domain-builder/pod.h"
#include "image/image.h"
#include "xl-plugin/create-options.h"

/*
 * Fills *spec_r, the caller's to release with hx_pod_spec_release().  `caller`
 * is the environment of the command, `random` any 24 bits, for the name.
 * HX_ERR_USAGE: something on the command line, or no command at all.
 */
int hx_plan_pod(const struct hx_create_options *options,
                const struct hx_image *image, char *const *caller,
                uint32_t random, struct hx_pod_spec *spec_r,
                struct hx_err *err);

#endif
