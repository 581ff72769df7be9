/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pods use, as docker stats shows it.  Pure. */
#ifndef HX_STATS_TEXT_H
#define HX_STATS_TEXT_H

#include <jansson.h>

#include "domain-builder/pod-stats.h"
#include "xl-plugin/table.h"

/* A pod at one moment. */
struct hx_stats_sample {
    int64_t at_ns;                 /* CLOCK_MONOTONIC */
    struct hx_domain_stats domain; /* unless it runs, nothing below counts */
    struct hx_device_stats devices;
    struct hx_guest_stats guest;
};

extern const struct hx_column hx_stats_columns[];

/* Per cent of one CPU between two samples; -1: not known. */
double hx_stats_cpu(const struct hx_stats_sample *before,
                    const struct hx_stats_sample *now);

/*
 * Memory in use: the guest's word, but never more than the domain has;
 * HX_STAT_UNKNOWN without it.
 */
uint64_t hx_stats_memory(const struct hx_stats_sample *now);

/* A row; `before` may be NULL.  0, or -1 without memory. */
int hx_stats_row(struct hx_table *table, const char *name,
                 const struct hx_stats_sample *before,
                 const struct hx_stats_sample *now);

/* The same as an object; what is not known is null. */
json_t *hx_stats_json(const struct hx_pod *pod,
                      const struct hx_stats_sample *before,
                      const struct hx_stats_sample *now, int64_t time_ms);

#endif
