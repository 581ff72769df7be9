/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A deadline that is missed by so much was slept through: the domain was
 * paused, and the probe with it. */
#define PAUSED_US 1000000

static uint64_t unix_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t in_ms(uint64_t ms)
{
    return hx_init_now_us() + ms * 1000;
}

int hx_init_health_begin(struct hx_init_healths *healths,
                         const struct hx_init_config *config, unsigned index,
                         pid_t pid, struct hx_init_err *err)
{
    const struct hx_init_container_config *own = &config->containers[index];
    struct hx_init_health *health;

    if (!own->health.args)
        return 0;
    health = calloc(1, sizeof(*health));
    if (!health)
        return hx_init_fail(err,
                            "container %s: there is no memory for its health "
                            "checks; give the domain more (-m)",
                            own->name);
    health->config = &own->health;
    health->container = pid;
    health->began_us = hx_init_now_us();
    health->next_us = in_ms(own->health.interval_ms);
    hx_init_probe_init(&health->probe);
    healths->config = config;
    healths->list[index] = health;
    return 0;
}

/* What its last probe has found, if it still runs, is of no interest. */
void hx_init_health_end(struct hx_init_healths *healths, unsigned index)
{
    struct hx_init_health *health = healths->list[index];

    if (!health)
        return;
    health->container = 0;
    health->next_us = health->deadline_us = 0;
    hx_init_probe_kill(&health->probe);
    hx_init_probe_mute(&health->probe);
}

/* -- outcomes ----------------------------------------------------------------
 */

void hx_init_health_judge(struct hx_ch_health *health, int exit_code,
                          unsigned retries, bool excused)
{
    health->exit_code = exit_code;
    if (exit_code == 0) {
        health->streak = 0;
        health->status = HX_CH_HEALTH_HEALTHY;
        return;
    }
    if (excused && health->status == HX_CH_HEALTH_STARTING)
        return;
    if (health->streak < UINT32_MAX)
        health->streak++;
    if (health->streak >= retries)
        health->status = HX_CH_HEALTH_UNHEALTHY;
}

static void conclude(struct hx_init_health *health, int exit_code)
{
    uint64_t period_us = (uint64_t)health->config->start_period_ms * 1000;

    hx_init_health_judge(&health->last, exit_code, health->config->retries,
                         health->started_us - health->began_us < period_us);
    health->last.start_ns = health->started_ns;
    health->last.end_ns = unix_ns();
    health->output_len = health->probe.len;
    memcpy(health->output, health->probe.output, health->probe.len);
    health->number++;
    health->due = true;
    health->deadline_us = 0;
    health->next_us = in_ms(health->config->interval_ms);
}

void hx_init_healths_reaped(struct hx_init_healths *healths, pid_t pid,
                            int exit_code)
{
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        struct hx_init_health *health = healths->list[i];
        int code;

        if (!health || health->probe.pid != pid)
            continue;
        code = hx_init_probe_ended(&health->probe, exit_code);
        if (health->deadline_us > 0)
            conclude(health, code);
    }
}

/* -- what is due -------------------------------------------------------------
 */

static void begin_probe(struct hx_init_healths *healths, unsigned index)
{
    struct hx_init_health *health = healths->list[index];

    health->next_us = 0;
    health->started_us = hx_init_now_us();
    health->started_ns = unix_ns();
    health->deadline_us = in_ms(health->config->timeout_ms);
    if (hx_init_probe_start(&health->probe, healths->config, index,
                            health->container) < 0)
        conclude(health, HX_CH_HEALTH_NO_CODE);
}

static void end_probe(struct hx_init_health *health)
{
    uint32_t ms = health->config->timeout_ms;
    char text[80];

    snprintf(text, sizeof(text), "Health check exceeded timeout (%u%s)",
             ms % 1000 ? ms : ms / 1000, ms % 1000 ? "ms" : "s");
    /* In place of what it has said, as Docker has it. */
    health->probe.len = 0;
    health->probe.cut = false;
    hx_init_probe_say(&health->probe, text);
    hx_init_probe_kill(&health->probe);
    hx_init_probe_mute(&health->probe);
    conclude(health, HX_CH_HEALTH_NO_CODE);
}

void hx_init_healths_run(struct hx_init_healths *healths)
{
    uint64_t now_us = hx_init_now_us();
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        struct hx_init_health *health = healths->list[i];

        if (!health)
            continue;
        if (health->deadline_us > 0 && now_us >= health->deadline_us) {
            if (now_us - health->deadline_us > PAUSED_US)
                health->deadline_us = in_ms(health->config->timeout_ms);
            else
                end_probe(health);
        }
        /* One that cannot be killed at once is waited for. */
        if (health->next_us > 0 && now_us >= health->next_us &&
            health->probe.pid == 0)
            begin_probe(healths, i);
    }
}

uint64_t hx_init_healths_deadline_us(const struct hx_init_healths *healths)
{
    uint64_t next_us = 0;
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        const struct hx_init_health *health = healths->list[i];
        uint64_t at_us;

        if (!health)
            continue;
        at_us = health->probe.pid == 0 ? health->next_us : health->deadline_us;
        if (at_us > 0 && (next_us == 0 || at_us < next_us))
            next_us = at_us;
    }
    return next_us;
}

/* -- what dom0 is told -------------------------------------------------------
 */

void hx_init_healths_reconnect(struct hx_init_healths *healths)
{
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        if (healths->list[i])
            healths->list[i]->due = healths->list[i]->number > 0;
    }
}

static bool tell(struct hx_init_health *health, unsigned index,
                 struct hx_init_channel *channel)
{
    uint8_t payload[HX_CH_HEALTH_BYTES + HX_CH_HEALTH_OUTPUT_MAX];
    const struct hx_ch_frame frame = {
        .type = HX_CH_HEALTH,
        .session = index,
        .value = health->number,
        .payload = (uint32_t)(HX_CH_HEALTH_BYTES + health->output_len),
    };

    if (!hx_init_channel_has_room(channel, true, frame.payload))
        return false;
    hx_ch_health_encode(&health->last, payload);
    memcpy(payload + HX_CH_HEALTH_BYTES, health->output, health->output_len);
    return hx_init_channel_send(channel, &frame, payload);
}

bool hx_init_healths_pump(struct hx_init_healths *healths,
                          struct hx_init_channel *channel)
{
    bool any = false;
    unsigned i;

    if (channel->state != HX_INIT_CHANNEL_OPEN)
        return false;
    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        struct hx_init_health *health = healths->list[i];

        if (!health || !health->due || !tell(health, i, channel))
            continue;
        health->due = false;
        any = true;
    }
    return any;
}

/* -- waiting -----------------------------------------------------------------
 */

size_t hx_init_healths_poll(const struct hx_init_healths *healths,
                            struct pollfd *fds)
{
    size_t count = 0;
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        if (healths->list[i])
            count += hx_init_probe_poll(&healths->list[i]->probe, fds + count);
    }
    return count;
}

/* The same walk again: nothing has changed in between. */
size_t hx_init_healths_polled(struct hx_init_healths *healths,
                              const struct pollfd *fds)
{
    size_t count = 0;
    unsigned i;

    for (i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
        if (healths->list[i])
            count +=
                hx_init_probe_polled(&healths->list[i]->probe, fds + count);
    }
    return count;
}
