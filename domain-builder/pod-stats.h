/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pod uses, from whoever knows it best:
 *
 *     CPU, memory of the domain    Xen (xen_domains.h): the truth
 *     network, disks               dom0's own counters of the pod's devices,
 *                                  /sys: the truth, too
 *     memory in use, processes     the guest, by its monitor: its own words,
 *                                  which may be lies
 */
#ifndef HX_POD_STATS_H
#define HX_POD_STATS_H

#include "domain-builder/pod-state.h"

#define HX_STAT_UNKNOWN UINT64_MAX

/* Xen's word about one pod. */
struct hx_domain_stats {
    bool running; /* or paused; else the rest is 0 */
    uint32_t domid;
    uint64_t cpu_ns;  /* CPU time used, of all its virtual CPUs */
    uint64_t mem_kib; /* memory that the domain has */
};

/* Of `count` pods, with one hypercall; fills as many stats_r. */
int hx_domain_stats_get(const struct hx_pod *pods, size_t count,
                        struct hx_domain_stats *stats_r, struct hx_err *err);

/* The guest's words about one pod; all containers together. */
struct hx_guest_stats {
    char uuid[HX_POD_UUID_TEXT]; /* the caller fills these two */
    size_t containers;
    bool answered;
    uint64_t memory_bytes; /* HX_STAT_UNKNOWN when not known */
    uint64_t pids;
};

/*
 * Asks the monitors of `count` pods at once, and waits for the answers
 * timeout_ms altogether.  Who does not answer in time, or has no monitor, is
 * left with `answered` false and numbers not known.
 */
void hx_guest_stats_ask(const struct hx_pod_dirs *dirs,
                        struct hx_guest_stats *pods, size_t count,
                        int timeout_ms);

/* Since the domain was built.  From the guest's side: `received` is what came
 * to it. */
struct hx_device_stats {
    uint64_t received_bytes, sent_bytes;
    uint64_t read_bytes, written_bytes;
};

/* `sys` is "/sys", `vif` may be NULL.  A device without counters counts 0. */
void hx_device_stats_read(const char *sys, uint32_t domid, const char *vif,
                          struct hx_device_stats *stats_r);

#endif
