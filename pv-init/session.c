/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pv-init/container.h"
#include "pv-init/exec.h"
#include "pv-init/process.h"

static bool is_container(const struct hx_init_session *session)
{
    return session->id < HX_ABI_CONTAINERS_MAX;
}

/* Free again, and nothing of it is left. */
static void reset(struct hx_init_session *session, uint64_t id)
{
    unsigned i;

    memset(session, 0, sizeof(*session));
    session->id = id;
    session->status = -1;
    session->begun = (struct hx_init_started){ .in = -1, .out = { -1, -1 } };
    hx_init_in_start(&session->in, -1, false);
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++)
        hx_init_out_start(&session->out[i], -1);
}

static void release(struct hx_init_session *session)
{
    unsigned i;

    free(session->request);
    hx_init_close_p(&session->status);
    hx_init_started_release(&session->begun);
    hx_init_in_release(&session->in);
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++)
        hx_init_out_release(&session->out[i]);
    reset(session, 0);
}

void hx_init_sessions_init(struct hx_init_sessions *sessions)
{
    unsigned i;

    memset(sessions, 0, sizeof(*sessions));
    for (i = 0; i < HX_INIT_SESSIONS; i++)
        reset(&sessions->list[i], i < HX_ABI_CONTAINERS_MAX ? i : 0);
}

struct hx_init_session *hx_init_session_find(struct hx_init_sessions *sessions,
                                             uint64_t id)
{
    unsigned i;

    for (i = 0; i < HX_INIT_SESSIONS; i++) {
        if (sessions->list[i].state != HX_INIT_SESSION_FREE &&
            !sessions->list[i].closed && sessions->list[i].id == id)
            return &sessions->list[i];
    }
    return NULL;
}

void hx_init_session_start(struct hx_init_session *session,
                           const struct hx_init_started *started)
{
    unsigned i;

    session->state = HX_INIT_SESSION_RUNNING;
    session->pid = started->pid;
    session->inside = started->inside;
    session->started = session->tell_opened = true;
    session->has_in = started->in >= 0;
    hx_init_in_start(&session->in, started->in, session->spec.tty);
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++) {
        hx_init_out_start(&session->out[i], started->out[i]);
        session->outs += started->out[i] >= 0;
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

void hx_init_session_kill(struct hx_init_session *session, int signum,
                          bool group)
{
    if (session->pid <= 0)
        return;
    if (signum == SIGKILL && is_container(session))
        session->oom_kills = hx_init_container_oom_kills((unsigned)session->id);
    kill(group ? -session->pid : session->pid, signum);
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

        /* The rest of a request does not come any more. */
        if (session->state == HX_INIT_SESSION_OPENING)
            release(session);
        session->fresh = session->resumed = false;
        tell_all(session);
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++)
            hx_init_out_reconnect(&session->out[j]);
    }
    sessions->orphans_at_us = hx_init_now_us() + HX_CH_ORPHAN_MS * 1000u;
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

/* dom0 has forgotten it.  What its process says is read on, so that it goes
 * on, until both have ended. */
static void close_session(struct hx_init_session *session)
{
    unsigned i;

    if (is_container(session))
        return;
    if (session->state == HX_INIT_SESSION_OPENING ||
        session->state == HX_INIT_SESSION_ENDED) {
        release(session);
        return;
    }
    session->closed = true;
    hx_init_in_release(&session->in);
    for (i = 0; i < HX_INIT_SESSION_OUTS; i++)
        hx_init_out_drop(&session->out[i]);
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
        if (frame->value >= 1 && frame->value <= 64)
            hx_init_session_kill(session, (int)frame->value,
                                 frame->flags & HX_CH_FLAG_GROUP);
        return 0;
    case HX_CH_RESIZE:
        resize(session, frame->value);
        return 0;
    case HX_CH_CLOSE:
        close_session(session);
        return 0;
    default:
        return 0;
    }
}

/* -- what dom0 opens ---------------------------------------------------------
 */

/* A free place, or that of one that dom0 has forgotten. */
static struct hx_init_session *find_place(struct hx_init_sessions *sessions)
{
    struct hx_init_session *closed = NULL;
    unsigned i;

    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session = &sessions->list[i];

        if (session->state == HX_INIT_SESSION_FREE)
            return session;
        if (session->closed && session->state != HX_INIT_SESSION_STARTING)
            closed = session;
    }
    if (closed)
        release(closed);
    return closed;
}

/* The process executes its program, or does not come to it. */
static void take_start(struct hx_init_session *session)
{
    struct hx_init_started begun = session->begun;
    bool closed = session->closed, wanted[HX_INIT_SESSION_OUTS];
    unsigned i;

    for (i = 0; i < HX_INIT_SESSION_OUTS; i++)
        wanted[i] = session->fresh || session->out[i].begun;
    hx_init_close_p(&session->status);
    session->status = -1;
    session->begun.in = session->begun.out[0] = session->begun.out[1] = -1;
    if (begun.exit_code != 0) {
        hx_init_started_release(&begun);
        hx_init_session_end(session, begun.exit_code, begun.why.msg);
    } else {
        hx_init_session_start(session, &begun);
        for (i = 0; i < session->outs; i++) {
            session->out[i].begun = wanted[i];
            if (session->spec.detached)
                hx_init_out_discard(&session->out[i]);
        }
    }
    if (closed)
        close_session(session);
}

static void hear_start(struct hx_init_session *session)
{
    if (session->state == HX_INIT_SESSION_STARTING &&
        hx_init_plumbing_hear(session->status, &session->spec, &session->begun,
                              false))
        take_start(session);
}

static void begin_process(struct hx_init_sessions *sessions,
                          struct hx_init_session *session)
{
    struct hx_init_exec_request request;
    struct hx_init_err err;
    pid_t beside = 0;
    int r = hx_init_exec_request_parse(session->request, session->request_len,
                                       &request, &err);

    free(session->request);
    session->request = NULL;
    if (r == 0 && !sessions->config)
        r = hx_init_fail(&err, "the pod has not begun");
    if (r == 0 && !request.vm)
        beside = sessions->list[request.container].pid;
    if (r == 0)
        r = hx_init_exec_start(sessions->config, &request, beside,
                               &session->begun, &session->spec,
                               &session->status, &err);
    hx_init_exec_request_release(&request);
    if (r < 0) {
        hx_init_session_end(session, HX_INIT_EXIT_SETUP, err.msg);
        return;
    }
    session->state = HX_INIT_SESSION_STARTING;
    session->pid = session->begun.pid;
}

static size_t request_bytes(const struct hx_init_sessions *sessions)
{
    size_t bytes = 0;
    unsigned i;

    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++)
        bytes += sessions->list[i].request_len;
    return bytes;
}

/* The request's next piece; false: it is too long. */
static bool append_request(const struct hx_init_sessions *sessions,
                           struct hx_init_session *session, const uint8_t *data,
                           size_t len)
{
    char *more;

    if (session->request_len + len > HX_CH_REQUEST_MAX ||
        request_bytes(sessions) + len > HX_INIT_REQUESTS_MAX)
        return false;
    more = realloc(session->request, session->request_len + len + 1);
    if (!more)
        return false;
    memcpy(more + session->request_len, data, len);
    session->request = more;
    session->request_len += len;
    return true;
}

static void refuse(struct hx_init_channel *channel, uint64_t id)
{
    static const char sentence[] = "as many sessions are open in the guest as "
                                   "it can have; close one";
    const struct hx_ch_frame ended = { .type = HX_CH_ENDED,
                                       .payload = sizeof(sentence) - 1,
                                       .session = id,
                                       .value = HX_INIT_EXIT_SETUP };

    hx_init_channel_send(channel, &ended, sentence);
}

int hx_init_session_open(struct hx_init_sessions *sessions,
                         struct hx_init_channel *channel,
                         const struct hx_ch_frame *frame,
                         const uint8_t *payload, struct hx_init_err *err)
{
    struct hx_init_session *session =
        hx_init_session_find(sessions, frame->session);

    if (frame->session < HX_CH_SESSION_MIN)
        return hx_init_fail(err, "OPEN of a container's session");
    if (!session) {
        session = find_place(sessions);
        if (!session) {
            refuse(channel, frame->session);
            return 0;
        }
        session->state = HX_INIT_SESSION_OPENING;
        session->id = frame->session;
        session->fresh = session->resumed = true;
    }
    if (session->state != HX_INIT_SESSION_OPENING) {
        tell_all(session); /* sent again: it is there */
        return 0;
    }
    if (!append_request(sessions, session, payload, frame->payload)) {
        free(session->request);
        session->request = NULL;
        session->request_len = 0;
        hx_init_session_end(session, HX_INIT_EXIT_SETUP,
                            "the exec request is too long for the guest");
    } else if (!(frame->flags & HX_CH_FLAG_MORE)) {
        begin_process(sessions, session);
        session->request_len = 0;
    }
    return 0;
}

void hx_init_sessions_reaped(struct hx_init_sessions *sessions, pid_t pid,
                             int exit_code)
{
    unsigned i;

    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++) {
        struct hx_init_session *session = &sessions->list[i];

        if (session->pid != pid)
            continue;
        /* What it said before comes first. */
        hear_start(session);
        if (session->state == HX_INIT_SESSION_RUNNING)
            hx_init_session_end(session, exit_code, "");
    }
}

void hx_init_sessions_expire(struct hx_init_sessions *sessions)
{
    unsigned i;

    if (sessions->orphans_at_us == 0 ||
        hx_init_now_us() < sessions->orphans_at_us)
        return;
    sessions->orphans_at_us = 0;
    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++) {
        if (sessions->list[i].state != HX_INIT_SESSION_FREE &&
            !sessions->list[i].resumed && !sessions->list[i].closed)
            close_session(&sessions->list[i]);
    }
}

bool hx_init_sessions_open(const struct hx_init_sessions *sessions)
{
    unsigned i;

    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++) {
        const struct hx_init_session *session = &sessions->list[i];

        if (session->state != HX_INIT_SESSION_FREE && !session->closed &&
            session->resumed)
            return true;
    }
    return false;
}

void hx_init_sessions_kill(struct hx_init_sessions *sessions)
{
    unsigned i;

    for (i = HX_ABI_CONTAINERS_MAX; i < HX_INIT_SESSIONS; i++)
        hx_init_session_kill(&sessions->list[i], SIGKILL, true);
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

/* One frame of each output.  One that has not begun is not at its end. */
static bool pump_outs(struct hx_init_session *session,
                      struct hx_init_channel *channel)
{
    struct hx_ch_frame frame;
    const uint8_t *payload;
    bool any = false;
    unsigned i;

    if (session->state != HX_INIT_SESSION_RUNNING &&
        session->state != HX_INIT_SESSION_ENDED)
        return false;
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

        if (session->state == HX_INIT_SESSION_FREE || session->closed)
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
        if (session->closed && hx_init_session_done(session))
            release(session);
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

        if (session->state == HX_INIT_SESSION_STARTING)
            fds[count++] =
                (struct pollfd){ .fd = session->status, .events = POLLIN };
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

        /* It begins to want nothing else before the next poll. */
        if (session->state == HX_INIT_SESSION_STARTING) {
            if ((fds++)->revents)
                hear_start(session);
            continue;
        }
        if (hx_init_in_wants(&session->in) && (fds++)->revents)
            session->in.blocked = false;
        for (j = 0; j < HX_INIT_SESSION_OUTS; j++) {
            if (hx_init_out_wants(&session->out[j]) && (fds++)->revents)
                session->out[j].readable = true;
        }
    }
}
