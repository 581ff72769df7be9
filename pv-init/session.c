/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/session.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void hx_init_sessions_init(struct hx_init_sessions *sessions)
{
    unsigned i, j;

    memset(sessions, 0, sizeof(*sessions));
    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        sessions->list[i].id = i;
        hx_init_in_start(&sessions->list[i].in, -1, false);
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++)
            hx_init_out_start(&sessions->list[i].out[j], -1);
    }
}

struct hx_init_session *hx_init_session_find(struct hx_init_sessions *sessions,
                                             uint64_t id)
{
    unsigned i;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        if (sessions->list[i].state != HX_INIT_SESSION_FREE &&
            sessions->list[i].id == id)
            return &sessions->list[i];
    }
    return NULL;
}

void hx_init_session_start(struct hx_init_session *session, uint64_t id,
                           pid_t pid, int64_t inside, int in,
                           const int out[HX_INIT_SESSION_OUTS])
{
    unsigned i;

    session->state = HX_INIT_SESSION_RUNNING;
    session->id = id;
    session->pid = pid;
    session->inside = inside;
    session->started = session->resumed = session->tell_opened = true;
    session->has_in = in >= 0;
    session->outs = 0;
    hx_init_in_start(&session->in, in, in >= 0 && isatty(in));
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++) {
        hx_init_out_start(&session->out[i], out[i]);
        session->outs += out[i] >= 0;
    }
}

void hx_init_session_end(struct hx_init_session *session, int exit_code,
                         const char *sentence)
{
    unsigned i;

    session->state = HX_INIT_SESSION_ENDED;
    session->pid = 0;
    session->exit_code = exit_code;
    session->ended_told = false;
    snprintf(session->sentence, sizeof(session->sentence), "%s", sentence);
    hx_init_in_release(&session->in);
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++)
        hx_init_out_end(&session->out[i]);
}

bool hx_init_session_done(const struct hx_init_session *session)
{
    unsigned i;

    if (session->state != HX_INIT_SESSION_ENDED)
        return false;
    for (i = 0; i < session->outs; i++) {
        if (!hx_init_out_done(&session->out[i]))
            return false;
    }
    return true;
}

/* -- what dom0 says ----------------------------------------------------------
 */

/* Everything that is known about it is to be told (again). */
static void tell_all(struct hx_init_session *session)
{
    session->tell_opened = session->started;
    session->ended_told = false;
    session->in.tell = true;
}

void hx_init_sessions_reconnect(struct hx_init_sessions *sessions)
{
    unsigned i, j;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session = &sessions->list[i];

        if (session->state == HX_INIT_SESSION_FREE)
            continue;
        session->resumed = false;
        tell_all(session);
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++)
            hx_init_out_reconnect(&session->out[j]);
    }
}

static int take_taken(struct hx_init_sessions *sessions,
                      struct hx_init_session *session,
                      const struct hx_ch_frame *frame, struct hx_init_err *err)
{
    struct hx_init_out *out;
    uint64_t start;
    bool end_taken;

    if (frame->stream == HX_CH_STDIN)
        return hx_init_fail(err, "TAKEN of a stream that comes from dom0");
    out = &session->out[frame->stream - HX_CH_STDOUT];
    start = out->start;
    end_taken = out->end_taken;
    if (hx_init_out_taken(out, frame->value) < 0)
        return hx_init_fail(err, "TAKEN of what was never sent");
    sessions->taken += out->start - start + (out->end_taken != end_taken);
    return 0;
}

static void resize(const struct hx_init_session *session, uint64_t value)
{
    struct winsize size = { .ws_row = (unsigned short)(value >> 16),
                            .ws_col = (unsigned short)value };

    /* A pipe has no size and says so. */
    if (session->out[0].fd >= 0)
        ioctl(session->out[0].fd, TIOCSWINSZ, &size);
}

static void send_signal(const struct hx_init_session *session,
                        const struct hx_ch_frame *frame)
{
    bool group = frame->flags & HX_CH_FLAG_GROUP;

    if (session->pid > 0 && frame->value >= 1 && frame->value <= 64)
        kill(group ? -session->pid : session->pid, (int)frame->value);
}

int hx_init_session_take(struct hx_init_sessions *sessions,
                         struct hx_init_session *session,
                         const struct hx_ch_frame *frame,
                         const uint8_t *payload, struct hx_init_err *err)
{
    switch (frame->type) {
    case HX_CH_DATA:
    case HX_CH_END:
        if (frame->stream != HX_CH_STDIN)
            return hx_init_fail(err, "bytes of a stream that goes to dom0");
        if (frame->type == HX_CH_END)
            return hx_init_in_end(&session->in, frame->value, err);
        return hx_init_in_data(&session->in, frame->value, payload,
                               frame->payload, err);
    case HX_CH_TAKEN:
        return take_taken(sessions, session, frame, err);
    case HX_CH_RESUME:
        session->resumed = true;
        tell_all(session);
        return 0;
    case HX_CH_SIGNAL:
        send_signal(session, frame);
        return 0;
    case HX_CH_RESIZE:
        resize(session, frame->value);
        return 0;
    default:
        return 0;
    }
}

/* -- what dom0 is told -------------------------------------------------------
 */

static bool send_frame(const struct hx_init_session *session,
                       struct hx_init_channel *channel,
                       struct hx_ch_frame frame, const void *payload)
{
    frame.session = session->id;
    return hx_init_channel_send(channel, &frame, payload);
}

static bool pump_state(struct hx_init_session *session,
                       struct hx_init_channel *channel)
{
    bool any = false;

    if (session->tell_opened) {
        const struct hx_ch_frame opened = { .type = HX_CH_OPENED,
                                            .value =
                                                (uint64_t)session->inside };

        if (!send_frame(session, channel, opened, NULL))
            return any;
        session->tell_opened = false;
        any = true;
    }
    if (session->has_in && hx_init_in_due(&session->in) &&
        hx_init_channel_has_room(channel, false, 0)) {
        const struct hx_ch_frame taken = { .type = HX_CH_TAKEN,
                                           .stream = HX_CH_STDIN,
                                           .value =
                                               hx_init_in_tell(&session->in) };

        any = send_frame(session, channel, taken, NULL) || any;
    }
    return any;
}

/* One frame of each output. */
static bool pump_outs(struct hx_init_session *session,
                      struct hx_init_channel *channel)
{
    struct hx_ch_frame frame;
    const uint8_t *payload;
    bool any = false;
    unsigned i;

    for (i = 0; i < HX_INIT_SESSION_OUTS; i++) {
        if (!hx_init_out_next(&session->out[i], &frame, &payload) ||
            !hx_init_channel_has_room(channel, true, frame.payload))
            continue;
        frame.stream = (uint8_t)(HX_CH_STDOUT + i);
        if (!send_frame(session, channel, frame, payload))
            continue;
        hx_init_out_sent(&session->out[i], &frame);
        any = true;
    }
    return any;
}

/* Behind all of its output. */
static bool pump_end(struct hx_init_session *session,
                     struct hx_init_channel *channel)
{
    const struct hx_ch_frame ended = {
        .type = HX_CH_ENDED,
        .payload = (uint32_t)strlen(session->sentence),
        .value = (uint64_t)session->exit_code,
    };
    unsigned i;

    if (session->state != HX_INIT_SESSION_ENDED || session->ended_told)
        return false;
    for (i = 0; i < session->outs; i++) {
        if (!session->out[i].end_sent && !session->out[i].dropped)
            return false;
    }
    session->ended_told =
        send_frame(session, channel, ended, session->sentence);
    return session->ended_told;
}

bool hx_init_sessions_pump(struct hx_init_sessions *sessions,
                           struct hx_init_channel *channel)
{
    bool any = false;
    unsigned i;

    if (channel->state != HX_INIT_CHANNEL_OPEN)
        return false;
    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session =
            &sessions->list[(sessions->turn + i) % HX_INIT_SESSIONS];

        if (session->state == HX_INIT_SESSION_FREE)
            continue;
        any = pump_state(session, channel) || any;
        any = pump_outs(session, channel) || any;
        any = pump_end(session, channel) || any;
    }
    sessions->turn = (sessions->turn + 1) % HX_INIT_SESSIONS;
    return any;
}

/* -- the processes' side -----------------------------------------------------
 */

bool hx_init_sessions_work(struct hx_init_sessions *sessions)
{
    bool any = false;
    unsigned i, j;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session = &sessions->list[i];

        if (session->state == HX_INIT_SESSION_FREE)
            continue;
        hx_init_in_give(&session->in);
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++)
            any = hx_init_out_fill(&session->out[j]) || any;
    }
    return any;
}

size_t hx_init_sessions_poll(const struct hx_init_sessions *sessions,
                             struct pollfd *fds)
{
    size_t count = 0;
    unsigned i, j;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        const struct hx_init_session *session = &sessions->list[i];

        if (hx_init_in_wants(&session->in))
            fds[count++] =
                (struct pollfd){ .fd = session->in.fd, .events = POLLOUT };
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++) {
            if (hx_init_out_wants(&session->out[j]))
                fds[count++] = (struct pollfd){ .fd = session->out[j].fd,
                                                .events = POLLIN };
        }
    }
    return count;
}

/* The same walk again: nothing has changed in between. */
void hx_init_sessions_polled(struct hx_init_sessions *sessions,
                             const struct pollfd *fds)
{
    unsigned i, j;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session = &sessions->list[i];

        if (hx_init_in_wants(&session->in) && (fds++)->revents)
            session->in.blocked = false;
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++) {
            if (hx_init_out_wants(&session->out[j]) && (fds++)->revents)
                session->out[j].readable = true;
        }
    }
}
