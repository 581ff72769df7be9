/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of pods, hosts and bridges: what is chosen when nobody said, and what
 * is valid.
 */
#ifndef HX_NAMES_H
#define HX_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define HX_POD_NAME_MAX 63
#define HX_HOSTNAME_MAX 63

/*
 * The last part of an image's reference, a dash and 6 hex digits of `random`:
 * "127.0.0.1:5000/team/web:1.2" gives "web-00c0de".  Valid as
 * hx_pod_name_valid() has it.
 */
void hx_pod_name_default(const char *reference, uint32_t random,
                         char name[HX_POD_NAME_MAX + 1]);

/* Labels of letters, digits and inner dashes, with dots between (RFC 1123),
 * HX_HOSTNAME_MAX bytes at most, which is what Linux takes. */
bool hx_hostname_valid(const char *hostname);

/* A pod's name made into a valid host name. */
void hx_hostname_default(const char *pod_name,
                         char hostname[HX_HOSTNAME_MAX + 1]);

/* A network interface's name as Linux takes it. */
bool hx_bridge_name_valid(const char *name);

#endif
