/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which seccomp filter a container gets, compiled by the helper `seccomp`
 * when it is not the default one.
 */
#ifndef HX_PLUGIN_SECCOMP_H
#define HX_PLUGIN_SECCOMP_H

#include "domain-builder/confine.h"

/*
 * Fills confine->seccomp.  `profile` is a file's path, "unconfined", "builtin"
 * for the one that xl-hyper brings, or NULL for what `daemon_json` says
 * ("seccomp-profile"; without it: builtin).  HX_ERR_USAGE when a profile is
 * wrong, HX_ERR_NOT_FOUND when it is not there.
 */
int hx_seccomp_choose(struct hx_confine_spec *confine, const char *profile,
                      const char *daemon_json, struct hx_err *err);

#endif
