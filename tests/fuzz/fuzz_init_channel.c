/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control channel as the guest hears it: any bytes from dom0 are taken or
 * end the connection, and nothing grows beyond its bound.  The first byte
 * says how much dom0 reads and how the bytes are cut.  Frames for the kernel
 * (CLOCK, SEED) and processes are left out: the fuzzer may be root.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pv-init/health.h"
#include "pv-init/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
    const uint8_t *data;
    size_t left, piece, room;
};

static ssize_t line_read(void *arg, void *to, size_t size)
{
    struct line *line = arg;
    size_t n = line->left < line->piece ? line->left : line->piece;

    if (line->left == 0)
        return -1;
    n = n < size ? n : size;
    memcpy(to, line->data, n);
    line->data += n;
    line->left -= n;
    return (ssize_t)n;
}

static ssize_t line_write(void *arg, const void *from, size_t size)
{
    struct line *line = arg;
    size_t n = size < line->room ? size : line->room;

    (void)from;
    line->room -= n;
    return (ssize_t)n;
}

static struct hx_init_sessions sessions;
static struct hx_init_channel channel;
/* Of a container whose probe says something new at each turn. */
static struct hx_init_health health;
static struct hx_init_healths healths = { .list = { &health } };

static int take(void *arg, const struct hx_ch_frame *frame,
                const uint8_t *payload, struct hx_init_err *err)
{
    struct hx_init_session *session =
        hx_init_session_find(&sessions, frame->session);

    (void)arg;
    if (frame->type == HX_CH_HELLO) {
        hx_init_sessions_reconnect(&sessions);
        hx_init_healths_reconnect(&healths);
    } else if (frame->type == HX_CH_OPEN)
        return hx_init_session_open(&sessions, &channel, frame, payload, err);
    else if (session)
        return hx_init_session_take(&sessions, session, frame, payload, err);
    return 0;
}

/* A container that has said something and reads nothing. */
static void start_container(void)
{
    struct hx_init_started started = { .inside = 1 };
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
        write(out[1], "output", 6) != 6)
        abort();
    close(in[0]);
    close(out[1]);
    started.in = in[1];
    started.out[0] = out[0];
    started.out[1] = -1;
    hx_init_session_start(&sessions.list[0], &started);
}

static void check(void)
{
    size_t requests = 0;
    unsigned i, j;

    if (channel.out_len > sizeof(channel.out) ||
        channel.in_len > sizeof(channel.in))
        abort();
    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        const struct hx_init_session *session = &sessions.list[i];

        requests += session->request_len;
        if (session->in.received - session->in.given > HX_CH_WINDOW)
            abort();
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++) {
            if (session->out[j].end - session->out[j].start > HX_CH_WINDOW)
                abort();
        }
    }
    if (requests > HX_INIT_REQUESTS_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line line = { .left = 0 };
    const struct hx_init_transport transport = { line_read, line_write, &line };
    unsigned i, j;

    if (size == 0)
        return 0;
    line.data = data + 1;
    line.left = size - 1;
    line.piece = data[0] & 1 ? 7 : SIZE_MAX;
    line.room = data[0] & 2 ? (size_t)data[0] * 16 : SIZE_MAX;
    signal(SIGPIPE, SIG_IGN);
    hx_init_sessions_init(&sessions);
    start_container();
    hx_init_channel_start(&channel, &transport);
    while (hx_init_channel_run(&channel, take, NULL) ||
           (line.left > 0 && line.room > 0 &&
            channel.state != HX_INIT_CHANNEL_CLOSED)) {
        hx_init_sessions_work(&sessions);
        hx_init_sessions_pump(&sessions, &channel);
        health.number++;
        health.due = true;
        health.output_len = HX_CH_HEALTH_OUTPUT_MAX;
        hx_init_healths_pump(&healths, &channel);
        hx_init_channel_flush(&channel);
        check();
    }
    check();
    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        free(sessions.list[i].request);
        hx_init_in_release(&sessions.list[i].in);
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++)
            hx_init_out_release(&sessions.list[i].out[j]);
    }
    return 0;
}
