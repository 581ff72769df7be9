/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-exec.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "domain-builder/exec-request.h"
#include "domain-builder/exec-stream.h"
#include "domain-builder/monitor-socket.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-spec.h"
#include "image/base/clock.h"
#include "image/base/escape.h"

#define ANSWER_MS     30000
#define CONNECT_TRIES 50 /* with a pause between: 5 s */
#define CONNECT_PAUSE 100000000L
/* Connections in a row on which nothing was heard. */
#define SILENT_MAX 5
/* Frames taken in before our own are sent: an output's window, many times. */
#define FRAMES_AT_ONCE 64
#define SIGNALS_MAX    16
#define MESSAGE_MAX    512

enum phase { PHASE_ASKED, PHASE_RUNS, PHASE_ENDED };

/* What goes before the streams on a connection. */
enum opening { SEND_OPEN, SEND_RESUME, SEND_ATTACH, SEND_NOTHING };

struct hx_exec {
    struct hx_exec_pod pod;
    int fd; /* -1: no connection */
    uint64_t session;
    bool attached; /* to a container, in place of a process of ours */
    bool with_stdin, detach, tty;
    bool started;  /* OPENED was seen */
    bool told;     /* our caller knows */
    bool resumes;  /* this connection began with RESUME, not answered yet */
    char *request; /* of the OPEN, or NULL */
    size_t request_sent;
    enum opening opening;
    enum phase phase;
    int64_t deadline_ms; /* for the answer to OPEN or RESUME */
    int silent;          /* connections without a frame */
    int status;
    char message[MESSAGE_MAX];

    int signals[SIGNALS_MAX];
    unsigned signal_count;
    uint64_t size; /* rows << 16 | columns; to be sent unless 0 */
    bool stalled;  /* the socket takes no more for now */

    struct hx_exec_input input;
    struct hx_exec_output output[2]; /* stdout, stderr */
};

static int no_memory(const struct hx_exec_pod *pod, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "asking the pod %s",
                      pod->name);
}

int hx_exec_find(const struct hx_pod_dirs *dirs, const char *name,
                 char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    struct hx_pod_dir dir;

    if (hx_pod_dir_by_name(dirs, name, uuid_r, err) == 0)
        return 0;
    if (!hx_pod_uuid_valid(name) || hx_pod_dir_open(dirs, name, &dir, NULL) < 0)
        return -HX_ERR_NOT_FOUND;
    memcpy(uuid_r, dir.uuid, HX_POD_UUID_TEXT);
    hx_pod_dir_release(&dir);
    return 0;
}

/* -- connecting ------------------------------------------------------------ */

/* Whether a monitor may be there sooner or later. */
static bool nobody_listens(int error)
{
    return error == ECONNREFUSED || error == ENOENT || error == EAGAIN ||
           error == ECONNRESET;
}

/* Connects; when nobody listens, has the pod looked after first. */
static int reach(struct hx_exec *exec, struct hx_err *err)
{
    static const struct timespec pause = { .tv_nsec = CONNECT_PAUSE };

    for (int tries = 0; tries < CONNECT_TRIES; tries++) {
        int r;

        exec->fd = hx_monitor_connect(&exec->pod.dirs, exec->pod.uuid);
        if (exec->fd >= 0)
            return 0;
        if (!nobody_listens(errno))
            break;
        if (tries > 0)
            nanosleep(&pause, NULL);
        r = exec->pod.tend(exec->pod.opaque, exec->pod.uuid, err);
        if (r < 0)
            return r;
    }
    return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                      "asking the monitor of the pod %s at %s/%s/%s",
                      exec->pod.name, exec->pod.dirs.run, exec->pod.uuid,
                      HX_MONITOR_SOCKET);
}

static int reconnect(struct hx_exec *exec, struct hx_err *err)
{
    hx_cleanup_close(&exec->fd);
    exec->fd = -1;
    if (exec->silent++ == SILENT_MAX)
        return hx_err_set(err, HX_ERR_GUEST,
                          "asking the monitor of the pod %s: it hangs up%s%s; "
                          "see monitor.log in the pod's folder",
                          exec->pod.name, *exec->message ? ": " : "",
                          exec->message);
    exec->opening = exec->attached ? SEND_ATTACH : SEND_RESUME;
    exec->resumes = !exec->attached;
    exec->request_sent = 0;
    if (exec->phase == PHASE_RUNS)
        exec->deadline_ms = hx_clock_monotonic_ms() + ANSWER_MS;
    hx_exec_input_reconnect(&exec->input);
    for (int i = 0; i < 2; i++)
        hx_exec_output_reconnect(&exec->output[i]);
    return reach(exec, err);
}

/* -- sending --------------------------------------------------------------- */

/* 0, or -1: not now.  A connection that has gone is noticed by reading. */
static int send_frame(struct hx_exec *exec, struct hx_ch_frame frame,
                      const void *payload, size_t len)
{
    uint8_t header[HX_CH_HEADER_BYTES];
    struct iovec parts[] = { { header, sizeof(header) },
                             { (void *)payload, len } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = len ? 2 : 1 };
    ssize_t n;

    if (exec->stalled)
        return -1;
    frame.payload = (uint32_t)len;
    frame.session = exec->session;
    hx_ch_encode(&frame, header);
    do
        n = sendmsg(exec->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    exec->stalled = n < 0;
    return n < 0 ? -1 : 0;
}

static int send_open(struct hx_exec *exec)
{
    size_t total = strlen(exec->request);

    while (exec->request_sent < total) {
        size_t left = total - exec->request_sent;
        size_t len = left < HX_CH_PAYLOAD_MAX ? left : HX_CH_PAYLOAD_MAX;
        struct hx_ch_frame frame = { .type = HX_CH_OPEN,
                                     .flags =
                                         len < left ? HX_CH_FLAG_MORE : 0 };

        if (send_frame(exec, frame, exec->request + exec->request_sent, len) <
            0)
            return -1;
        exec->request_sent += len;
    }
    return 0;
}

static int send_opening(struct hx_exec *exec)
{
    int r = 0;

    if (exec->opening == SEND_OPEN)
        r = send_open(exec);
    else if (exec->opening == SEND_RESUME)
        r = send_frame(exec, (struct hx_ch_frame){ .type = HX_CH_RESUME }, NULL,
                       0);
    else if (exec->opening == SEND_ATTACH)
        r = send_frame(exec, (struct hx_ch_frame){ .type = HX_CH_ATTACH }, NULL,
                       0);
    if (r == 0)
        exec->opening = SEND_NOTHING;
    return r;
}

static int send_controls(struct hx_exec *exec)
{
    while (exec->signal_count > 0) {
        struct hx_ch_frame frame = { .type = HX_CH_SIGNAL,
                                     .value = (uint64_t)exec->signals[0] };

        if (send_frame(exec, frame, NULL, 0) < 0)
            return -1;
        memmove(exec->signals, exec->signals + 1,
                --exec->signal_count * sizeof(*exec->signals));
    }
    if (exec->size) {
        struct hx_ch_frame frame = { .type = HX_CH_RESIZE,
                                     .value = exec->size };

        if (send_frame(exec, frame, NULL, 0) < 0)
            return -1;
        exec->size = 0;
    }
    return 0;
}

static int send_taken(struct hx_exec *exec)
{
    for (int i = 0; i < 2 && !exec->attached && !exec->detach; i++) {
        struct hx_ch_frame frame = { .type = HX_CH_TAKEN,
                                     .stream = (uint8_t)(HX_CH_STDOUT + i) };

        if (!hx_exec_output_due(&exec->output[i], &frame.value))
            continue;
        if (send_frame(exec, frame, NULL, 0) < 0)
            return -1;
        hx_exec_output_told(&exec->output[i], frame.value);
    }
    return 0;
}

static int send_input(struct hx_exec *exec)
{
    const uint8_t *data;
    size_t len;

    if (!exec->with_stdin)
        return 0;
    while ((len = hx_exec_input_next(&exec->input, &data)) > 0) {
        struct hx_ch_frame frame = { .type = HX_CH_DATA,
                                     .stream = HX_CH_STDIN,
                                     .value = exec->input.sent };

        if (send_frame(exec, frame, data, len) < 0)
            return -1;
        exec->input.sent += len;
    }
    if (hx_exec_input_end_due(&exec->input)) {
        struct hx_ch_frame frame = { .type = HX_CH_END,
                                     .stream = HX_CH_STDIN,
                                     .value = exec->input.sent };

        if (send_frame(exec, frame, NULL, 0) < 0)
            return -1;
        exec->input.end_sent = true;
    }
    return 0;
}

/* All that can be sent now. */
static void send_all(struct hx_exec *exec)
{
    exec->stalled = false;
    if (send_opening(exec) < 0 || send_taken(exec) < 0)
        return;
    /* Before that, there is no process that could be meant. */
    if (exec->phase == PHASE_RUNS && send_controls(exec) == 0)
        send_input(exec);
}

/* -- receiving ------------------------------------------------------------- */

static void keep_message(struct hx_exec *exec, const uint8_t *text, size_t len)
{
    if (len >= sizeof(exec->message))
        len = sizeof(exec->message) - 1;
    memcpy(exec->message, text, len);
    exec->message[len] = '\0';
    hx_escape_in_place(exec->message);
}

static int misbehaved(const struct hx_exec *exec, const char *how,
                      struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_GUEST,
                      "asking the guest of the pod %s: %s; give up, or "
                      "destroy the pod",
                      exec->pod.name, how);
}

/* No such session: the OPEN was lost with an old connection, or is refused, or
 * the session was forgotten.  A container has no input: that is no error. */
static int take_gone(struct hx_exec *exec, const uint8_t *text, size_t len,
                     struct hx_err *err)
{
    if (exec->attached) {
        exec->phase = PHASE_RUNS;
        exec->input.closed = true;
        return 0;
    }
    if (exec->phase == PHASE_ASKED && exec->resumes) {
        exec->opening = SEND_OPEN;
        exec->resumes = false;
        return 0;
    }
    keep_message(exec, text, len);
    return hx_err_set(
        err, HX_ERR_GUEST, "asking the guest of the pod %s: %s", exec->pod.name,
        len ? exec->message : "it does not know the process any more");
}

static int take_ended(struct hx_exec *exec, const struct hx_ch_frame *frame,
                      const uint8_t *text, struct hx_err *err)
{
    if (frame->value > 255)
        return misbehaved(exec, "it told an exit code that is none", err);
    exec->phase = PHASE_ENDED;
    exec->status = (int)frame->value;
    keep_message(exec, text, frame->payload);
    return 0;
}

static int take_stream(struct hx_exec *exec, const struct hx_ch_frame *frame,
                       const uint8_t *payload, struct hx_err *err)
{
    struct hx_exec_output *output;
    int r;

    if (frame->type == HX_CH_TAKEN) {
        if (frame->stream != HX_CH_STDIN)
            return 0;
        if (exec->attached) {
            exec->phase = PHASE_RUNS;
            hx_exec_input_shared(&exec->input, frame->value);
        }
        r = hx_exec_input_taken(&exec->input, frame->value);
        return r == 0 ? 0
                      : misbehaved(exec, "it took input that nobody sent", err);
    }
    if (frame->stream == HX_CH_STDIN || exec->attached || exec->detach)
        return 0;
    output = &exec->output[frame->stream - HX_CH_STDOUT];
    r = frame->type == HX_CH_DATA
            ? hx_exec_output_data(output, frame->value, payload, frame->payload)
            : hx_exec_output_end(output, frame->value);
    return r == 0 ? 0 : misbehaved(exec, "its output came out of order", err);
}

static int take_frame(struct hx_exec *exec, const struct hx_ch_frame *frame,
                      const uint8_t *payload, struct hx_err *err)
{
    if (frame->type == HX_CH_BYE) {
        keep_message(exec, payload, frame->payload);
        return 0;
    }
    if (frame->session != exec->session)
        return 0;
    exec->silent = 0;
    switch (frame->type) {
    case HX_CH_DATA:
    case HX_CH_END:
    case HX_CH_TAKEN:
        return take_stream(exec, frame, payload, err);
    case HX_CH_OPENED:
        if (exec->phase == PHASE_ASKED)
            exec->phase = PHASE_RUNS;
        exec->started = true;
        exec->resumes = false;
        return 0;
    case HX_CH_ENDED:
        exec->resumes = false;
        return take_ended(exec, frame, payload, err);
    case HX_CH_GONE:
        return take_gone(exec, payload, frame->payload, err);
    default:
        return 0;
    }
}

/* 1: a frame was taken; 0: none is there; or a negative code.  *over_r: the
 * connection has gone. */
static int receive(struct hx_exec *exec, bool *over_r, struct hx_err *err)
{
    uint8_t message[HX_CH_FRAME_MAX + 1];
    struct hx_ch_frame frame;
    ssize_t n = recv(exec->fd, message, sizeof(message), MSG_DONTWAIT);
    int r;

    /* Told once, before what came earlier: that still counts. */
    if (n < 0 && errno == ECONNRESET)
        n = recv(exec->fd, message, sizeof(message), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        *over_r = true;
        return 0;
    }
    if ((size_t)n < HX_CH_HEADER_BYTES || hx_ch_decode(message, &frame) < 0 ||
        frame.payload != (size_t)n - HX_CH_HEADER_BYTES)
        return misbehaved(exec, "what came is no frame", err);
    r = take_frame(exec, &frame, message + HX_CH_HEADER_BYTES, err);
    return r < 0 ? r : 1;
}

/* All that there will be has come.  After a new connection ENDED may come
 * before the rest of the output. */
static bool has_all(const struct hx_exec *exec)
{
    bool ends = exec->output[0].ended && (exec->tty || exec->output[1].ended);

    return exec->phase == PHASE_ENDED &&
           (ends || !exec->started || exec->detach);
}

static int receive_all(struct hx_exec *exec, struct hx_err *err)
{
    bool over = false;
    int r = 1;

    for (int i = 0; i < FRAMES_AT_ONCE && r > 0; i++)
        r = receive(exec, &over, err);
    if (r < 0)
        return r;
    if (over && !has_all(exec))
        return reconnect(exec, err);
    if (over) {
        close(exec->fd);
        exec->fd = -1;
    }
    return 0;
}

/* -- our own ends of the streams ------------------------------------------- */

/* How much write(2) takes at once without blocking, when poll(2) says that
 * there is room. */
static size_t write_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? HX_CH_WINDOW : PIPE_BUF;
}

static int write_output(struct hx_exec_output *output, int fd,
                        struct hx_err *err)
{
    const uint8_t *data;
    size_t len = hx_ring_at(&output->ring, output->ring.start, &data);
    ssize_t n;

    if (fd < 0) {
        output->ring.start = output->ring.end;
        return 0;
    }
    n = write(fd, data, len < write_size(fd) ? len : write_size(fd));
    if (n >= 0)
        output->ring.start += (uint64_t)n;
    else if (errno != EINTR && errno != EAGAIN)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "writing the process's output");
    return 0;
}

static bool read_input(struct hx_exec *exec, const struct hx_exec_io *io)
{
    uint8_t data[HX_CH_PAYLOAD_MAX], typed[sizeof(data) + HX_EXEC_TYPED_MORE];
    size_t room = hx_ring_room(&exec->input.ring), len;
    bool stays = true;
    ssize_t n;

    if (io->typed)
        room = room > HX_EXEC_TYPED_MORE ? room - HX_EXEC_TYPED_MORE : 0;
    if (room == 0)
        return true;
    n = read(io->in, data, room < sizeof(data) ? room : sizeof(data));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0) { /* a terminal that hung up gives an error */
        exec->input.ended = true;
        return true;
    }
    len = (size_t)n;
    if (io->typed)
        stays = io->typed(io->opaque, data, len, typed, &len);
    hx_ring_add(&exec->input.ring, io->typed ? typed : data, len);
    return stays;
}

/* -- the loop -------------------------------------------------------------- */

enum { AT_SOCKET, AT_WAKE, AT_IN, AT_OUT, AT_ERR, AT_COUNT };

static void choose_events(const struct hx_exec *exec,
                          const struct hx_exec_io *io,
                          struct pollfd fds[AT_COUNT])
{
    const int outs[] = { io->out, io->err };

    fds[AT_SOCKET] = (struct pollfd){
        .fd = exec->fd,
        .events = (short)(POLLIN | (exec->stalled ? POLLOUT : 0)),
    };
    fds[AT_WAKE] = (struct pollfd){ .fd = io->wake, .events = POLLIN };
    fds[AT_IN] = (struct pollfd){
        .fd = exec->phase == PHASE_RUNS && hx_exec_input_wants(&exec->input) &&
                      hx_ring_room(&exec->input.ring) > HX_EXEC_TYPED_MORE
                  ? io->in
                  : -1,
        .events = POLLIN,
    };
    for (int i = 0; i < 2; i++) {
        const struct hx_ring *ring = &exec->output[i].ring;

        fds[AT_OUT + i] = (struct pollfd){
            .fd = ring->start < ring->end ? outs[i] : -1,
            .events = POLLOUT,
        };
    }
}

static int handle_events(struct hx_exec *exec, const struct hx_exec_io *io,
                         const struct pollfd fds[AT_COUNT], bool *left_r,
                         struct hx_err *err)
{
    const int outs[] = { io->out, io->err };
    int r = 0;

    for (int i = 0; i < 2 && r == 0; i++) {
        if (outs[i] < 0 || fds[AT_OUT + i].revents)
            r = write_output(&exec->output[i], outs[i], err);
    }
    if (r == 0 && fds[AT_SOCKET].revents)
        r = receive_all(exec, err);
    if (r == 0 && fds[AT_IN].revents && !read_input(exec, io))
        *left_r = true;
    if (r == 0 && fds[AT_WAKE].revents && !io->woken(io->opaque, exec))
        *left_r = true;
    return r;
}

static void tell_start(struct hx_exec *exec, const struct hx_exec_io *io)
{
    if (!exec->started || exec->told)
        return;
    exec->told = true;
    if (io->started)
        io->started(io->opaque);
}

static bool is_done(const struct hx_exec *exec)
{
    return (has_all(exec) &&
            exec->output[0].ring.start == exec->output[0].ring.end &&
            exec->output[1].ring.start == exec->output[1].ring.end) ||
           (exec->phase == PHASE_RUNS && exec->detach);
}

static int timeout_ms(const struct hx_exec *exec)
{
    int64_t left = exec->deadline_ms - hx_clock_monotonic_ms();

    if ((exec->phase != PHASE_ASKED && !exec->resumes) || exec->attached)
        return -1;
    return left > 0 ? (int)left : 0;
}

int hx_exec_run(struct hx_exec *exec, const struct hx_exec_io *io,
                int *status_r, struct hx_err *err)
{
    struct pollfd fds[AT_COUNT];
    bool left = false;
    int r = 0;

    if (!exec->with_stdin || io->in < 0)
        exec->input.ended = true;
    while (r == 0 && !left) {
        send_all(exec);
        if (is_done(exec))
            break;
        choose_events(exec, io, fds);
        r = poll(fds, AT_COUNT, timeout_ms(exec));
        if (r == 0)
            return hx_err_set(err, HX_ERR_GUEST,
                              "asking the guest of the pod %s: it has not "
                              "answered for %d s",
                              exec->pod.name, ANSWER_MS / 1000);
        if (r < 0 && errno != EINTR)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "talking to the pod %s", exec->pod.name);
        r = r < 0 ? 0 : handle_events(exec, io, fds, &left, err);
        tell_start(exec, io);
    }
    if (r < 0)
        return r;
    *status_r = left ? HX_EXEC_LEFT : exec->status;
    return 0;
}

/* -- interface ------------------------------------------------------------- */

static struct hx_exec *new_exec(const struct hx_exec_pod *pod)
{
    struct hx_exec *exec = calloc(1, sizeof(*exec));

    if (!exec)
        return NULL;
    exec->pod = *pod;
    exec->fd = -1;
    exec->deadline_ms = hx_clock_monotonic_ms() + ANSWER_MS;
    exec->output[0].must_tell = exec->output[1].must_tell = true;
    return exec;
}

/* At random, so that no two commands draw the same. */
static int draw_session(struct hx_exec *exec, struct hx_err *err)
{
    do {
        if (getrandom(&exec->session, sizeof(exec->session), 0) !=
            sizeof(exec->session))
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "choosing a session's number");
    } while (exec->session < HX_CH_SESSION_MIN);
    return 0;
}

int hx_exec_open(const struct hx_exec_pod *pod, const struct hx_exec_spec *spec,
                 struct hx_exec **exec_r, struct hx_err *err)
{
    struct hx_exec *exec = new_exec(pod);
    int r;

    if (!exec)
        return no_memory(pod, err);
    exec->with_stdin = spec->with_stdin && !spec->detach;
    exec->detach = spec->detach;
    exec->tty = spec->tty;
    exec->opening = SEND_OPEN;
    r = hx_exec_request(spec, &exec->request, err);
    if (r == 0)
        r = draw_session(exec, err);
    if (r == 0)
        r = reach(exec, err);
    if (r < 0) {
        hx_exec_free(exec);
        return r;
    }
    *exec_r = exec;
    return 0;
}

int hx_exec_attach(const struct hx_exec_pod *pod, unsigned container,
                   bool with_stdin, struct hx_exec **exec_r, struct hx_err *err)
{
    struct hx_exec *exec = new_exec(pod);
    int r;

    if (!exec)
        return no_memory(pod, err);
    exec->session = container;
    exec->attached = true;
    exec->with_stdin = with_stdin;
    exec->opening = SEND_ATTACH;
    r = reach(exec, err);
    if (r < 0) {
        hx_exec_free(exec);
        return r;
    }
    *exec_r = exec;
    return 0;
}

void hx_exec_free(struct hx_exec *exec)
{
    if (!exec)
        return;
    /* The monitor does the same when it sees us gone. */
    if (exec->fd >= 0 && !exec->attached)
        send_frame(exec, (struct hx_ch_frame){ .type = HX_CH_CLOSE }, NULL, 0);
    hx_cleanup_close(&exec->fd);
    free(exec->request);
    free(exec);
}

void hx_exec_signal(struct hx_exec *exec, int signum)
{
    /* One that waits already is not sent twice, as signals are. */
    for (unsigned i = 0; i < exec->signal_count; i++) {
        if (exec->signals[i] == signum)
            return;
    }
    if (exec->signal_count < SIGNALS_MAX)
        exec->signals[exec->signal_count++] = signum;
}

void hx_exec_resize(struct hx_exec *exec, unsigned rows, unsigned columns)
{
    exec->size = (uint64_t)(rows & 0xffff) << 16 | (columns & 0xffff);
}

bool hx_exec_started(const struct hx_exec *exec)
{
    return exec->started;
}

const char *hx_exec_message(const struct hx_exec *exec)
{
    return exec->message;
}
