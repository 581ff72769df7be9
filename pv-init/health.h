/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The health of containers, as Docker has it: a probe runs each interval
 * while the container does, and what the last one found is told to dom0
 * (channel-abi.h, HEALTH).
 *
 *                 first success
 *     starting -----------------> healthy <----+
 *        |                           |         | success
 *        | `retries` failures        | `retries` failures in a row
 *        +-----------------------> unhealthy --+
 *
 * While it is starting, a failure in the start period does not count.  An
 * interval begins when the last probe has ended; a probe that takes longer
 * than the timeout is killed and has failed.
 */
#ifndef HX_INIT_HEALTH_H
#define HX_INIT_HEALTH_H

#include "pv-init/channel.h"
#include "pv-init/probe.h"

/* Of one container.  Times are hx_init_now_us(); 0: never. */
struct hx_init_health {
    const struct hx_init_health_config *config;
    pid_t container; /* 0: it does not run (any more) */
    uint64_t began_us;
    uint64_t next_us;     /* when a probe begins */
    uint64_t deadline_us; /* when the one that runs is killed */
    uint64_t started_us;
    uint64_t started_ns; /* Unix time */
    struct hx_init_probe probe;
    /* What dom0 is told. */
    bool due;
    uint64_t number; /* of probes that have ended */
    struct hx_ch_health last;
    size_t output_len;
    char output[HX_CH_HEALTH_OUTPUT_MAX];
};

struct hx_init_healths {
    const struct hx_init_config *config;                /* borrowed */
    struct hx_init_health *list[HX_ABI_CONTAINERS_MAX]; /* NULL: no probes */
};

/* Container `index` runs as pid, or has ended.  -1: without memory it is not
 * probed. */
int hx_init_health_begin(struct hx_init_healths *healths,
                         const struct hx_init_config *config, unsigned index,
                         pid_t pid, struct hx_init_err *err);
void hx_init_health_end(struct hx_init_healths *healths, unsigned index);

/* A child of pv-init's has ended. */
void hx_init_healths_reaped(struct hx_init_healths *healths, pid_t pid,
                            int exit_code);

/* Begins and ends what is due; and when to come again (0: never). */
void hx_init_healths_run(struct hx_init_healths *healths);
uint64_t hx_init_healths_deadline_us(const struct hx_init_healths *healths);

/* A new connection. */
void hx_init_healths_reconnect(struct hx_init_healths *healths);

/* Queues what there is to tell; true when anything was queued. */
bool hx_init_healths_pump(struct hx_init_healths *healths,
                          struct hx_init_channel *channel);

/* Fills `fds` (room for HX_INIT_HEALTH_FDS) with what to wait for, and takes
 * the same array when poll(2) has been there.  Both return the number. */
#define HX_INIT_HEALTH_FDS (HX_INIT_PROBE_FDS * HX_ABI_CONTAINERS_MAX)
size_t hx_init_healths_poll(const struct hx_init_healths *healths,
                            struct pollfd *fds);
size_t hx_init_healths_polled(struct hx_init_healths *healths,
                              const struct pollfd *fds);

/* What a probe's outcome makes of `health`; `excused`: it began in the start
 * period.  Pure. */
void hx_init_health_judge(struct hx_ch_health *health, int exit_code,
                          unsigned retries, bool excused);

#endif
