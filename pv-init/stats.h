/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's numbers, from its cgroup (channel-abi.h, STATS). */
#ifndef HX_INIT_STATS_H
#define HX_INIT_STATS_H

#include "pv-init/base.h"
#include "pv-init/channel-abi.h"

/* Of container `index`; UINT64_MAX for what cannot be known. */
void hx_init_stats_read(unsigned index, uint64_t values_r[HX_CH_STAT_COUNT]);

/* -- pure, of the kernel's texts ---------------------------------------------
 */

/* The number behind "NAME " at the beginning of a line, or UINT64_MAX. */
uint64_t hx_init_stats_named(const char *text, const char *name);

/* The sum of all numbers behind "NAME=" (io.stat: a line for each disk). */
uint64_t hx_init_stats_sum(const char *text, const char *name);

/* Bytes of /proc/net/dev's interfaces, without lo: received, sent. */
void hx_init_stats_net(const char *text, uint64_t *in_r, uint64_t *out_r);

#endif
