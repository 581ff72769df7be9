/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest says of one container's health, kept for everybody
 * (pod-health.h), and its changes as events "health_status: healthy".
 *
 * A guest may say something new as often as it likes: the file is written
 * HX_HEALTH_BURST times in a row and then once a second, and the journal gets
 * as many changes, and then one in HX_HEALTH_EVENT_MS.  What was not written
 * in between is left out; the last word always comes to be written.
 */
#ifndef HX_MONITOR_HEALTH_H
#define HX_MONITOR_HEALTH_H

#include "domain-builder/pod-health.h"
#include "pv-init/channel-abi.h"

#define HX_HEALTH_BURST    10
#define HX_HEALTH_WRITE_MS 1000
#define HX_HEALTH_EVENT_MS 30000

/* How often something may be done: `left` times now, and once more each time
 * that has passed. */
struct hx_health_rate {
    unsigned left;
    int64_t since_ms; /* hx_clock_monotonic_ms() */
};

struct hx_health {
    const struct hx_pod_dirs *dirs; /* borrowed, as dir */
    struct hx_pod_dir *dir;
    size_t index;
    bool wanted; /* the container has probes */
    bool dirty;  /* the file is older than the record */
    struct hx_health_rate writes, events;
    enum hx_health_status told; /* by the last event */
    struct hx_health_record record;
};

void hx_health_open(struct hx_health *health, const struct hx_pod_dirs *dirs,
                    struct hx_pod_dir *dir, const struct hx_pod_spec *spec,
                    size_t index);
void hx_health_close(struct hx_health *health);

/* A frame HEALTH of the guest's.  One that makes no sense, tells no news, or
 * is of a container without probes is skipped. */
void hx_health_take(struct hx_health *health, const struct hx_ch_frame *frame,
                    const uint8_t *payload);

/* Writes what is due, or with `all` what there is. */
void hx_health_write(struct hx_health *health, bool all);
/* Milliseconds until something is due; -1: nothing is. */
int64_t hx_health_timeout_ms(const struct hx_health *health);

#endif
