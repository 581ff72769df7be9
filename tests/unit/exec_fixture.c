/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/exec_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain-builder/exec-request.h"
#include "domain-builder/exec-stream.h"
#include "tests/unit/unit.h"

static _Atomic int64_t skipped_ms;

int64_t __real_hx_clock_monotonic_ms(void);
int64_t __wrap_hx_clock_monotonic_ms(void);
int64_t __wrap_hx_clock_monotonic_ms(void)
{
    return __real_hx_clock_monotonic_ms() + skipped_ms;
}

/* A byte by its offset, so that what is lost or repeated shows. */
static uint8_t pattern(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

/* -- the guest ------------------------------------------------------------- */

static void say(struct exec_guest *g, struct hx_ch_frame frame,
                const void *payload, size_t len)
{
    uint8_t message[HX_CH_FRAME_MAX];

    frame.payload = (uint32_t)len;
    frame.session = g->session;
    hx_ch_encode(&frame, message);
    if (len)
        memcpy(message + HX_CH_HEADER_BYTES, payload, len);
    if (send(g->fd, message, HX_CH_HEADER_BYTES + len, MSG_NOSIGNAL) > 0)
        g->frames++;
}

static void say_value(struct exec_guest *g, enum hx_ch_type type,
                      uint8_t stream, uint64_t value)
{
    say(g,
        (struct hx_ch_frame){
            .type = (uint8_t)type, .stream = stream, .value = value },
        NULL, 0);
}

static void say_taken(struct exec_guest *g)
{
    say_value(g, HX_CH_TAKEN, HX_CH_STDIN,
              g->in_got | (g->in_end ? HX_CH_TAKEN_END : 0));
}

static void take_open(struct exec_guest *g, const struct hx_ch_frame *frame,
                      const uint8_t *payload)
{
    size_t had = g->request ? strlen(g->request) : 0;

    g->session = frame->session;
    g->request = realloc(g->request, had + frame->payload + 1);
    memcpy(g->request + had, payload, frame->payload);
    g->request[had + frame->payload] = '\0';
    if (frame->flags & HX_CH_FLAG_MORE)
        return;
    g->opens++;
    g->known = g->granted = true;
    if (g->refusal) {
        say(g,
            (struct hx_ch_frame){ .type = HX_CH_ENDED,
                                  .value = (uint64_t)g->exit_code },
            g->refusal, strlen(g->refusal));
        return;
    }
    g->opened = true;
    say_value(g, HX_CH_OPENED, 0, 7);
    say_taken(g);
}

static void take_resume(struct exec_guest *g, const struct hx_ch_frame *frame)
{
    g->resumes++;
    if (g->mute) {
        skipped_ms += 60000;
        g->session = frame->session + 1; /* somebody else's: wakes who waits */
        say_value(g, HX_CH_OPENED, 0, 7);
        return;
    }
    if (!g->known || g->forgets || frame->session != g->session) {
        g->session = frame->session;
        say(g, (struct hx_ch_frame){ .type = HX_CH_GONE }, "not here", 8);
        return;
    }
    say_value(g, HX_CH_OPENED, 0, 7);
    say_taken(g);
    if (g->ended_sent)
        say_value(g, HX_CH_ENDED, 0, (uint64_t)g->exit_code);
}

static void take_stdin(struct exec_guest *g, const struct hx_ch_frame *frame,
                       const uint8_t *payload)
{
    if (frame->type == HX_CH_END) {
        g->in_end = frame->value == g->in_got;
        say_taken(g);
        return;
    }
    if (frame->value > g->in_got)
        g->wrong_bytes++;
    for (uint32_t i = 0; i < frame->payload; i++) {
        uint64_t offset = frame->value + i;

        if (offset < g->in_got)
            continue;
        g->wrong_bytes += payload[i] != pattern(offset);
        g->in_got++;
    }
    if (!g->takes_late)
        say_taken(g);
}

static void take_frame(struct exec_guest *g, const struct hx_ch_frame *frame,
                       const uint8_t *payload)
{
    switch (frame->type) {
    case HX_CH_OPEN:
        take_open(g, frame, payload);
        break;
    case HX_CH_RESUME:
        take_resume(g, frame);
        break;
    case HX_CH_ATTACH:
        g->attaches++;
        g->session = frame->session;
        say_taken(g);
        break;
    case HX_CH_DATA:
    case HX_CH_END:
        take_stdin(g, frame, payload);
        break;
    case HX_CH_SIGNAL:
        g->signal = (int)frame->value;
        break;
    case HX_CH_RESIZE:
        g->size = frame->value;
        break;
    case HX_CH_TAKEN:
        if (frame->stream != HX_CH_STDOUT)
            break;
        if (!g->granted)
            g->sent = frame->value & ~HX_CH_TAKEN_END;
        g->granted = true;
        g->told = frame->value & ~HX_CH_TAKEN_END;
        g->out_end_taken = (frame->value & HX_CH_TAKEN_END) != 0;
        break;
    default:
        break;
    }
}

static uint64_t output_now(const struct exec_guest *g)
{
    return g->output == NEVER ? g->in_got : g->output;
}

static bool has_ended(const struct exec_guest *g)
{
    return g->output != NEVER || g->in_end;
}

/* Sends one thing of what is to be sent; false: nothing is. */
static bool produce(struct exec_guest *g)
{
    uint8_t data[HX_CH_PAYLOAD_MAX];
    uint64_t until = output_now(g);
    size_t len;

    if (!g->opened || !g->granted)
        return false;
    if (until > g->told + HX_CH_WINDOW)
        until = g->told + HX_CH_WINDOW;
    len = g->sent < until ? (size_t)(until - g->sent) : 0;
    if (len > sizeof(data))
        len = sizeof(data);
    for (size_t i = 0; i < len; i++)
        data[i] = pattern(g->sent + i);
    if (len > 0) {
        say(g,
            (struct hx_ch_frame){
                .type = HX_CH_DATA, .stream = HX_CH_STDOUT, .value = g->sent },
            data, len);
        g->sent += len;
        return true;
    }
    if (!has_ended(g) || g->sent < output_now(g) || g->out_end_sent)
        return false;
    say_value(g, HX_CH_END, HX_CH_STDOUT, g->sent);
    say_value(g, HX_CH_END, HX_CH_STDERR, 0);
    say_value(g, HX_CH_ENDED, 0, (uint64_t)g->exit_code);
    return g->out_end_sent = g->ended_sent = true;
}

/* False: the connection is over. */
static bool serve_once(struct exec_scene *s)
{
    struct exec_guest *g = &s->guest;
    struct pollfd fds[] = { { g->fd, POLLIN, 0 }, { s->stop[0], POLLIN, 0 } };
    uint8_t message[HX_CH_FRAME_MAX];
    struct hx_ch_frame frame;
    bool said = produce(g);

    if (g->hang_up && g->frames >= g->hang_up)
        return false;
    poll(fds, 2, said ? 0 : -1);
    if (fds[0].revents) {
        ssize_t n = recv(g->fd, message, sizeof(message), 0);

        if (n < (ssize_t)HX_CH_HEADER_BYTES ||
            hx_ch_decode(message, &frame) < 0)
            return false;
        take_frame(g, &frame, message + HX_CH_HEADER_BYTES);
        return true;
    }
    return !fds[1].revents;
}

static void *monitor_main(void *opaque)
{
    struct exec_scene *s = opaque;
    struct pollfd fds[] = { { s->listener, POLLIN, 0 },
                            { s->stop[0], POLLIN, 0 } };

    for (;;) {
        poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        s->guest.fd = accept(s->listener, NULL, NULL);
        s->guest.frames = 0;
        s->guest.granted = s->guest.out_end_sent = false;
        while (!s->guest.deaf && serve_once(s))
            ;
        close(s->guest.fd);
    }
}

/* -- the scene ------------------------------------------------------------- */

static int tend(void *opaque, const char *uuid, struct hx_err *err)
{
    struct exec_scene *s = opaque;

    assert_string_equal(uuid, EXEC_UUID);
    s->tended++;
    return s->dead ? hx_err_set(err, HX_ERR_STATE, "%s", s->dead) : 0;
}

void exec_listen(struct exec_scene *s)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control",
             s->folder);
    assert_int_equal(pipe(s->stop), 0);
    s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, monitor_main, s), 0);
    s->runs = true;
}

void exec_stop_listening(struct exec_scene *s)
{
    char path[200];

    if (!s->runs)
        return;
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    s->runs = false;
    close(s->stop[0]);
    close(s->listener);
    snprintf(path, sizeof(path), "%s/control", s->folder);
    unlink(path);
}

void exec_restart(struct exec_scene *s, struct exec_guest guest)
{
    exec_stop_listening(s);
    free(s->guest.request);
    s->guest = guest;
    exec_listen(s);
}

int exec_setup(void **state)
{
    struct exec_scene *s = calloc(1, sizeof(*s));
    void *fixture;

    if (pod_fixture_setup(&fixture) < 0)
        return -1;
    s->fixture = fixture;
    snprintf(s->folder, sizeof(s->folder), "%s/" EXEC_UUID, s->fixture->run);
    mkdir(s->fixture->run, 0700);
    mkdir(s->folder, 0700);
    s->pod = (struct hx_exec_pod){ .uuid = EXEC_UUID,
                                   .name = "web",
                                   .dirs = s->fixture->dirs,
                                   .tend = tend,
                                   .opaque = s };
    *state = s;
    return 0;
}

int exec_teardown(void **state)
{
    struct exec_scene *s = *state;
    void *fixture = s->fixture;

    exec_stop_listening(s);
    free(s->guest.request);
    free(s);
    return pod_fixture_teardown(&fixture);
}

char *const exec_true_args[] = { (char *)"true", NULL };

/* -- feeding and draining, beside the session -------------------------------
 */

struct feeder {
    pthread_t thread;
    int fd;
    uint64_t bytes;
};

static void *feed_main(void *opaque)
{
    struct feeder *f = opaque;
    uint8_t data[5000];

    for (uint64_t done = 0; done < f->bytes;) {
        size_t len = sizeof(data);

        if (len > f->bytes - done)
            len = (size_t)(f->bytes - done);
        for (size_t i = 0; i < len; i++)
            data[i] = pattern(done + i);
        if (write(f->fd, data, len) != (ssize_t)len)
            break;
        done += len;
    }
    close(f->fd);
    return NULL;
}

static void *drain_main(void *opaque)
{
    struct exec_drain *d = opaque;
    uint8_t data[3000];
    ssize_t n;

    while ((n = read(d->fd, data, sizeof(data))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            d->wrong += data[i] != pattern(d->got++);
        if (d->pause_us)
            usleep(d->pause_us);
    }
    return NULL;
}

void exec_count_start(void *opaque)
{
    struct exec_drain *d = opaque;

    d->starts++;
}

int exec_run(struct exec_scene *s, const struct hx_exec_spec *spec,
             uint64_t in_bytes, struct exec_drain *drain, struct hx_err *err)
{
    int in[2], out[2], status = -99;
    struct hx_exec *exec;
    struct feeder feeder = { .bytes = in_bytes };
    struct hx_exec_io io = {
        .err = -1, .wake = -1, .started = exec_count_start, .opaque = drain
    };

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    feeder.fd = in[1];
    drain->fd = out[0];
    pthread_create(&feeder.thread, NULL, feed_main, &feeder);
    pthread_create(&drain->thread, NULL, drain_main, drain);
    io.in = in[0];
    io.out = out[1];
    assert_int_equal(hx_exec_open(&s->pod, spec, &exec, err), 0);
    if (hx_exec_run(exec, &io, &status, err) < 0)
        status = -(int)err->code;
    hx_exec_free(exec);
    close(out[1]);
    close(in[0]);
    pthread_join(feeder.thread, NULL);
    pthread_join(drain->thread, NULL);
    close(out[0]);
    exec_stop_listening(s);
    return status;
}
