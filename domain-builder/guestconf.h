/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's configuration: pod spec -> the JSON of pv-init/guest-abi.h.
 * Pure.
 */
#ifndef HX_GUESTCONF_H
#define HX_GUESTCONF_H

#include "domain-builder/disks.h"
#include "domain-builder/netconf.h"
#include "domain-builder/network.h"
#include "domain-builder/pod.h"

/*
 * `seed` is HX_ABI_SEED_LEN hex digits, of this start alone.  `disks` is
 * planned for `spec`, `net` has its address taken (or is none).
 * *json_r is the caller's to free.  HX_ERR_USAGE: the hostname is none, or
 * text that is not UTF-8, which JSON cannot carry.  `seccomp` is the program of
 * the containers that have none of their own (confine.h), or NULL.
 */
int hx_guestconf_make(const struct hx_pod_spec *spec, const char *seed,
                      const struct hx_disks *disks,
                      const struct hx_network *net, const struct hx_dns *dns,
                      const char *seccomp, char **json_r, struct hx_err *err);

/*
 * A pod's name as a hostname: 63 characters at most, letters, digits, '-' and
 * '.', none of the latter at an end; '_' becomes '-'.  *hostname_r is the
 * caller's to free.
 */
int hx_hostname_of(const struct hx_pod_spec *spec, char **hostname_r,
                   struct hx_err *err);

#endif
