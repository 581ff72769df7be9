/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions in a pod that runs: execs in real namespaces, their streams, and
 * connections that end in the middle.  The test is dom0.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/container.h"
#include "pv-init/mounts.h"
#include "pv-init/stats.h"
#include "pv-init/supervise.h"
#include "pv-init/terminal.h"
#include "tests/unit/channel_peer.h"
#include "tests/unit/ramdisk.h"

#define NEED(state)                                                            \
    do {                                                                       \
        if (!*(state))                                                         \
            skip();                                                            \
    } while (0)

#define S1 0x123456789abcdef0u
#define S2 0xfedcba9876543210u

/* -- the pod -----------------------------------------------------------------
 */

static pid_t pod;
static int door; /* over it the pod gets its next connection */
static struct peer peer;

#define POD(more, script)                                                      \
    "{\"abi\":2,\"hostname\":\"web\",\"containers\":[{\"name\":\"c\","         \
    "\"root\":{"                                                               \
    "\"device\":\"xvda\",\"fstype\":\"x\"},\"stop_timeout_ms\":300,"           \
    "\"writable\":\"tmpfs\",\"user\":\"\",\"cwd\":\"/\",\"env\":["             \
    "\"PATH=/bin\",\"A=1\",\"B=2\"],\"stop_signal\":15," more                  \
    "\"args\":[\"sh\",\"-c\",\"" script "\"]}]}"

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

/* Connects, as a new monitor does; an old connection ends. */
static void join(void)
{
    struct timeval patience = { .tv_sec = 20 };
    int ends[2];

    if (peer.fd > 0)
        close(peer.fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(hx_init_terminal_send(door, ends[1], "x", 1), 0);
    close(ends[1]);
    peer.fd = ends[0];
    peer.len = 0;
    peer_hello(&peer);
}

static void begin(const char *json)
{
    int ends[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pod = fork();
    if (pod == 0) {
        close(ends[0]);
        be_pod(json, ends[1]);
    }
    close(ends[1]);
    door = ends[0];
    peer.fd = 0;
    join();
}

static void finish(void)
{
    close(peer.fd);
    close(door);
    kill(pod, SIGKILL);
    waitpid(pod, NULL, 0);
}

/* The next frame of this kind and session; others are passed over. */
static const struct hx_ch_frame *await(unsigned type, uint64_t session)
{
    for (;;) {
        while (peer_next(&peer)) {
            if (peer.frame.type == type && peer.frame.session == session)
                return &peer.frame;
        }
        if (!peer_read(&peer))
            fail_msg("the pod closed before frame %u of %llx", type,
                     (unsigned long long)session);
    }
}

static void say(unsigned type, uint64_t session, uint64_t value,
                const void *payload, size_t len)
{
    peer_send(&peer,
              (struct hx_ch_frame){ .type = (uint8_t)type,
                                    .session = session,
                                    .value = value,
                                    .payload = (uint32_t)len },
              payload);
}

static void open_session(uint64_t session, const char *json)
{
    say(HX_CH_OPEN, session, 0, json, strlen(json));
}

/* Takes both outputs up to their ends and the exit code. */
static int collect(uint64_t session, char *out, size_t size, unsigned outs)
{
    size_t len = 0;
    unsigned ends = 0;

    for (;;) {
        const struct hx_ch_frame *frame = &peer.frame;

        while (!peer_next(&peer))
            assert_true(peer_read(&peer));
        if (frame->session != session)
            continue;
        if (frame->type == HX_CH_DATA) {
            assert_true(len + frame->payload < size);
            memcpy(out + len, peer.payload, frame->payload);
            len += frame->payload;
            peer_taken(&peer, session, frame->stream,
                       frame->value + frame->payload);
        } else if (frame->type == HX_CH_END) {
            ends++;
            peer_taken(&peer, session, frame->stream,
                       frame->value | HX_CH_TAKEN_END);
        } else if (frame->type == HX_CH_ENDED) {
            assert_int_equal(ends, outs);
            out[len] = '\0';
            return (int)frame->value;
        }
    }
}

#define SLEEP POD("\"tty\":false,", "echo up; exec sleep 50")

static int run(const char *json, char *out, size_t size, unsigned outs)
{
    static uint64_t number = HX_CH_SESSION_MIN;
    int code;

    open_session(++number, json);
    code = collect(number, out, size, outs);
    say(HX_CH_CLOSE, number, 0, NULL, 0);
    return code;
}

/* -- execs -------------------------------------------------------------------
 */

static void an_exec_is_in_its_container(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    assert_int_equal(
        run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"cat /proc/1/comm; "
            "echo $A $B $C $HOME; pwd; id; readlink /proc/1/root; "
            "grep CapEff /proc/self/status; hostname; exit 42\"],"
            "\"env\":[\"B=3\",\"C=4\"]}",
            out, sizeof(out), 2),
        42);
    assert_ptr_equal(strstr(out, "sleep\n1 3 4 /root\n/\nuid=0(root) gid=0"),
                     out);
    assert_non_null(strstr(out, "/\nCapEff:\t00000000a80425fb\nweb\n"));
    finish();
}

/* dom0 may say what it has taken, nothing, before there is a process. */
static void what_is_taken_early_ends_nothing(void **state)
{
    char out[64];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                     "\"echo out; echo err >&2\"]}");
    peer_taken(&peer, S1, HX_CH_STDOUT, 0);
    peer_taken(&peer, S1, HX_CH_STDERR, 0);
    assert_int_equal(collect(S1, out, sizeof(out), 2), 0);
    assert_non_null(strstr(out, "out\n"));
    assert_non_null(strstr(out, "err\n"));
    finish();
}

static void exit_codes_are_dockers(void **state)
{
    static const struct {
        const char *request;
        int code;
        unsigned outs;
    } cases[] = {
        { "{\"container\":0,\"args\":[\"sh\",\"-c\",\"exit 7\"]}", 7, 2 },
        { "{\"container\":0,\"args\":[\"no-such\"]}", 127, 0 },
        { "{\"container\":0,\"args\":[\"/etc\"]}", 126, 0 },
        { "{\"container\":0,\"args\":[\"text\"]}", 126, 0 },
        { "{\"container\":0,\"args\":[\"sh\"],\"user\":\"nobody-here\"}", 125,
          0 },
        { "{\"container\":0,\"args\":[\"sh\"],\"cwd\":\"/no/such\"}", 125, 0 },
        { "{\"container\":3,\"args\":[\"sh\"]}", 125, 0 },
        { "{\"container\":0,\"args\":[]}", 125, 0 },
        { "{", 125, 0 },
        { "{\"container\":0,\"args\":[\"sh\",\"-c\",\"kill -9 $$\"]}", 137, 2 },
        { "{\"vm\":true,\"args\":[\"no-such\"]}", 127, 0 },
    };
    char out[8192];

    NEED(state);
    begin(SLEEP);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code = run(cases[i].request, out, sizeof(out), cases[i].outs);

        if (code != cases[i].code)
            fail_msg("%s: %d, not %d: %s", cases[i].request, code,
                     cases[i].code, (char *)peer.payload);
        /* Who did not start tells why. */
        assert_int_equal(peer.frame.payload == 0, cases[i].outs > 0);
    }
    finish();
}

static void users_and_power_are_as_asked(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    assert_int_equal(run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"id -u; "
                         "pwd; grep CapEff /proc/self/status\"],"
                         "\"user\":\"bob\",\"cwd\":\"/home/bob\"}",
                         out, sizeof(out), 2),
                     0);
    assert_string_equal(out, "1000\n/home/bob\nCapEff:\t0000000000000000\n");
    assert_int_equal(run("{\"container\":0,\"privileged\":true,\"args\":[\"sh\""
                         ",\"-c\",\"mount -t tmpfs x /home && echo yes\"]}",
                         out, sizeof(out), 2),
                     0);
    assert_string_equal(out, "yes\n");
    finish();
}

/* All of the domain, with the image's programs; and what is mounted there
 * reaches no one else. */
static void with_vm_all_of_the_domain_is_seen(void **state)
{
    char request[512], out[8192];

    NEED(state);
    begin(SLEEP);
    snprintf(request, sizeof(request),
             "{\"vm\":true,\"args\":[\"sh\",\"-c\",\"test -d /proc/%d && "
             "echo sees; pwd; grep bob /etc/passwd; test -c /dev/null && "
             "test -d /sys/kernel && test -x /bin/text && "
             "mount -t tmpfs x /home && ls /home && echo mounted; "
             "grep Seccomp: /proc/self/status\"]}",
             (int)pod);
    assert_int_equal(run(request, out, sizeof(out), 2), 0);
    assert_string_equal(out, "sees\n/\nbob:x:1000:1000::/home/bob:\nmounted\n"
                             "Seccomp:\t0\n");
    assert_int_equal(run("{\"container\":0,\"args\":[\"ls\",\"/home\"]}", out,
                         sizeof(out), 2),
                     0);
    assert_string_equal(out, "bob\n");
    assert_int_equal(run("{\"vm\":true,\"tty\":true,\"args\":[\"tty\"]}", out,
                         sizeof(out), 1),
                     0);
    assert_string_equal(out, "/dev/pts/0\r\n");
    finish();
}

static void with_vm_the_container_may_have_ended(void **state)
{
    char out[8192];

    NEED(state);
    begin(POD("\"tty\":false,", "exit 3"));
    peer_taken(&peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&peer, 0, HX_CH_STDERR, 0);
    assert_int_equal(collect(0, out, sizeof(out), 2), 3);
    assert_int_equal(run("{\"vm\":true,\"args\":[\"sh\",\"-c\",\"id -u\"]}",
                         out, sizeof(out), 2),
                     0);
    assert_string_equal(out, "0\n");
    finish();
}

static void stdin_ends_and_bytes_are_bytes(void **state)
{
    static uint8_t data[300000], got[sizeof(data)];
    uint64_t sent = 0, window = 0;
    size_t have = 0;
    bool ended = false;

    NEED(state);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"cat\"],\"stdin\":true}");
    await(HX_CH_OPENED, S1);
    assert_true(peer.frame.value > 1);
    while (!ended) {
        struct hx_ch_frame frame;

        while (!peer_next(&peer))
            assert_true(peer_read(&peer));
        frame = peer.frame;
        if (frame.type == HX_CH_TAKEN)
            window = (frame.value & ~HX_CH_TAKEN_END) + HX_CH_WINDOW;
        else if (frame.type == HX_CH_DATA) {
            assert_int_equal(frame.value, have);
            memcpy(got + have, peer.payload, frame.payload);
            have += frame.payload;
            peer_taken(&peer, S1, frame.stream, have);
        }
        ended = frame.type == HX_CH_ENDED;
        while (sent < sizeof(data) && sent + 10000 <= window) {
            say(HX_CH_DATA, S1, sent, data + sent, 10000);
            sent += 10000;
            if (sent == sizeof(data))
                say(HX_CH_END, S1, sent, NULL, 0);
        }
    }
    assert_int_equal(peer.frame.value, 0);
    assert_int_equal(have, sizeof(data));
    assert_memory_equal(got, data, sizeof(data));
    finish();
}

static void a_terminal_has_a_size_and_an_end(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"tty; "
                     "echo $TERM; stty size; read a; stty size; cat; "
                     "echo over\"],\"tty\":true,\"stdin\":true,\"rows\":30,"
                     "\"columns\":100}");
    await(HX_CH_OPENED, S1);
    say(HX_CH_RESIZE, S1, 50 << 16 | 132, NULL, 0);
    say(HX_CH_DATA, S1, 0, "go\nlast", 7);
    say(HX_CH_END, S1, 7, NULL, 0);
    assert_int_equal(collect(S1, out, sizeof(out), 1), 0);
    /* What is typed is echoed, perhaps between these lines. */
    assert_non_null(strstr(out, "/dev/pts/0\r\n"));
    assert_non_null(strstr(out, "xterm\r\n"));
    assert_non_null(strstr(out, "50 132\r\n"));
    assert_non_null(strstr(out, "over\r\n"));
    finish();
}

static void signals_reach_the_group(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"trap 'echo "
                     "one; exit 5' TERM; echo up; while :; do sleep 0.05; "
                     "done\"]}");
    await(HX_CH_DATA, S1);
    peer_taken(&peer, S1, HX_CH_STDOUT, 3);
    say(HX_CH_SIGNAL, S1, 15, NULL, 0);
    assert_int_equal(collect(S1, out, sizeof(out), 2), 5);
    assert_string_equal(out, "one\n");
    open_session(S2, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                     "\"sleep 50; echo never\"]}");
    await(HX_CH_OPENED, S2);
    peer_send(&peer,
              (struct hx_ch_frame){ .type = HX_CH_SIGNAL,
                                    .flags = HX_CH_FLAG_GROUP,
                                    .session = S2,
                                    .value = 9 },
              NULL);
    assert_int_equal(collect(S2, out, sizeof(out), 2), 137);
    assert_string_equal(out, "");
    finish();
}

static void a_containers_end_ends_its_execs(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    await(HX_CH_OPENED, S1);
    say(HX_CH_SIGNAL, 0, 9, NULL, 0);
    assert_int_equal(collect(S1, out, sizeof(out), 2), 137);
    assert_int_equal(
        run("{\"container\":0,\"args\":[\"sh\"]}", out, sizeof(out), 0), 125);
    assert_non_null(strstr((char *)peer.payload, "container c does not run"));
    finish();
}

static void sessions_are_bounded(void **state)
{
    NEED(state);
    begin(SLEEP);
    for (unsigned i = 0; i <= HX_CH_SESSIONS_MAX; i++)
        open_session(S1 + i, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    await(HX_CH_ENDED, S1 + HX_CH_SESSIONS_MAX);
    assert_int_equal(peer.frame.value, 125);
    say(HX_CH_CLOSE, S1, 0, NULL, 0);
    open_session(S2, "{\"container\":0,\"args\":[\"sleep\",\"50\"]}");
    await(HX_CH_OPENED, S2);
    finish();
}

static void a_long_request_comes_in_pieces(void **state)
{
    static char value[40000], json[41000];
    char out[64];
    size_t len, at;

    NEED(state);
    memset(value, 'v', sizeof(value) - 1);
    snprintf(json, sizeof(json),
             "{\"container\":0,\"args\":[\"sh\",\"-c\",\"echo ${#LONG}\"],"
             "\"env\":[\"LONG=%s\"]}",
             value);
    len = strlen(json);
    begin(SLEEP);
    for (at = 0; at < len; at += 16000) {
        size_t n = len - at < 16000 ? len - at : 16000;

        peer_send(
            &peer,
            (struct hx_ch_frame){ .type = HX_CH_OPEN,
                                  .session = S1,
                                  .flags = at + n < len ? HX_CH_FLAG_MORE : 0,
                                  .payload = (uint32_t)n },
            json + at);
    }
    assert_int_equal(collect(S1, out, sizeof(out), 2), 0);
    assert_string_equal(out, "39999\n");
    finish();
}

/* -- connections -------------------------------------------------------------
 */

/* Every line once, though the connection ends after each few frames. */
static void a_new_connection_goes_on_where_it_was(void **state)
{
    static char all[400000];
    char line[16], *at = all;
    uint64_t taken = 0;
    bool ended = false;

    NEED(state);
    begin(POD("\"tty\":false,", "seq 1 30000; exit 3"));
    for (unsigned turn = 0; !ended; turn++) {
        unsigned frames = 0;

        if (turn > 0)
            join();
        peer_taken(&peer, 0, HX_CH_STDERR, 0);
        peer_taken(&peer, 0, HX_CH_STDOUT, taken);
        while (!ended && frames++ < 4) {
            await(HX_CH_DATA, 0);
            assert_int_equal(peer.frame.value, taken);
            memcpy(all + taken, peer.payload, peer.frame.payload);
            taken += peer.frame.payload;
            /* Every second one is told; the others are known from the log. */
            if (frames % 2)
                peer_taken(&peer, 0, HX_CH_STDOUT, taken);
            ended = taken >= 6 && !memcmp(all + taken - 6, "30000\n", 6);
        }
    }
    peer_taken(&peer, 0, HX_CH_STDOUT, taken);
    await(HX_CH_ENDED, 0);
    assert_int_equal(peer.frame.value, 3);
    for (int i = 1; i <= 30000; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        assert_int_equal(strncmp(at, line, strlen(line)), 0);
        at += strlen(line);
    }
    assert_int_equal(at - all, taken);
    finish();
}

static void an_exec_is_resumed_or_gone(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\",\"echo one; "
                     "read a; echo $a; exit 6\"],\"stdin\":true}");
    await(HX_CH_DATA, S1);
    join();
    say(HX_CH_RESUME, S2, 0, NULL, 0);
    await(HX_CH_GONE, S2);
    say(HX_CH_RESUME, S1, 0, NULL, 0);
    await(HX_CH_OPENED, S1);
    peer_taken(&peer, S1, HX_CH_STDOUT, 0);
    peer_taken(&peer, S1, HX_CH_STDERR, 0);
    say(HX_CH_DATA, S1, 0, "two\n", 4);
    assert_int_equal(collect(S1, out, sizeof(out), 2), 6);
    assert_string_equal(out, "one\ntwo\n");
    say(HX_CH_CLOSE, S1, 0, NULL, 0);
    say(HX_CH_RESUME, S1, 0, NULL, 0);
    await(HX_CH_GONE, S1);
    finish();
}

static void who_is_closed_goes_on(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                     "\"read a; seq 1 40000 && touch /done\"],"
                     "\"stdin\":true}");
    await(HX_CH_OPENED, S1);
    say(HX_CH_CLOSE, S1, 0, NULL, 0);
    assert_int_equal(run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"until "
                         "test -e /done; do sleep 0.05; done\"]}",
                         out, sizeof(out), 2),
                     0);
    finish();
}

static void a_stalled_reader_blocks_no_other(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    open_session(S1, "{\"container\":0,\"args\":[\"sh\",\"-c\","
                     "\"while :; do echo loud; done\"]}");
    await(HX_CH_DATA, S1);
    assert_int_equal(run("{\"container\":0,\"args\":[\"echo\",\"soft\"]}", out,
                         sizeof(out), 2),
                     0);
    assert_string_equal(out, "soft\n");
    finish();
}

static void a_container_has_a_stdin(void **state)
{
    char out[8192];

    NEED(state);
    begin(POD("\"stdin\":true,\"tty\":false,", "cat; exit 8"));
    await(HX_CH_TAKEN, 0);
    peer_taken(&peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&peer, 0, HX_CH_STDERR, 0);
    say(HX_CH_DATA, 0, 0, "given\n", 6);
    say(HX_CH_END, 0, 6, NULL, 0);
    assert_int_equal(collect(0, out, sizeof(out), 2), 8);
    assert_string_equal(out, "given\n");
    finish();
}

static void a_detached_exec_says_nothing(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    assert_int_equal(run("{\"container\":0,\"detach\":true,\"args\":[\"sh\","
                         "\"-c\",\"echo quiet; exit 3\"]}",
                         out, sizeof(out), 0),
                     3);
    assert_string_equal(out, "");
    assert_int_equal(run("{\"container\":0,\"detach\":true,\"tty\":true,"
                         "\"args\":[\"sh\",\"-c\",\"tty && exit 4\"]}",
                         out, sizeof(out), 0),
                     4);
    assert_string_equal(out, "");
    finish();
}

/* -- what pv-init does itself ------------------------------------------------
 */

static void sh(const char *script, const char *expected)
{
    char out[8192], request[512];

    snprintf(request, sizeof(request),
             "{\"container\":0,\"args\":[\"sh\",\"-c\",\"%s\"]}", script);
    assert_int_equal(run(request, out, sizeof(out), 2), 0);
    assert_string_equal(out, expected);
}

/* Out of the container, and into it again under another name. */
static void files_go_both_ways(void **state)
{
    static char tar[16384], out[8192];

    NEED(state);
    begin(SLEEP);
    sh("mkdir /d && echo text >/d/f && chown 7:8 /d/f && ln -s /d/f /l", "");
    assert_int_equal(
        run("{\"container\":0,\"get\":\"/d\"}", tar, sizeof(tar), 2), 0);
    assert_non_null(memmem(tar, sizeof(tar), "text\n", 5));

    open_session(S1, "{\"container\":0,\"put\":\"/new\",\"top\":\"d\","
                     "\"stdin\":true,\"keep_owner\":true}");
    await(HX_CH_OPENED, S1);
    say(HX_CH_DATA, S1, 0, tar, 8192);
    say(HX_CH_END, S1, 8192, NULL, 0);
    assert_int_equal(collect(S1, out, sizeof(out), 2), 0);
    assert_string_equal(out, "");
    sh("cat /new/f; stat -c %u:%g /new/f", "text\n7:8\n");
    finish();
}

static void what_cannot_be_done_is_told(void **state)
{
    static const struct {
        const char *request, *words;
        int code;
        unsigned outs;
    } cases[] = {
        { "{\"container\":0,\"get\":\"/no\"}", "/no: No such file", 1, 2 },
        { "{\"container\":0,\"put\":\"/no/way\",\"top\":\"f\","
          "\"stdin\":true}",
          "the tar ends too early", 1, 2 },
        { "{\"container\":0,\"put\":\"/no\",\"stdin\":true}",
          "/no is no folder", 1, 2 },
        { "{\"container\":0,\"get\":\"no\"}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"put\":\"/x\"}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"tty\":true}", NULL, 125, 0 },
        { "{\"container\":0,\"get\":\"/x\",\"args\":[\"sh\"]}", NULL, 125, 0 },
        { "{\"container\":0,\"put\":\"/x\"}", NULL, 125, 0 },
        { "{\"vm\":true,\"processes\":true}", NULL, 125, 0 },
        { "{\"container\":5,\"get\":\"/\"}", NULL, 125, 0 },
    };
    char out[8192];

    NEED(state);
    begin(SLEEP);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code;

        open_session(S1 + i, cases[i].request);
        if (strstr(cases[i].request, "stdin")) {
            await(HX_CH_OPENED, S1 + i);
            say(HX_CH_END, S1 + i, 0, NULL, 0);
        }
        code = collect(S1 + i, out, sizeof(out), cases[i].outs);
        if (code != cases[i].code)
            fail_msg("%s: %d, %s", cases[i].request, code, out);
        if (cases[i].words && !strstr(out, cases[i].words))
            fail_msg("%s: %s", cases[i].request, out);
        say(HX_CH_CLOSE, S1 + i, 0, NULL, 0);
    }
    finish();
}

/* Links that lead out of the container lead nowhere else. */
static void links_stay_in_the_container(void **state)
{
    static char tar[16384];

    NEED(state);
    begin(SLEEP);
    sh("mkdir /d && ln -s /../../../proc/1/root/d /l && echo in >/d/f", "");
    assert_int_equal(
        run("{\"container\":0,\"get\":\"/l/f\"}", tar, sizeof(tar), 2), 0);
    assert_non_null(memmem(tar, sizeof(tar), "in\n", 3));
    finish();
}

static void processes_are_listed(void **state)
{
    char out[8192];

    NEED(state);
    begin(SLEEP);
    if (access(HX_INIT_CGROUP "/cgroup.procs", F_OK) < 0) {
        finish();
        skip();
    }
    assert_int_equal(
        run("{\"container\":0,\"processes\":true}", out, sizeof(out), 2), 0);
    assert_ptr_equal(strstr(out, "1\t0\t0\t"), out);
    assert_non_null(strstr(out, "\tsleep 50\n"));
    finish();
}

static void stats_are_read_from_the_kernels_texts(void **state)
{
    uint64_t in, out;

    (void)state;
    assert_int_equal(hx_init_stats_named("anon 1\nfile 22\n", "file"), 22);
    assert_int_equal(hx_init_stats_named("low 0\noom_kill 3\n", "oom_kill"), 3);
    assert_true(hx_init_stats_named("xfile 1\n", "file") == UINT64_MAX);
    assert_int_equal(hx_init_stats_sum("202:0 rbytes=5 wbytes=6 rios=1\n"
                                       "202:16 rbytes=7 wbytes=1\n",
                                       "rbytes"),
                     12);
    hx_init_stats_net("Inter-|   Receive  |  Transmit\n"
                      " face |bytes    packets\n"
                      "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
                      "  eth0: 7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n"
                      "  eth1:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n",
                      &in, &out);
    assert_int_equal(in, 8);
    assert_int_equal(out, 11);
}

/* -- health ------------------------------------------------------------------
 */

/* A pod whose probe is `script`; each 50 ms. */
#define PROBED(script, timeout, retries)                                       \
    POD("\"tty\":false,\"health\":{\"args\":[\"sh\",\"-c\",\"" script          \
        "\"],\"interval_ms\":50,\"timeout_ms\":" timeout                       \
        ",\"start_period_ms\":0,\"retries\":" retries "},",                    \
        "echo up; exec sleep 50")

/* The next report, and what the probe has said. */
static struct hx_ch_health next_report(const char **output)
{
    const struct hx_ch_frame *frame = await(HX_CH_HEALTH, 0);
    struct hx_ch_health health;

    assert_int_equal(hx_ch_health_decode(peer.payload, frame->payload, &health),
                     0);
    assert_true(health.end_ns >= health.start_ns);
    *output = (const char *)peer.payload + HX_CH_HEALTH_BYTES;
    return health;
}

static void a_probe_runs_beside_the_container(void **state)
{
    struct hx_ch_health health;
    const char *output;
    uint64_t number;
    char out[64];

    NEED(state);
    begin(PROBED("cat /proc/1/comm; echo $A >&2; test ! -e /ill", "5000", "2"));
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_HEALTHY);
    assert_int_equal(health.exit_code, 0);
    assert_non_null(strstr(output, "sleep\n"));
    assert_non_null(strstr(output, "1\n"));
    assert_int_equal(run("{\"container\":0,\"args\":[\"sh\",\"-c\","
                         "\"> /ill\"]}",
                         out, sizeof(out), 2),
                     0);
    do
        health = next_report(&output);
    while (health.streak < 2);
    assert_int_equal(health.status, HX_CH_HEALTH_UNHEALTHY);
    assert_int_equal(health.exit_code, 1);
    number = peer.frame.value;
    /* Who comes next is told again. */
    join();
    next_report(&output);
    assert_true(peer.frame.value >= number);
    assert_int_equal(
        run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"rm /ill\"]}", out,
            sizeof(out), 2),
        0);
    do
        health = next_report(&output);
    while (health.status != HX_CH_HEALTH_HEALTHY);
    assert_int_equal(health.streak, 0);
    finish();
}

/* With all of its process group; and the next one comes. */
static void a_probe_that_takes_too_long_is_killed(void **state)
{
    struct hx_ch_health health;
    const char *output;
    char out[8192];

    NEED(state);
    begin(PROBED("echo words; sleep 47 & sleep 48", "300", "2"));
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_STARTING);
    assert_int_equal(health.exit_code, HX_CH_HEALTH_NO_CODE);
    assert_string_equal(output, "Health check exceeded timeout (300ms)");
    health = next_report(&output);
    assert_int_equal(health.status, HX_CH_HEALTH_UNHEALTHY);
    assert_int_equal(health.streak, 2);
    assert_true(health.end_ns - health.start_ns >= 300000000u);
    /* At most those of the one that runs now. */
    assert_int_equal(run("{\"container\":0,\"args\":[\"sh\",\"-c\",\"cat "
                         "/proc/[0-9]*/cmdline | tr '\\\\000' ' '\"]}",
                         out, sizeof(out), 2),
                     0);
    output = strstr(out, "sleep 47");
    assert_true(!output || !strstr(output + 1, "sleep 47"));
    finish();
}

static void a_probe_that_cannot_run_has_failed(void **state)
{
    struct hx_ch_health health;
    const char *output;

    NEED(state);
    begin(POD("\"tty\":false,\"health\":{\"args\":[\"no-such\"],"
              "\"interval_ms\":50,\"timeout_ms\":5000,"
              "\"start_period_ms\":60000,\"retries\":1},",
              "exec sleep 50"));
    health = next_report(&output);
    assert_int_equal(health.exit_code, HX_CH_HEALTH_NO_CODE);
    assert_non_null(strstr(output, "executable file not found"));
    /* In the start period. */
    assert_int_equal(health.status, HX_CH_HEALTH_STARTING);
    assert_int_equal(health.streak, 0);
    finish();
}

static void a_loud_probe_is_cut(void **state)
{
    struct hx_ch_health health;
    const char *output;

    NEED(state);
    begin(PROBED("head -c 1000000 /dev/zero | tr '\\\\000' x", "20000", "1"));
    health = next_report(&output);
    assert_int_equal(health.exit_code, 0);
    assert_int_equal(strlen(output), HX_CH_HEALTH_OUTPUT_MAX);
    assert_string_equal(output + HX_CH_HEALTH_OUTPUT_MAX - 4, "x...");
    finish();
}

/* No probes of what does not run. */
static void probes_end_with_the_container(void **state)
{
    struct pollfd readable = { .events = POLLIN };
    const char *output;

    NEED(state);
    begin(PROBED("true", "5000", "1"));
    next_report(&output);
    peer_taken(&peer, 0, HX_CH_STDOUT, 0);
    peer_taken(&peer, 0, HX_CH_STDERR, 0);
    say(HX_CH_SIGNAL, 0, SIGKILL, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        await(HX_CH_END, 0);
        peer_taken(&peer, 0, peer.frame.stream,
                   peer.frame.value | HX_CH_TAKEN_END);
    }
    await(HX_CH_ENDED, 0);
    readable.fd = peer.fd;
    while (peer_next(&peer))
        assert_int_not_equal(peer.frame.type, HX_CH_HEALTH);
    assert_int_equal(poll(&readable, 1, 500), 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exec_is_in_its_container),
        cmocka_unit_test(what_is_taken_early_ends_nothing),
        cmocka_unit_test(exit_codes_are_dockers),
        cmocka_unit_test(users_and_power_are_as_asked),
        cmocka_unit_test(with_vm_all_of_the_domain_is_seen),
        cmocka_unit_test(with_vm_the_container_may_have_ended),
        cmocka_unit_test(stdin_ends_and_bytes_are_bytes),
        cmocka_unit_test(a_terminal_has_a_size_and_an_end),
        cmocka_unit_test(signals_reach_the_group),
        cmocka_unit_test(a_containers_end_ends_its_execs),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(a_long_request_comes_in_pieces),
        cmocka_unit_test(a_new_connection_goes_on_where_it_was),
        cmocka_unit_test(an_exec_is_resumed_or_gone),
        cmocka_unit_test(who_is_closed_goes_on),
        cmocka_unit_test(a_stalled_reader_blocks_no_other),
        cmocka_unit_test(a_container_has_a_stdin),
        cmocka_unit_test(a_detached_exec_says_nothing),
        cmocka_unit_test(files_go_both_ways),
        cmocka_unit_test(what_cannot_be_done_is_told),
        cmocka_unit_test(links_stay_in_the_container),
        cmocka_unit_test(processes_are_listed),
        cmocka_unit_test(stats_are_read_from_the_kernels_texts),
        cmocka_unit_test(a_probe_runs_beside_the_container),
        cmocka_unit_test(a_probe_that_takes_too_long_is_killed),
        cmocka_unit_test(a_probe_that_cannot_run_has_failed),
        cmocka_unit_test(a_loud_probe_is_cut),
        cmocka_unit_test(probes_end_with_the_container),
    };

    return cmocka_run_group_tests(tests, ramdisk_setup, NULL);
}
