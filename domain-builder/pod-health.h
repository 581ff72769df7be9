/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the probes of a container's health have found: the file
 * pods/UUID/N-health.json, which the pod's monitor keeps and everybody reads.
 *
 *     { "number": 17, "status": "healthy", "streak": 0,
 *       "log": [ { "start_ns": ..., "end_ns": ..., "exit_code": 0,
 *                  "output": "ok\n" } ] }
 *
 * A pod's start removes the file; without it the container is starting.  It is
 * replaced by rename(2) and not synced: it tells of a domain that would not
 * survive what makes a sync needed, and a torn file is as good as none.
 */
#ifndef HX_POD_HEALTH_H
#define HX_POD_HEALTH_H

#include "domain-builder/pod-state.h"

#define HX_HEALTH_LOG_MAX    5    /* probes that are remembered, as Docker */
#define HX_HEALTH_OUTPUT_MAX 4096 /* bytes of each one's words */

struct hx_health_result {
    int64_t start_ns, end_ns; /* Unix time by the guest's clock */
    int exit_code;            /* 0..255; -1: not started, or too slow */
    char *output;             /* hx_health_text() */
};

struct hx_health_record {
    uint64_t number; /* of the last probe; 0: none yet */
    enum hx_health_status status;
    unsigned streak;
    size_t count;
    struct hx_health_result log[HX_HEALTH_LOG_MAX]; /* the oldest first */
};

void hx_health_record_release(struct hx_health_record *record);

/* "starting", "healthy", "unhealthy"; "none". */
const char *hx_health_status_name(enum hx_health_status status);

/*
 * A probe's words as text, the caller's: UTF-8 with newlines and tabs, in
 * which all other control characters are '?'; HX_HEALTH_OUTPUT_MAX bytes at
 * most.  NULL without memory.
 */
char *hx_health_text(const void *bytes, size_t len);

/* Adds the newest result, whose text it takes over, and drops the oldest. */
void hx_health_record_add(struct hx_health_record *record,
                          const struct hx_health_result *result);

/* The file of container `index`.  One that is missing or broken: starting,
 * and no results.  *record_r is the caller's. */
void hx_health_record_load(const struct hx_pod_dir *dir, size_t index,
                           struct hx_health_record *record_r);
/* By the pod's one monitor alone.  Container `index` of `dir`. */
int hx_health_record_save(const struct hx_pod_dir *dir, size_t index,
                          const struct hx_health_record *record,
                          struct hx_err *err);

/* Another run begins: what is known of the last one's health goes. */
void hx_health_record_forget(const struct hx_pod_dir *dir,
                             const struct hx_pod_spec *spec);

/* Of all containers that have probes, the worst; HX_HEALTH_NONE: none has. */
enum hx_health_status hx_health_of_pod(const struct hx_pod_dir *dir,
                                       const struct hx_pod_spec *spec);

#endif
