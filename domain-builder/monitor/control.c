/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "domain-builder/monitor/clients.h"
#include "domain-builder/monitor/health.h"
#include "domain-builder/monitor/json-log.h"
#include "domain-builder/monitor/link.h"
#include "domain-builder/monitor/xen_channel.h"
#include "domain-builder/pod-monitor.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"

#define SEED_BYTES 64
/* A guest that has published anew, after the old channel was lost, need not
 * wait: so often, and never faster than this. */
#define QUICK_RETRIES  3
#define QUICK_RETRY_MS 100
/* What a dead guest can have left in the ring, and in the frame in hand. */
#define DRAIN_TURNS 4

struct hx_control {
    uint32_t domid;
    size_t containers;
    struct hx_console *console;
    struct hx_channel *channel; /* NULL: no connection */
    bool published;             /* there is something to connect to */
    bool news;                  /* since the last attempt, perhaps */
    bool complained;
    unsigned failures; /* since a connection was good */
    int64_t tried_ms;  /* when a connection was begun last */
    int64_t clock_ms;  /* when the guest was told the time */
    size_t turn_bytes; /* that came from the guest in the last turn... */
    size_t log_bytes;  /* ... and those that were output of containers */
    int64_t cpu_us;    /* what the process had used then */
    int64_t debt_us;   /* CPU time that logging took beyond its share */
    int64_t debt_ms;   /* when that was so */
    /* An END that is not acknowledged yet. */
    bool ended[HX_ABI_CONTAINERS_MAX][HX_JSON_STREAMS];
    struct hx_json_log log[HX_ABI_CONTAINERS_MAX];
    struct hx_health health[HX_ABI_CONTAINERS_MAX];
    struct hx_link link;
    struct hx_clients *clients;
};

/* The protocol's name of a log's stream. */
static unsigned channel_stream(unsigned stream)
{
    return HX_CH_STDOUT + stream;
}

/* -- opening ----------------------------------------------------------------
 */

static void tell_time(void *ctx)
{
    struct hx_control *control = ctx;
    struct hx_ch_frame frame = { .type = HX_CH_CLOCK };
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    frame.value = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    hx_link_send(&control->link, &frame, NULL);
    control->clock_ms = hx_clock_monotonic_ms();
}

static int open_clients(struct hx_control *control,
                        const struct hx_pod_dir *dir, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/" HX_MONITOR_SOCKET, dir->run_path) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the channel");
    }
    return hx_clients_open(path, &control->link, tell_time, control,
                           &control->clients, err);
}

int hx_control_open(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                    uint32_t domid, const struct hx_pod_spec *spec,
                    struct hx_console *console, struct hx_control **control_r,
                    struct hx_err *err)
{
    struct hx_control *control = calloc(1, sizeof(*control));
    int r = 0;

    if (!control)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the channel");
    control->domid = domid;
    control->containers = spec->container_count < HX_ABI_CONTAINERS_MAX
                              ? spec->container_count
                              : HX_ABI_CONTAINERS_MAX;
    control->console = console;
    for (size_t i = 0; r == 0 && i < control->containers; i++) {
        hx_health_open(&control->health[i], dirs, dir, spec, i);
        r = hx_json_log_open(&control->log[i], dir, i, domid,
                             HX_JSON_LOG_MAX_BYTES, err);
    }
    if (r == 0)
        r = open_clients(control, dir, err);
    if (r < 0) {
        hx_control_close(control);
        return r;
    }
    *control_r = control;
    return 0;
}

static void disconnect(struct hx_control *control)
{
    if (!control->channel)
        return;
    hx_clients_lost(control->clients);
    hx_link_end(&control->link);
    hx_channel_close(control->channel);
    control->channel = NULL;
}

void hx_control_close(struct hx_control *control)
{
    if (!control)
        return;
    disconnect(control);
    hx_clients_close(control->clients);
    for (size_t i = 0; i < control->containers; i++) {
        hx_json_log_close(&control->log[i]);
        hx_health_close(&control->health[i]);
    }
    free(control);
}

/* -- connecting -------------------------------------------------------------
 */

/* What a connection ended with; a guest that left is no news. */
static void fail(struct hx_control *control, const struct hx_err *err)
{
    /* A connection that has been good for long was no failure. */
    if (control->channel && hx_link_is_up(&control->link) &&
        hx_clock_monotonic_ms() - control->tried_ms > HX_CONTROL_RETRY_MAX_MS)
        control->failures = 0;
    control->failures++;
    if (err->code != HX_ERR_NETWORK && !control->complained) {
        fprintf(stderr, "%s\n", err->msg);
        control->complained = true;
    }
    disconnect(control);
}

static void connect_guest(struct hx_control *control)
{
    struct hx_link_transport transport = { .read = hx_channel_read,
                                           .write = hx_channel_write };
    struct hx_err err = { 0 };

    control->tried_ms = hx_clock_monotonic_ms();
    control->news = false;
    if (hx_channel_open(control->domid, &control->channel, &err) < 0) {
        control->failures++;
        return;
    }
    transport.ctx = control->channel;
    hx_link_begin(&control->link, &transport, control->containers);
    for (size_t i = 0; i < control->containers; i++) {
        /* The guest says again what the log does not have. */
        hx_json_log_write(&control->log[i], true);
        for (unsigned k = 0; k < HX_JSON_STREAMS; k++) {
            control->ended[i][k] = false;
            hx_link_start(&control->link, i, channel_stream(k),
                          hx_json_log_offset(&control->log[i], k));
        }
    }
}

/* Milliseconds until the next attempt; -1: there is nothing to connect to. */
static int64_t retry_ms(const struct hx_control *control)
{
    unsigned doublings = control->failures < 7 ? control->failures : 7;
    int64_t wait_ms = (int64_t)HX_CONTROL_RETRY_MS << doublings >> 1;

    if (control->channel || !control->published)
        return -1;
    if (control->failures == 0)
        return 0;
    if (wait_ms > HX_CONTROL_RETRY_MAX_MS)
        wait_ms = HX_CONTROL_RETRY_MAX_MS;
    if (control->news && control->failures <= QUICK_RETRIES)
        wait_ms = QUICK_RETRY_MS;
    wait_ms += control->tried_ms - hx_clock_monotonic_ms();
    return wait_ms > 0 ? wait_ms : 0;
}

void hx_control_published(struct hx_control *control)
{
    control->published = control->news = true;
    if (retry_ms(control) == 0)
        connect_guest(control);
}

/* -- the log's share of the CPU ---------------------------------------------
 */

static int64_t cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Adds the log's part of all that was used since the last time: of what came
 * last, so much was its output.  Time pays it back. */
static void owe(struct hx_control *control)
{
    int64_t now_ms = hx_clock_monotonic_ms(), now_us = cpu_us();
    int64_t used_us = now_us - control->cpu_us;

    control->debt_us -=
        (now_ms - control->debt_ms) * 1000 / HX_CONTROL_LOG_SHARE;
    if (control->debt_us < 0)
        control->debt_us = 0;
    if (control->log_bytes)
        control->debt_us += used_us * (int64_t)control->log_bytes /
                            (int64_t)control->turn_bytes;
    control->debt_ms = now_ms;
    control->cpu_us = now_us;
}

/* Milliseconds until the guest is listened to again; 0: now. */
static int64_t rest_ms(const struct hx_control *control)
{
    int64_t over_us = control->debt_us - HX_CONTROL_LOG_BURST_US, wait_ms;

    if (over_us <= 0)
        return 0;
    wait_ms = control->debt_ms + over_us * HX_CONTROL_LOG_SHARE / 1000 + 1 -
              hx_clock_monotonic_ms();
    return wait_ms > 0 ? wait_ms : 0;
}

/* -- talking ----------------------------------------------------------------
 */

static void greet(struct hx_control *control)
{
    struct hx_ch_frame frame = { .type = HX_CH_SEED };
    uint8_t seed[SEED_BYTES];
    ssize_t n = getrandom(seed, sizeof(seed), GRND_NONBLOCK);

    tell_time(control);
    if (n <= 0)
        return;
    frame.payload = (uint32_t)n;
    hx_link_send(&control->link, &frame, seed);
}

static void take_frame(void *ctx, const struct hx_ch_frame *frame,
                       const uint8_t *payload)
{
    struct hx_control *control = ctx;
    enum hx_json_stream stream =
        frame->stream == HX_CH_STDERR ? HX_JSON_STDERR : HX_JSON_STDOUT;

    control->turn_bytes += frame->payload;
    if (frame->type == HX_CH_HEALTH) {
        hx_health_take(&control->health[frame->session], frame, payload);
    } else if (frame->session >= control->containers ||
               (frame->type != HX_CH_DATA && frame->type != HX_CH_END)) {
        hx_clients_take(control->clients, frame, payload);
    } else if (frame->type == HX_CH_DATA && frame->payload) {
        hx_json_log_add(&control->log[frame->session], stream, payload,
                        frame->payload);
        control->log_bytes += frame->payload;
        hx_console_add(control->console, (const char *)payload, frame->payload);
    } else if (frame->type == HX_CH_END) {
        hx_json_log_end(&control->log[frame->session], stream);
        control->ended[frame->session][stream] = true;
    }
}

/* Writes what the logs have, and tells the guest what it need not keep. */
static void take(struct hx_control *control)
{
    for (size_t i = 0; i < control->containers; i++) {
        hx_json_log_write(&control->log[i], false);
        hx_health_write(&control->health[i], false);
        for (unsigned k = 0; control->channel && k < HX_JSON_STREAMS; k++) {
            hx_link_take(&control->link, i, channel_stream(k),
                         hx_json_log_offset(&control->log[i], k),
                         control->ended[i][k]);
            control->ended[i][k] = false;
        }
    }
}

static void talk(struct hx_control *control, const struct pollfd *fds,
                 size_t count)
{
    const struct hx_link_sink sink = { .ctx = control, .frame = take_frame };
    bool was_up = hx_link_is_up(&control->link);
    struct hx_err err = { 0 };
    int r = 0;

    owe(control);
    if (rest_ms(control) == 0) {
        control->turn_bytes = control->log_bytes = 0;
        r = hx_link_read(&control->link, &sink, &err);
    }
    if (r == 0 && !was_up && hx_link_is_up(&control->link))
        greet(control);
    take(control);
    if (r == 0)
        hx_clients_serve(control->clients, fds, count);
    if (r == 0 && hx_link_is_up(&control->link) &&
        !hx_link_wants_write(&control->link) &&
        hx_clock_monotonic_ms() - control->clock_ms >= HX_CONTROL_CLOCK_MS)
        tell_time(control);
    if (r == 0)
        r = hx_link_write(&control->link, &err);
    if (r == 0 && !hx_link_is_up(&control->link) &&
        hx_clock_monotonic_ms() - control->tried_ms >= HX_CONTROL_HELLO_MS)
        r = hx_err_set(&err, HX_ERR_NETWORK, "the guest sent no HELLO");
    if (r < 0)
        fail(control, &err);
}

/* -- serving ----------------------------------------------------------------
 */

size_t hx_control_poll(struct hx_control *control, struct pollfd *fds)
{
    fds[0] = (struct pollfd){
        .fd = control->channel ? hx_channel_fd(control->channel) : -1,
        .events = POLLIN,
    };
    return 1 + hx_clients_poll(control->clients, fds + 1);
}

/* The sooner of two; -1 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static int64_t until(int64_t when_ms)
{
    int64_t left_ms = when_ms - hx_clock_monotonic_ms();

    return left_ms > 0 ? left_ms : 0;
}

int hx_control_timeout_ms(const struct hx_control *control)
{
    int64_t wait_ms = retry_ms(control);

    for (size_t i = 0; i < control->containers; i++) {
        wait_ms = sooner(wait_ms, hx_json_log_timeout_ms(&control->log[i]));
        wait_ms = sooner(wait_ms, hx_health_timeout_ms(&control->health[i]));
    }
    if (!control->channel)
        return (int)wait_ms;
    if (rest_ms(control) > 0)
        wait_ms = sooner(wait_ms, rest_ms(control));
    wait_ms = sooner(wait_ms, hx_channel_timeout_ms(control->channel));
    wait_ms = sooner(wait_ms, hx_clients_timeout_ms(control->clients));
    if (!hx_link_is_up(&control->link))
        wait_ms =
            sooner(wait_ms, until(control->tried_ms + HX_CONTROL_HELLO_MS));
    else if (!hx_link_wants_write(&control->link))
        wait_ms =
            sooner(wait_ms, until(control->clock_ms + HX_CONTROL_CLOCK_MS));
    if (hx_channel_rest(control->channel, rest_ms(control) == 0,
                        hx_link_wants_write(&control->link)))
        wait_ms = 0;
    return (int)wait_ms;
}

void hx_control_serve(struct hx_control *control, const struct pollfd *fds,
                      size_t count)
{
    if (control->channel) {
        hx_channel_wake(control->channel, fds[0].revents);
        talk(control, fds + 1, count - 1);
    } else {
        take(control);
    }
    if (retry_ms(control) == 0)
        connect_guest(control);
}

void hx_control_drain(struct hx_control *control)
{
    const struct hx_link_sink sink = { .ctx = control, .frame = take_frame };

    for (int i = 0; control->channel && i < DRAIN_TURNS; i++) {
        if (hx_link_read(&control->link, &sink, NULL) < 0)
            break;
    }
    for (size_t i = 0; i < control->containers; i++) {
        hx_json_log_write(&control->log[i], true);
        hx_health_write(&control->health[i], true);
    }
}
