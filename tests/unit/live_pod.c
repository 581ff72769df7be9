/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/live_pod.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/container.h"
#include "pv-init/supervise.h"
#include "pv-init/terminal.h"
#include "tests/unit/unit.h"

pid_t live_pod;
struct peer live_peer;
static int door; /* over it the pod gets its next connection */

static void take_connection(int from, struct hx_init_control *control)
{
    char byte;
    int fd = -1;

    if (hx_init_terminal_receive(from, &fd, &byte, 1) == 1 && fd >= 0)
        hx_init_control_attach(control, fd);
    else
        _exit(0);
}

/* pv-init's loop, which takes connections as they come. */
static void be_pod(const char *json, int from)
{
    static struct pollfd fds[2 + HX_INIT_CONTROL_FDS];
    static struct hx_init_control control;
    static struct hx_init_config config;
    struct hx_init_started started;
    struct hx_init_err err;

    alarm(60);
    signal(SIGPIPE, SIG_IGN);
    if (hx_init_config_parse(json, strlen(json), &config, &err) < 0)
        _exit(91);
    ramdisk_enter(1, NULL);
    ramdisk_must(sethostname("web", 3), "hostname");
    hx_init_control_init(&control);
    control.sessions.config = &config;
    ramdisk_must(hx_init_container_start(&config, 0, &started, &err), err.msg);
    control.sessions.list[0].spec.tty = config.containers[0].tty;
    hx_init_session_start(&control.sessions.list[0], &started);
    ramdisk_must(
        hx_init_health_begin(&control.healths, &config, 0, started.pid, &err),
        err.msg);
    for (;;) {
        bool busy = hx_init_control_run(&control);
        size_t n = hx_init_control_poll(&control, fds);
        int status;
        pid_t pid;

        fds[n] = (struct pollfd){ .fd = from, .events = POLLIN };
        /* No signalfd: a child's end is looked for now and then. */
        poll(fds, n + 1, busy ? 0 : 20);
        hx_init_control_polled(&control, fds);
        if (fds[n].revents)
            take_connection(from, &control);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            if (pid == control.sessions.list[0].pid) {
                hx_init_session_end(&control.sessions.list[0],
                                    hx_init_exit_code(status), "");
                hx_init_health_end(&control.healths, 0);
            }
            hx_init_healths_reaped(&control.healths, pid,
                                   hx_init_exit_code(status));
            hx_init_sessions_reaped(&control.sessions, pid,
                                    hx_init_exit_code(status));
        }
    }
}

void live_pod_join(void)
{
    struct timeval patience = { .tv_sec = 20 };
    int ends[2];

    if (live_peer.fd > 0)
        close(live_peer.fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(hx_init_terminal_send(door, ends[1], "x", 1), 0);
    close(ends[1]);
    live_peer.fd = ends[0];
    live_peer.len = 0;
    peer_hello(&live_peer);
}

void live_pod_begin(const char *json)
{
    int ends[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    live_pod = fork();
    if (live_pod == 0) {
        close(ends[0]);
        be_pod(json, ends[1]);
    }
    close(ends[1]);
    door = ends[0];
    live_peer.fd = 0;
    live_pod_join();
}

void live_pod_finish(void)
{
    close(live_peer.fd);
    close(door);
    kill(live_pod, SIGKILL);
    waitpid(live_pod, NULL, 0);
}

const struct hx_ch_frame *live_pod_await(unsigned type, uint64_t session)
{
    for (;;) {
        while (peer_next(&live_peer)) {
            if (live_peer.frame.type == type &&
                live_peer.frame.session == session)
                return &live_peer.frame;
        }
        if (!peer_read(&live_peer))
            fail_msg("the pod closed before frame %u of %llx", type,
                     (unsigned long long)session);
    }
}

void live_pod_say(unsigned type, uint64_t session, uint64_t value,
                  const void *payload, size_t len)
{
    peer_send(&live_peer,
              (struct hx_ch_frame){ .type = (uint8_t)type,
                                    .session = session,
                                    .value = value,
                                    .payload = (uint32_t)len },
              payload);
}

void live_pod_open(uint64_t session, const char *json)
{
    live_pod_say(HX_CH_OPEN, session, 0, json, strlen(json));
}

int live_pod_collect(uint64_t session, char *out, size_t size, unsigned outs)
{
    size_t len = 0;
    unsigned ends = 0;

    for (;;) {
        const struct hx_ch_frame *frame = &live_peer.frame;

        while (!peer_next(&live_peer))
            assert_true(peer_read(&live_peer));
        if (frame->session != session)
            continue;
        if (frame->type == HX_CH_DATA) {
            assert_true(len + frame->payload < size);
            memcpy(out + len, live_peer.payload, frame->payload);
            len += frame->payload;
            peer_taken(&live_peer, session, frame->stream,
                       frame->value + frame->payload);
        } else if (frame->type == HX_CH_END) {
            ends++;
            peer_taken(&live_peer, session, frame->stream,
                       frame->value | HX_CH_TAKEN_END);
        } else if (frame->type == HX_CH_ENDED) {
            assert_int_equal(ends, outs);
            out[len] = '\0';
            return (int)frame->value;
        }
    }
}

int live_pod_run(const char *json, char *out, size_t size, unsigned outs)
{
    static uint64_t number = HX_CH_SESSION_MIN;
    int code;

    live_pod_open(++number, json);
    code = live_pod_collect(number, out, size, outs);
    live_pod_say(HX_CH_CLOSE, number, 0, NULL, 0);
    return code;
}
