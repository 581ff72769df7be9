/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pv-init/kernel.h"
#include "pv-init/stats.h"

/* Of one run, so that a loud process leaves time for everything else. */
#define ROUNDS_PER_RUN 16

/* Memory or grants may be short for a while. */
#define RETRY_US 1000000

/* -- transports --------------------------------------------------------------
 */

static ssize_t read_vchan(void *arg, void *data, size_t size)
{
    return hx_init_vchan_read(arg, data, size);
}

static ssize_t write_vchan(void *arg, const void *data, size_t size)
{
    return hx_init_vchan_write(arg, data, size);
}

static ssize_t read_socket(void *arg, void *data, size_t size)
{
    ssize_t n = recv(*(int *)arg, data, size, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n == 0 ? -1 : n;
}

static ssize_t write_socket(void *arg, const void *data, size_t size)
{
    ssize_t n = send(*(int *)arg, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

/* -- connections -------------------------------------------------------------
 */

void hx_init_control_init(struct hx_init_control *control)
{
    memset(control, 0, sizeof(*control));
    hx_init_sessions_init(&control->sessions);
    control->vchan = control->retired = HX_INIT_VCHAN_NONE;
    control->socket = -1;
}

int hx_init_control_open(struct hx_init_control *control, struct hx_init_xs *xs,
                         struct hx_init_err *err)
{
    const struct hx_init_transport transport = { read_vchan, write_vchan,
                                                 &control->vchan };

    control->xs = xs;
    if (hx_init_vchan_open(&control->vchan, err) < 0)
        return -1;
    hx_init_channel_start(&control->channel, &transport);
    hx_init_vchan_publish(&control->vchan, xs);
    return 0;
}

void hx_init_control_attach(struct hx_init_control *control, int socket)
{
    const struct hx_init_transport transport = { read_socket, write_socket,
                                                 &control->socket };

    hx_init_close_p(&control->socket);
    control->socket = socket;
    hx_init_channel_start(&control->channel, &transport);
}

/*
 * The client has gone: a new vchan.  The old one's pages are kept until
 * somebody has come to the new one, for a client that has read the old
 * numbers.
 */
static void renew(struct hx_init_control *control)
{
    struct hx_init_err ignored;

    if (control->socket >= 0) {
        hx_init_close_p(&control->socket);
        control->socket = -1;
    }
    /* A xenstored that does not answer is not flooded: its answer brings us
     * here again. */
    if (!control->xs || control->xs->queue_len > HX_INIT_XS_QUEUE_MAX / 2)
        return;
    hx_init_vchan_shut(&control->vchan);
    hx_init_vchan_release(&control->retired);
    control->retired = control->vchan;
    control->vchan = HX_INIT_VCHAN_NONE;
    control->retry_at_us = 0;
    if (hx_init_control_open(control, control->xs, &ignored) < 0)
        control->retry_at_us = hx_init_now_us() + RETRY_US;
}

/* -- frames ------------------------------------------------------------------
 */

static void answer_gone(struct hx_init_control *control, uint64_t session)
{
    static const char sentence[] = "there is no such session in the guest";
    const struct hx_ch_frame gone = {
        .type = HX_CH_GONE,
        .payload = sizeof(sentence) - 1,
        .session = session,
    };

    hx_init_channel_send(&control->channel, &gone, sentence);
}

static void answer_stats(struct hx_init_control *control,
                         const struct hx_ch_frame *question)
{
    struct hx_ch_frame answer = { .type = HX_CH_STATS,
                                  .session = question->session,
                                  .value = question->value };
    uint8_t payload[8 * HX_CH_STAT_COUNT];
    uint64_t values[HX_CH_STAT_COUNT];
    unsigned i;

    if (question->value < HX_ABI_CONTAINERS_MAX)
        hx_init_stats_read((unsigned)question->value, values);
    else
        memset(values, 0xff, sizeof(values));
    for (i = 0; i < HX_CH_STAT_COUNT; i++)
        hx_ch_put(payload + 8 * i, values[i], 8);
    answer.payload = sizeof(payload);
    hx_init_channel_send(&control->channel, &answer, payload);
}

static int take_frame(void *arg, const struct hx_ch_frame *frame,
                      const uint8_t *payload, struct hx_init_err *err)
{
    struct hx_init_control *control = arg;
    struct hx_init_session *session;

    if (frame->type == HX_CH_HELLO) {
        hx_init_vchan_release(&control->retired);
        hx_init_sessions_reconnect(&control->sessions);
        hx_init_healths_reconnect(&control->healths);
        return 0;
    }
    switch (frame->type) {
    case HX_CH_OPEN:
        return hx_init_session_open(&control->sessions, &control->channel,
                                    frame, payload, err);
    case HX_CH_CLOCK:
        hx_init_kernel_set_clock(frame->value);
        return 0;
    case HX_CH_SEED:
        hx_init_kernel_add_entropy(payload, frame->payload);
        return 0;
    case HX_CH_STATS:
        answer_stats(control, frame);
        return 0;
    default:
        break;
    }
    session = hx_init_session_find(&control->sessions, frame->session);
    if (session)
        return hx_init_session_take(&control->sessions, session, frame, payload,
                                    err);
    /* For all others: it has gone while the frame was on its way. */
    if (frame->type == HX_CH_RESUME)
        answer_gone(control, frame->session);
    return 0;
}

bool hx_init_control_run(struct hx_init_control *control)
{
    unsigned rounds = 0;
    bool more, any;

    hx_init_sessions_expire(&control->sessions);
    hx_init_healths_run(&control->healths);
    more = hx_init_channel_run(&control->channel, take_frame, control);
    do {
        any = hx_init_sessions_work(&control->sessions);
        any =
            hx_init_sessions_pump(&control->sessions, &control->channel) || any;
        any = hx_init_healths_pump(&control->healths, &control->channel) || any;
        any = hx_init_channel_flush(&control->channel) || any;
    } while (any && ++rounds < ROUNDS_PER_RUN);
    if (control->channel.state == HX_INIT_CHANNEL_CLOSED)
        renew(control);
    return more || any;
}

bool hx_init_control_has_client(const struct hx_init_control *control)
{
    return control->channel.state == HX_INIT_CHANNEL_OPEN;
}

uint64_t hx_init_control_deadline_us(const struct hx_init_control *control)
{
    const uint64_t all[] = {
        control->retry_at_us,
        control->sessions.orphans_at_us,
        hx_init_healths_deadline_us(&control->healths),
    };
    uint64_t next_us = 0;
    unsigned i;

    for (i = 0; i < HX_INIT_COUNT(all); i++) {
        if (all[i] > 0 && (next_us == 0 || all[i] < next_us))
            next_us = all[i];
    }
    return next_us;
}

/* -- waiting -----------------------------------------------------------------
 */

size_t hx_init_control_poll(const struct hx_init_control *control,
                            struct pollfd *fds)
{
    size_t count = 1;

    fds[0] = (struct pollfd){ .fd = control->vchan.evtchn, .events = POLLIN };
    if (control->socket >= 0) {
        fds[0].fd = control->socket;
        if (control->channel.out_len > 0)
            fds[0].events |= POLLOUT;
    }
    count += hx_init_healths_poll(&control->healths, fds + count);
    return count + hx_init_sessions_poll(&control->sessions, fds + count);
}

void hx_init_control_polled(struct hx_init_control *control,
                            const struct pollfd *fds)
{
    if (control->vchan.evtchn >= 0)
        hx_init_vchan_events(&control->vchan);
    fds++;
    fds += hx_init_healths_polled(&control->healths, fds);
    hx_init_sessions_polled(&control->sessions, fds);
}
