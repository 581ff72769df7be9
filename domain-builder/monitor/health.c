/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "domain-builder/pod-event.h"
#include "image/base/clock.h"

/* -- rates -------------------------------------------------------------------
 */

/* Milliseconds until it may be done. */
static int64_t wait_ms(const struct hx_health_rate *rate, int64_t each_ms)
{
    int64_t left_ms = rate->since_ms + each_ms - hx_clock_monotonic_ms();

    return rate->left > 0 || left_ms < 0 ? 0 : left_ms;
}

/* It is done now, if it may be. */
static bool take_turn(struct hx_health_rate *rate, int64_t each_ms)
{
    int64_t now_ms = hx_clock_monotonic_ms();
    int64_t more = (now_ms - rate->since_ms) / each_ms;

    if (more > 0) {
        rate->left = more > HX_HEALTH_BURST - rate->left
                         ? HX_HEALTH_BURST
                         : rate->left + (unsigned)more;
        rate->since_ms = now_ms;
    }
    if (rate->left == 0)
        return false;
    rate->left--;
    return true;
}

/* -- life --------------------------------------------------------------------
 */

void hx_health_open(struct hx_health *health, const struct hx_pod_dirs *dirs,
                    struct hx_pod_dir *dir, const struct hx_pod_spec *spec,
                    size_t index)
{
    const struct hx_health_rate rate = { HX_HEALTH_BURST,
                                         hx_clock_monotonic_ms() };

    *health = (struct hx_health){
        .dirs = dirs,
        .dir = dir,
        .index = index,
        .wanted = spec->containers[index].health.test != NULL,
        .writes = rate,
        .events = rate,
    };
    if (health->wanted)
        hx_health_record_load(dir, index, &health->record);
    health->told = health->record.status;
}

void hx_health_close(struct hx_health *health)
{
    hx_health_record_release(&health->record);
}

/* -- from the guest ----------------------------------------------------------
 */

static enum hx_health_status status_of(enum hx_ch_health_status status)
{
    switch (status) {
    case HX_CH_HEALTH_HEALTHY:
        return HX_HEALTH_HEALTHY;
    case HX_CH_HEALTH_UNHEALTHY:
        return HX_HEALTH_UNHEALTHY;
    default:
        return HX_HEALTH_STARTING;
    }
}

/* JSON's numbers have a sign. */
static int64_t bounded(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

void hx_health_take(struct hx_health *health, const struct hx_ch_frame *frame,
                    const uint8_t *payload)
{
    struct hx_health_record *record = &health->record;
    struct hx_health_result result = { 0 };
    struct hx_ch_health said;

    if (!health->wanted || frame->value > INT64_MAX ||
        frame->value <= record->number ||
        hx_ch_health_decode(payload, frame->payload, &said) < 0)
        return;
    record->number = frame->value;
    record->status = status_of(said.status);
    record->streak = said.streak;
    result.start_ns = bounded(said.start_ns);
    result.end_ns = bounded(said.end_ns);
    result.exit_code = said.exit_code;
    result.output = hx_health_text(payload + HX_CH_HEALTH_BYTES,
                                   frame->payload - HX_CH_HEALTH_BYTES);
    hx_health_record_add(record, &result);
    health->dirty = true;
}

/* -- to the folder -----------------------------------------------------------
 */

static void record_event(struct hx_health *health)
{
    struct hx_pod pod;
    char action[64];

    snprintf(action, sizeof(action), "health_status: %s",
             hx_health_status_name(health->record.status));
    health->told = health->record.status;
    if (hx_pod_dir_load(health->dir, &pod, NULL) < 0)
        return;
    hx_event_record(health->dirs, &pod, action, NULL);
    hx_pod_release(&pod);
}

void hx_health_write(struct hx_health *health, bool all)
{
    /* A full disk loses it; the next result is another attempt. */
    if (health->dirty &&
        (take_turn(&health->writes, HX_HEALTH_WRITE_MS) || all)) {
        health->dirty = false;
        hx_health_record_save(health->dir, health->index, &health->record,
                              NULL);
    }
    if (!health->dirty && health->record.status != health->told &&
        take_turn(&health->events, HX_HEALTH_EVENT_MS))
        record_event(health);
}

int64_t hx_health_timeout_ms(const struct hx_health *health)
{
    if (health->dirty)
        return wait_ms(&health->writes, HX_HEALTH_WRITE_MS);
    if (health->record.status != health->told)
        return wait_ms(&health->events, HX_HEALTH_EVENT_MS);
    return -1;
}
