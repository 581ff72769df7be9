/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions with a guest behind a monitor that is a thread of this test: it
 * hangs up at will, and remembers what a guest would.
 */
/* wrap: hx_clock_monotonic_ms */
#include "domain-builder/pod-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "domain-builder/exec-request.h"
#include "domain-builder/exec-stream.h"
#include "image/base/json.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

#define UUID  "11111111-2222-4333-8444-555555555555"
#define MIB   ((uint64_t)1 << 20)
#define NEVER UINT64_MAX

/* What the guest does, and what it remembers of the one session. */
struct guest {
    /* how it behaves */
    uint64_t output;     /* bytes of stdout; NEVER: as many as come in */
    uint64_t hang_up;    /* after so many frames of a connection; 0: never */
    int exit_code;       /* of ENDED */
    const char *refusal; /* ENDED with this, and no OPENED */
    bool deaf;           /* hangs up at once */
    bool forgets;        /* has no session when a connection is new */
    bool mute;           /* says nothing to a RESUME; a minute goes by */
    bool takes_late;     /* a TAKEN only when the connection ends */
    /* what came of it */
    bool known, opened;
    uint64_t session, sent, told, in_got;
    bool granted, in_end, out_end_sent, ended_sent, out_end_taken;
    int opens, resumes, attaches, signal, wrong_bytes;
    uint64_t size;
    char *request;
    /* this connection */
    uint64_t frames;
    int fd;
};

struct scene {
    struct pod_fixture *fixture;
    char folder[160];
    int listener;
    int stop[2]; /* pipe */
    pthread_t thread;
    bool runs;
    struct guest guest;
    struct hx_exec_pod pod;
    int tended;
    const char *dead; /* what tend says */
};

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

static void say(struct guest *g, struct hx_ch_frame frame, const void *payload,
                size_t len)
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

static void say_value(struct guest *g, enum hx_ch_type type, uint8_t stream,
                      uint64_t value)
{
    say(g,
        (struct hx_ch_frame){
            .type = (uint8_t)type, .stream = stream, .value = value },
        NULL, 0);
}

static void say_taken(struct guest *g)
{
    say_value(g, HX_CH_TAKEN, HX_CH_STDIN,
              g->in_got | (g->in_end ? HX_CH_TAKEN_END : 0));
}

static void take_open(struct guest *g, const struct hx_ch_frame *frame,
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

static void take_resume(struct guest *g, const struct hx_ch_frame *frame)
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

static void take_stdin(struct guest *g, const struct hx_ch_frame *frame,
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

static void take_frame(struct guest *g, const struct hx_ch_frame *frame,
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

static uint64_t output_now(const struct guest *g)
{
    return g->output == NEVER ? g->in_got : g->output;
}

static bool has_ended(const struct guest *g)
{
    return g->output != NEVER || g->in_end;
}

/* Sends one thing of what is to be sent; false: nothing is. */
static bool produce(struct guest *g)
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
static bool serve_once(struct scene *s)
{
    struct guest *g = &s->guest;
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
    struct scene *s = opaque;
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
    struct scene *s = opaque;

    assert_string_equal(uuid, UUID);
    s->tended++;
    return s->dead ? hx_err_set(err, HX_ERR_STATE, "%s", s->dead) : 0;
}

static void listen_at(struct scene *s)
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

/* What the guest remembers is ours to look at after this. */
static void stop_listening(struct scene *s)
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

static void restart(struct scene *s, struct guest guest)
{
    stop_listening(s);
    free(s->guest.request);
    s->guest = guest;
    listen_at(s);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    void *fixture;

    if (pod_fixture_setup(&fixture) < 0)
        return -1;
    s->fixture = fixture;
    snprintf(s->folder, sizeof(s->folder), "%s/" UUID, s->fixture->run);
    mkdir(s->fixture->run, 0700);
    mkdir(s->folder, 0700);
    s->pod = (struct hx_exec_pod){ .uuid = UUID,
                                   .name = "web",
                                   .dirs = s->fixture->dirs,
                                   .tend = tend,
                                   .opaque = s };
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    void *fixture = s->fixture;

    stop_listening(s);
    free(s->guest.request);
    free(s);
    return pod_fixture_teardown(&fixture);
}

static char *const true_args[] = { (char *)"true", NULL };

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

struct drain {
    pthread_t thread;
    int fd;
    uint64_t got, wrong;
    unsigned pause_us; /* between reads */
    int starts;        /* that were told */
};

static void *drain_main(void *opaque)
{
    struct drain *d = opaque;
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

static void count_start(void *opaque)
{
    struct drain *d = opaque;

    d->starts++;
}

/* Runs a session with `in_bytes` of input; its status. */
static int run(struct scene *s, const struct hx_exec_spec *spec,
               uint64_t in_bytes, struct drain *drain, struct hx_err *err)
{
    int in[2], out[2], status = -99;
    struct hx_exec *exec;
    struct feeder feeder = { .bytes = in_bytes };
    struct hx_exec_io io = {
        .err = -1, .wake = -1, .started = count_start, .opaque = drain
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
    stop_listening(s);
    return status;
}

/* -- tests ----------------------------------------------------------------- */

static void test_streams(void **state)
{
    static const struct {
        uint64_t bytes, hang_up;
        unsigned pause_us;
        int code;
    } cases[] = {
        { 0, 0, 0, 0 },          { 1, 0, 0, 42 },       { 65536, 0, 0, 255 },
        { 65537, 0, 0, 1 },      { 20 * MIB, 0, 0, 7 }, { 0, 3, 0, 3 },
        { 3 * MIB, 5, 0, 9 },    { 3 * MIB, 17, 0, 9 }, { MIB, 0, 200, 9 },
        { MIB / 2, 11, 100, 9 },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct hx_exec_spec spec = { .args = true_args };
        struct drain drain = { .pause_us = cases[i].pause_us };
        struct hx_err err = { 0 };

        restart(s, (struct guest){ .output = cases[i].bytes,
                                   .hang_up = cases[i].hang_up,
                                   .exit_code = cases[i].code });
        assert_int_equal(run(s, &spec, 0, &drain, &err), cases[i].code);
        assert_int_equal(drain.got, cases[i].bytes);
        assert_int_equal(drain.wrong, 0);
        assert_int_equal(drain.starts, 1);
        assert_int_equal(s->guest.opens, 1);
        if (cases[i].hang_up > 3)
            assert_true(s->guest.resumes > 3);
    }
}

/* In, and out again: what the guest took is what was typed. */
static void test_echo(void **state)
{
    static const struct {
        uint64_t bytes, hang_up;
        unsigned pause_us;
    } cases[] = {
        { 0, 0, 0 },       { 1, 0, 0 },        { 65537, 0, 0 },
        { 8 * MIB, 0, 0 }, { 2 * MIB, 13, 0 }, { 300000, 4, 0 },
        { MIB, 0, 300 },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct hx_exec_spec spec = { .args = true_args,
                                           .with_stdin = true };
        struct drain drain = { .pause_us = cases[i].pause_us };
        struct hx_err err = { 0 };

        restart(s,
                (struct guest){ .output = NEVER, .hang_up = cases[i].hang_up });
        assert_int_equal(run(s, &spec, cases[i].bytes, &drain, &err), 0);
        assert_int_equal(s->guest.in_got, cases[i].bytes);
        assert_int_equal(s->guest.wrong_bytes, 0);
        assert_int_equal(drain.got, cases[i].bytes);
        assert_int_equal(drain.wrong, 0);
    }
}

/* What was sent and not taken when a connection ends is sent again. */
static void test_input_not_taken_is_sent_again(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args, .with_stdin = true };
    struct scene *s = *state;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest =
        (struct guest){ .output = NEVER, .hang_up = 6, .takes_late = true };
    listen_at(s);
    assert_int_equal(run(s, &spec, 200000, &drain, &err), 0);
    assert_int_equal(s->guest.in_got, 200000);
    assert_int_equal(s->guest.wrong_bytes, 0);
    assert_int_equal(drain.got, 200000);
}

static void test_the_request(void **state)
{
    char *const args[] = { (char *)"sh", (char *)"-c", (char *)"\"x\"", NULL };
    char *const env[] = { (char *)"A=b", NULL };
    const struct hx_exec_spec spec = { .container = 2,
                                       .args = args,
                                       .env = env,
                                       .user = "bob:staff",
                                       .cwd = "/tmp",
                                       .tty = true,
                                       .rows = 50,
                                       .columns = 132,
                                       .privileged = true };
    struct scene *s = *state;
    _cleanup_json_ json_t *doc = NULL, *expected = NULL;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), 0);
    assert_true(s->guest.session >= HX_CH_SESSION_MIN);
    doc = json_loads(s->guest.request, 0, NULL);
    expected = json_pack(
        "{s:i, s:b, s:[s,s,s], s:[s], s:s, s:s, s:b, s:i, s:i, s:b, s:b, s:b}",
        "container", 2, "vm", 0, "args", "sh", "-c", "\"x\"", "env", "A=b",
        "user", "bob:staff", "cwd", "/tmp", "tty", 1, "rows", 50, "columns",
        132, "stdin", 0, "privileged", 1, "detach", 0);
    assert_non_null(expected);
    assert_true(json_equal(doc, expected));
}

/* What the guest does itself. */
static void test_services_are_asked_for(void **state)
{
    static const struct {
        struct hx_exec_spec spec;
        const char *more; /* of the request */
    } cases[] = {
        { { .get = "/etc", .follow = true },
          "{\"get\": \"/etc\", \"follow\": true}" },
        { { .put = "/etc" }, "{\"put\": \"/etc\"}" },
        { { .put = "/d", .top = "f", .keep_owner = true },
          "{\"put\": \"/d\", \"top\": \"f\", \"keep_owner\": true}" },
        { { .processes = true }, "{\"processes\": true}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ json_t *doc = NULL, *more = NULL;
        _cleanup_free_ char *text = NULL;
        struct hx_err err = { 0 };
        const char *key;
        json_t *value;

        assert_int_equal(hx_exec_request(&cases[i].spec, &text, &err), 0);
        doc = json_loads(text, 0, NULL);
        more = json_loads(cases[i].more, 0, NULL);
        assert_non_null(more);
        assert_null(json_object_get(doc, "args"));
        json_object_foreach (more, key, value)
            assert_true(json_equal(json_object_get(doc, key), value));
    }
}

static void test_a_large_request_goes_in_parts(void **state)
{
    struct scene *s = *state;
    char *big = malloc(700001);
    char *const args[] = { (char *)"echo", big, NULL };
    char *const more[] = { (char *)"echo", big, big, NULL };
    struct hx_exec_spec spec = { .args = args };
    _cleanup_json_ json_t *doc = NULL;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };
    struct hx_exec *exec;

    memset(big, 'x', 700000);
    big[700000] = '\0';
    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), 0);
    doc = json_loads(s->guest.request, 0, NULL);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(doc, "args"), 1)),
        big);
    spec.args = more;
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_LIMIT);
    big[3] = (char)0xff;
    spec.args = args;
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_USAGE);
    free(big);
}

static void test_a_process_that_never_ran(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct drain drain = { 0 };
    struct hx_exec_io io = { .in = -1,
                             .out = -1,
                             .err = -1,
                             .wake = -1,
                             .started = count_start,
                             .opaque = &drain };
    struct scene *s = *state;
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int status = 0;

    s->guest =
        (struct guest){ .exit_code = 127, .refusal = "true: not\x1b[1m found" };
    listen_at(s);
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), 0);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, 127);
    assert_false(hx_exec_started(exec));
    assert_int_equal(drain.starts, 0);
    assert_string_equal(hx_exec_message(exec), "true: not?[1m found");
    hx_exec_free(exec);
}

static void test_detached(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args,
                                       .with_stdin = true,
                                       .detach = true };
    struct scene *s = *state;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct guest){ .output = NEVER, .exit_code = 1 };
    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), 0);
    assert_true(s->guest.opened);
    assert_int_equal(drain.starts, 1);
    assert_non_null(strstr(s->guest.request, "\"stdin\":false"));
}

static void test_a_pod_that_has_ended(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct scene *s = *state;
    struct hx_err err = { 0 };
    struct hx_exec *exec;

    s->dead = "the pod web does not run: it has ended";
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_STATE);
    assert_string_equal(err.msg, s->dead);
    assert_int_equal(s->tended, 1);
}

struct ending {
    struct scene *scene;
    int pipe[2];
};

/* The monitor and its pod end amidst the session. */
static bool end_pod(void *opaque, struct hx_exec *exec)
{
    struct ending *e = opaque;
    char byte;

    (void)exec;
    assert_int_equal(read(e->pipe[0], &byte, 1), 1);
    e->scene->dead = "the pod web does not run: destroyed";
    stop_listening(e->scene);
    return true;
}

static void test_a_pod_that_ends_is_no_success(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct scene *s = *state;
    struct ending ending = { .scene = s };
    struct hx_exec_io io = {
        .in = -1, .out = -1, .err = -1, .woken = end_pod, .opaque = &ending
    };
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int status = 77;

    s->guest = (struct guest){ .output = NEVER };
    assert_int_equal(pipe(ending.pipe), 0);
    io.wake = ending.pipe[0];
    assert_int_equal(write(ending.pipe[1], "x", 1), 1);
    listen_at(s);
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), 0);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), -HX_ERR_STATE);
    assert_string_equal(err.msg, s->dead);
    assert_int_equal(status, 77);
    hx_exec_free(exec);
    close(ending.pipe[0]);
    close(ending.pipe[1]);
}

static void test_a_forgotten_session_is_no_success(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct scene *s = *state;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct guest){ .output = MIB, .hang_up = 5, .forgets = true };
    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_string_equal(err.msg, "asking the guest of the pod web: not here");
}

static void test_a_resume_without_an_answer(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct scene *s = *state;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct guest){ .output = MIB, .hang_up = 5, .mute = true };
    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_non_null(strstr(err.msg, "it has not answered for 30 s"));
}

/* One that hangs up before anything is heard, again and again. */
static void test_a_monitor_that_hangs_up(void **state)
{
    const struct hx_exec_spec spec = { .args = true_args };
    struct scene *s = *state;
    struct drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest.deaf = true;
    listen_at(s);
    assert_int_equal(run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_non_null(strstr(err.msg, "it hangs up"));
}

struct typist {
    struct scene *scene;
    int pipe[2], turns;
};

static bool send_controls(void *opaque, struct hx_exec *exec)
{
    struct typist *t = opaque;
    char byte;

    assert_int_equal(read(t->pipe[0], &byte, 1), 1);
    hx_exec_signal(exec, 10);
    hx_exec_resize(exec, 24, 80);
    return byte == 'x';
}

static bool until_q(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                    size_t *out_len_r)
{
    const uint8_t *q = memchr(data, 'q', len);
    struct typist *t = opaque;

    t->turns++;
    *out_len_r = q ? (size_t)(q - data) : len;
    memcpy(out, data, *out_len_r);
    return !q;
}

static void test_attach(void **state)
{
    struct scene *s = *state;
    struct typist typist = { .scene = s };
    struct hx_exec_io io = { .out = -1,
                             .err = -1,
                             .woken = send_controls,
                             .typed = until_q,
                             .opaque = &typist };
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int in[2], status = 0;

    s->guest = (struct guest){ .in_got = 1000, .output = 0 };
    assert_int_equal(pipe(typist.pipe), 0);
    assert_int_equal(pipe(in), 0);
    io.wake = typist.pipe[0];
    io.in = in[0];
    listen_at(s);
    assert_int_equal(hx_exec_attach(&s->pod, 3, true, &exec, &err), 0);
    assert_int_equal(write(in[1], "abcq", 4), 4);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, HX_EXEC_LEFT);
    assert_int_equal(typist.turns, 1);
    assert_int_equal(s->guest.session, 3);
    /* Left, and what was typed goes all the same when one goes on. */
    assert_int_equal(write(typist.pipe[1], "xy", 2), 2);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, HX_EXEC_LEFT);
    hx_exec_free(exec);
    stop_listening(s);
    assert_int_equal(s->guest.in_got, 1003);
    assert_int_equal(s->guest.signal, 10);
    assert_int_equal(s->guest.size, 24 << 16 | 80);
    assert_int_equal(s->guest.attaches, 1);
    close(in[0]);
    close(in[1]);
    close(typist.pipe[0]);
    close(typist.pipe[1]);
}

/* Others write to a container's input, too. */
static void test_a_shared_input(void **state)
{
    static struct hx_exec_input input;
    const uint8_t *data;

    (void)state;
    assert_int_equal(hx_exec_input_taken(&input, 500), 0);
    hx_ring_add(&input.ring, (const uint8_t *)"abcdef", 6);
    input.sent += 3;
    hx_exec_input_shared(&input, 502);
    assert_int_equal(hx_exec_input_taken(&input, 502), 0);
    hx_exec_input_shared(&input, 900);
    assert_int_equal(hx_exec_input_taken(&input, 900), 0);
    assert_int_equal(hx_exec_input_next(&input, &data), 3);
    assert_memory_equal(data, "def", 3);
    assert_int_equal(input.sent, 900);
    assert_int_equal(hx_exec_input_taken(&input, 1000), -1);
    assert_int_equal(hx_exec_input_taken(&input, 800), -1);
}

static void test_outputs_out_of_order(void **state)
{
    static struct hx_exec_output output;
    static uint8_t data[HX_CH_WINDOW + 1];

    (void)state;
    assert_int_equal(hx_exec_output_data(&output, 1, data, 1), -1);
    assert_int_equal(hx_exec_output_data(&output, 0, data, 10), 0);
    assert_int_equal(hx_exec_output_data(&output, 5, data, 10), 0);
    assert_int_equal(output.ring.end, 15);
    assert_int_equal(hx_exec_output_data(&output, 0, data, 15), 0);
    assert_int_equal(output.ring.end, 15);
    assert_int_equal(hx_exec_output_data(&output, 15, data, HX_CH_WINDOW - 14),
                     -1);
    assert_int_equal(hx_exec_output_end(&output, 14), -1);
    assert_int_equal(hx_exec_output_end(&output, 15), 0);
    assert_int_equal(hx_exec_output_data(&output, 15, data, 1), -1);
}

static void test_finding(void **state)
{
    struct scene *s = *state;
    struct hx_pod_dir dir;
    char uuid[HX_POD_UUID_TEXT];
    struct hx_err err = { 0 };

    pod_fixture_make(s->fixture, "web", HX_POD_RUNNING, &dir);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, "web", uuid, &err), 0);
    assert_string_equal(uuid, dir.uuid);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, dir.uuid, uuid, &err), 0);
    assert_string_equal(uuid, dir.uuid);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, "7", uuid, &err),
                     -HX_ERR_NOT_FOUND);
    hx_pod_dir_release(&dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_streams),
        TEST(test_echo),
        TEST(test_input_not_taken_is_sent_again),
        TEST(test_the_request),
        TEST(test_services_are_asked_for),
        TEST(test_a_large_request_goes_in_parts),
        TEST(test_a_process_that_never_ran),
        TEST(test_detached),
        TEST(test_a_pod_that_has_ended),
        TEST(test_a_pod_that_ends_is_no_success),
        TEST(test_a_forgotten_session_is_no_success),
        TEST(test_a_resume_without_an_answer),
        TEST(test_a_monitor_that_hangs_up),
        TEST(test_attach),
        TEST(test_a_shared_input),
        TEST(test_outputs_out_of_order),
        TEST(test_finding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
