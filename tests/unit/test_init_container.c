/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole pods without a domain: real processes in real namespaces, supervised
 * by pv-init's own loop.  A tmpfs stands for the ramdisk and for the root
 * disks; xenstore and the control channel's other end are a process of the
 * test.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "pv-init/supervise.h"
#include "tests/unit/channel_peer.h"
#include "tests/unit/ramdisk.h"

/* What a pod left: its exit codes, its output, and the rest of the nodes. */
struct outcome {
    int code[HX_ABI_CONTAINERS_MAX];
    char output[65536];
    char error[HX_ABI_VALUE_MAX];
    char state[32], ack[32];
    unsigned elapsed_ms;
};

/* -- xenstore ----------------------------------------------------------------
 */

static void reply(int fd, uint32_t type, uint32_t id, const char *text,
                  size_t len)
{
    struct xsd_sockmsg head = { type, id, 0, (uint32_t)len };
    char buf[256];

    memcpy(buf, &head, sizeof(head));
    memcpy(buf + sizeof(head), text, len);
    if (write(fd, buf, sizeof(head) + len) < 0)
        _exit(1);
}

static bool read_all(int fd, void *buf, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = read(fd, (char *)buf + at, len - at);

        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* One request of pv-init's; false when it has closed. */
static bool serve(int fd, const char *request, bool *running, FILE *log)
{
    struct xsd_sockmsg head;
    char body[4097];

    if (!read_all(fd, &head, sizeof(head)) || head.len >= sizeof(body) ||
        !read_all(fd, body, head.len))
        return false;
    body[head.len] = '\0';
    if (head.type == XS_WRITE) {
        const char *value = body + strlen(body) + 1;

        fprintf(log, "%s=%s\n", body, value);
        *running = *running || strcmp(value, "running") == 0;
        reply(fd, XS_WRITE, head.req_id, "OK", 3);
        /* A watch may fire again for what was there before. */
        if (strcmp(body, "data/hyper/ack") == 0)
            reply(fd, XS_WATCH_EVENT, 0, "hyper/request\0hyper", 20);
    } else if (head.type == XS_WATCH) {
        reply(fd, XS_WATCH, head.req_id, "OK", 3);
    } else if (head.type == XS_READ && request) {
        reply(fd, XS_READ, head.req_id, request, strlen(request));
    } else {
        reply(fd, XS_ERROR, head.req_id, "ENOENT", 7);
    }
    return true;
}

/* Not 0: nobody takes the output, and that is waited for so long. */
static int untaken_ms;

/* Takes all that the containers say; true when they said anything. */
static bool take_output(struct peer *peer, FILE *output)
{
    bool said = false;

    while (peer_next(peer)) {
        const struct hx_ch_frame *frame = &peer->frame;

        if (frame->type == HX_CH_DATA) {
            said = true;
            fwrite(peer->payload, 1, frame->payload, output);
            peer_taken(peer, frame->session, frame->stream,
                       frame->value + frame->payload);
        } else if (frame->type == HX_CH_END) {
            peer_taken(peer, frame->session, frame->stream,
                       frame->value | HX_CH_TAKEN_END);
        }
    }
    return said;
}

/*
 * xenstored and the pod's monitor, until pv-init closes both.  Each write
 * becomes a line of the log.  The request appears when the pod runs, one that
 * begins with '!' when it has said something, too: then its traps are set.
 */
static void be_dom0(int store, int channel, const char *request, FILE *log,
                    FILE *output)
{
    static struct peer peer;
    struct pollfd fds[2] = { { .fd = store, .events = POLLIN },
                             { .fd = channel, .events = POLLIN } };
    bool running = false, said = !request || request[0] != '!', sent = false;
    const char *shown = request && request[0] == '!' ? request + 1 : request;

    peer.fd = channel;
    if (untaken_ms) {
        fds[1].fd = -1;
    } else {
        peer_hello(&peer);
        for (unsigned i = 0; i < HX_ABI_CONTAINERS_MAX; i++) {
            peer_taken(&peer, i, HX_CH_STDOUT, 0);
            peer_taken(&peer, i, HX_CH_STDERR, 0);
        }
    }
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        poll(fds, 2, -1);
        if (fds[0].revents && !serve(store, sent ? shown : NULL, &running, log))
            fds[0].fd = -1;
        if (fds[1].revents) {
            if (!peer_read(&peer))
                fds[1].fd = -1;
            said = take_output(&peer, output) || said;
        }
        if (request && running && said && !sent) {
            sent = true;
            reply(store, XS_WATCH_EVENT, 0, "hyper/request\0hyper", 20);
        }
    }
    fflush(log);
    fflush(output);
    _exit(0);
}

/* What a test does to the roots of its pod: a shell command, run in each. */
static const char *spoil;

static void run_pod(const char *json, int channel, int store)
{
    static struct hx_init_pod pod = { .signals = -1 };
    struct hx_init_err err;

    if (hx_init_config_parse(json, strlen(json), &pod.config, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        _exit(91);
    }
    ramdisk_enter(pod.config.container_count, spoil);
    ramdisk_must(sethostname("web", 3), "hostname");
    hx_init_control_init(&pod.control);
    hx_init_control_attach(&pod.control, channel);
    pod.untaken_ms = untaken_ms;
    hx_init_xs_init(&pod.xs, store);
    pod.report.xs = &pod.xs;
    ramdisk_must(hx_init_supervise_signals(&pod, &err), err.msg);
    hx_init_supervise_run(&pod);
    hx_init_report_state(&pod.report, "exited");
    hx_init_report_close(&pod.report);
    _exit(0);
}

/* -- the test's side ----------------------------------------------------------
 */

static void read_log(FILE *log, struct outcome *out)
{
    char line[2048];

    for (int i = 0; i < HX_ABI_CONTAINERS_MAX; i++)
        out->code[i] = -1;
    rewind(log);
    while (fgets(line, sizeof(line), log)) {
        unsigned index;
        int code;

        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "data/hyper/exit/%u=%d", &index, &code) == 2)
            out->code[index] = code;
        else if (strncmp(line, "data/hyper/error=", 17) == 0)
            snprintf(out->error, sizeof(out->error), "%.1023s", line + 17);
        else if (strncmp(line, "data/hyper/state=", 17) == 0)
            snprintf(out->state, sizeof(out->state), "%.31s", line + 17);
        else if (strncmp(line, "data/hyper/ack=", 15) == 0)
            snprintf(out->ack, sizeof(out->ack), "%.31s", line + 15);
    }
}

static void supervise(const char *json, const char *request,
                      struct outcome *out)
{
    FILE *log = tmpfile(), *output = tmpfile();
    uint64_t start_us = hx_init_now_us();
    int link[2], channel[2], status;
    pid_t dom0, pod;

    memset(out, 0, sizeof(*out));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, link), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
    dom0 = fork();
    if (dom0 == 0) {
        close(link[0]);
        close(channel[0]);
        be_dom0(link[1], channel[1], request, log, output);
    }
    close(link[1]);
    close(channel[1]);
    fcntl(link[0], F_SETFL, O_NONBLOCK);
    pod = fork();
    if (pod == 0) {
        alarm(60);
        run_pod(json, channel[0], link[0]);
    }
    close(link[0]);
    close(channel[0]);
    waitpid(pod, &status, 0);
    waitpid(dom0, NULL, 0);
    assert_int_equal(status, 0);
    read_log(log, out);
    rewind(output);
    out->output[fread(out->output, 1, sizeof(out->output) - 1, output)] = 0;
    out->elapsed_ms = (unsigned)((hx_init_now_us() - start_us) / 1000);
    fclose(log);
    fclose(output);
    assert_string_equal(out->state, "exited");
    if (out->error[0])
        printf("error: %s\n", out->error);
}

/* One container of a configuration; `more` are fields that override none. */
#define CONTAINER(name, more)                                                  \
    "{\"name\":\"" name "\",\"root\":{\"device\":\"xvda\",\"fstype\":\"x\"},"  \
    "\"stop_timeout_ms\":300," more "}"
#define PLAIN(name, user, cwd, args)                                           \
    CONTAINER(name,                                                            \
              "\"writable\":\"tmpfs\",\"user\":\"" user "\",\"cwd\":\"" cwd    \
              "\",\"env\":[\"PATH=/bin\"],\"stop_signal\":15,"                 \
              "\"tty\":false,\"args\":" args)
#define SHELL(script) "[\"sh\",\"-c\",\"" script "\"]"
#define POD(containers)                                                        \
    "{\"abi\":2,\"hostname\":\"web\",\"containers\":[" containers "]}"

static void exit_codes_are_dockers(void **state)
{
    static const int want[] = { 42,  0,   127, 127, 126, 126,
                                126, 127, 125, 125, 139, 127 };
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c0", "",
                        "/", SHELL("exit 42")) "," PLAIN("c1", "",
                                                         "/", SHELL("exit 0")) "," PLAIN("c2", "", "/", "[\"no-such\"]") "," PLAIN("c3", "", "/", "[\"/no/such\"]") "," PLAIN("c4", "", "/", "[\"/etc\"]") "," PLAIN("c5", "", "/", "[\"/bin/closed\"]") "," PLAIN("c6", "", "/", "[\"text\"]") "," PLAIN("c7", "", "/", "[\"lost\"]") "," PLAIN("c8",
                                                                                                                                                                                                                                                                                                                                                 "nobody-here", "/", "[\"sh\"]") "," PLAIN("c9",
                                                                                                                                                                                                                                                                                                                                                                                           "",
                                                                                                                                                                                                                                                                                                                                                                                           "/etc/passwd/x", "[\"sh\"]") "," PLAIN("c10",
                                                                                                                                                                                                                                                                                                                                                                                                                                  "",
                                                                                                                                                                                                                                                                                                                                                                                                                                  "/",
                                                                                                                                                                                                                                                                                                                                                                                                                                  SHELL(
                                                                                                                                                                                                                                                                                                                                                                                                                                      "exit 139")) "," PLAIN("c11",
                                                                                                                                                                                                                                                                                                                                                                                                                                                             "",
                                                                                                                                                                                                                                                                                                                                                                                                                                                             "/",
                                                                                                                                                                                                                                                                                                                                                                                                                                                             "[\"\"]")),
              NULL, &out);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        if (out.code[i] != want[i])
            fail_msg("container c%zu: %d, not %d", i, out.code[i], want[i]);
    }
    assert_string_equal(out.error, "starting container c2: exec: \"no-such\": "
                                   "executable file not found in $PATH");
}

static void a_process_is_as_docker_starts_it(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(
        POD(PLAIN("c", "bob", "/made/for/it",
                  SHELL("id; pwd; echo $HOME $HOSTNAME $PATH; hostname; "
                        "echo $$; cat /proc/1/comm; echo e >/dev/stderr; "
                        "echo by-name >/dev/stdout; "
                        "grep -E 'CapBnd|CapEff|NoNewPrivs|SigBlk|SigIgn' "
                        "/proc/self/status; readlink /dev/stdin; "
                        "cat /etc/hostname; touch /x 2>&1; tty"))),
        NULL, &out);
    assert_non_null(strstr(out.output, "uid=1000(bob) gid=1000(bob) "
                                       "groups=44(video),1000(bob)\n"
                                       "/made/for/it\n"
                                       "/home/bob web /bin\nweb\n1\nsh\n"));
    /* 32 and 33 are the C library's own; below make they are ignored. */
    assert_non_null(strstr(out.output, "SigBlk:\t0000000000000000\n"
                                       "SigIgn:\t0000000"));
    assert_non_null(strstr(out.output, "0000000\n"
                                       "CapEff:\t0000000000000000\n"
                                       "CapBnd:\t00000000a80425fb\n"
                                       "NoNewPrivs:\t0\n"));
    assert_non_null(strstr(out.output, "/proc/self/fd/0\nweb\n"));
    assert_non_null(strstr(out.output, "touch: /x: Permission denied\n"
                                       "not a tty\n"));
    assert_non_null(strstr(out.output, "\nby-name\n"));
    assert_non_null(strstr(out.output, "e\n"));
}

static void root_has_no_power_over_the_pod(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/",
                        SHELL("mknod /n c 1 3 && ! cat /n 2>&1; "
                              "mknod /dev/n c 1 3 && ! cat /dev/n 2>&1; "
                              "cat /dev/null && echo null; "
                              "mount -t tmpfs x /home 2>&1; "
                              "(echo 1 >/proc/sys/kernel/hostname) 2>&1; "
                              "cat /proc/timer_list; "
                              "ls /pod 2>&1; kill -9 1; echo alive"))),
              NULL, &out);
    assert_non_null(strstr(out.output, "can't open '/n': Permission denied"));
    assert_non_null(
        strstr(out.output, "can't open '/dev/n': Permission denied"));
    assert_non_null(strstr(out.output, "null\n"));
    assert_non_null(strstr(out.output, "permission denied"));
    assert_non_null(strstr(out.output, "kernel/hostname: Read-only"));
    assert_non_null(strstr(out.output, "/pod: No such file"));
    assert_non_null(strstr(out.output, "alive\n"));
    assert_int_equal(out.code[0], 0);
}

static void a_privileged_container_has_its_domain(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(CONTAINER(
                  "c", "\"writable\":\"tmpfs\",\"user\":\"\",\"cwd\":\"/\","
                       "\"env\":[\"PATH=/bin\"],\"stop_signal\":15,"
                       "\"tty\":false,\"confine\":{\"privileged\":true,"
                       "\"capabilities\":2199023255551,"
                       "\"sysctls\":[{\"name\":\"kernel/msgmni\","
                       "\"value\":\"123\"}]},\"args\":" SHELL(
                           "mount -t tmpfs x /home && echo mounted; "
                           "mknod /dev/n c 1 3 && cat /dev/n && echo opened; "
                           "test -c /dev/kmsg && echo kmsg; "
                           "cat /proc/sys/kernel/msgmni; "
                           "echo 124 >/proc/sys/kernel/msgmni && echo written; "
                           "grep CapEff /proc/self/status"))),
              NULL, &out);
    assert_non_null(strstr(out.output, "mounted\nopened\nkmsg\n123\n"
                                       "written\nCapEff:\t000001ff"));
    assert_int_equal(out.code[0], 0);
}

/* The filter is in force before the last steps to the exec, and they are
 * among what it lets through. */
static void docker_s_filter_lets_a_container_start(void **state)
{
    const char *build = getenv("HX_BUILD");
    char path[256], program[65536] = "", json[sizeof(program) + 1024];
    FILE *file;

    NEED(state);
    snprintf(path, sizeof(path), "%s/bin/seccomp-default.program",
             build ? build : "build");
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "{\"program\": \"%65535[^\"]", program), 1);
    fclose(file);
    for (int with = 0; with < 2; with++) {
        struct outcome out;

        snprintf(json, sizeof(json),
                 POD(CONTAINER(
                     "c", "\"writable\":\"tmpfs\",\"user\":\"bob\","
                          "\"cwd\":\"/\",\"env\":[\"PATH=/bin\"],"
                          "\"stop_signal\":15,\"tty\":false,"
                          "\"confine\":{\"no_new_privs\":%s,"
                          "\"seccomp\":\"%s\"},\"args\":" SHELL(
                              "grep -E '^(NoNew|Seccomp:)' /proc/self/status; "
                              "mkdir /tmp-x; id -u"))),
                 with ? "true" : "false", program);
        supervise(json, NULL, &out);
        assert_int_equal(out.code[0], 0);
        assert_non_null(
            strstr(out.output, with ? "NoNewPrivs:\t1\n" : "NoNewPrivs:\t0\n"));
        assert_non_null(strstr(out.output, "Seccomp:\t2\n"));
        assert_non_null(strstr(out.output, "\n1000\n"));
    }
}

#define REAPED(user, args)                                                     \
    CONTAINER("c", "\"writable\":\"tmpfs\",\"user\":\"" user                   \
                   "\",\"cwd\":\"/\",\"env\":[\"PATH=/bin\"],"                 \
                   "\"stop_signal\":15,\"tty\":false,"                         \
                   "\"confine\":{\"init\":true},\"args\":" args)

static void a_reaper_may_be_the_first_process(void **state)
{
    struct outcome out;

    NEED(state);
    if (access(RAMDISK_PVINIT, X_OK) < 0)
        skip();
    supervise(POD(REAPED(
                  "", SHELL("cat /proc/1/comm; test $$ != 1 && echo second; "
                            "(sh -c 'exec 2>&- >&-; sleep 0.1' &) ; sleep 0.5; "
                            "grep -l Z /proc/[0-9]*/stat; "
                            "chmod 000 /proc/1/exe 2>&1; exit 42"))),
              NULL, &out);
    assert_non_null(strstr(out.output, "docker-init\nsecond\nchmod: "
                                       "/proc/1/exe: Read-only"));
    assert_int_equal(out.code[0], 42);
    supervise(POD(REAPED("", "[\"no-such\"]")), NULL, &out);
    assert_int_equal(out.code[0], 127);
    assert_non_null(strstr(out.output, "no-such"));
    supervise(
        POD(REAPED("bob", SHELL("trap 'echo asked; exit 7' TERM; echo up; "
                                "while :; do sleep 0.1; done"))),
        "!1 stop 20000", &out);
    assert_int_equal(out.code[0], 7);
    assert_non_null(strstr(out.output, "asked\n"));
}

static void mount_points_are_no_links(void **state)
{
    static const struct {
        const char *spoil, *error;
    } cases[] = {
        { "mkdir x && ln -s x proc", "the image's /proc is a symbolic link" },
        { "ln -s nowhere proc", "the image's /proc is a symbolic link" },
        { "ln -s / sys", "the image's /sys is a symbolic link" },
        { "mkdir x && ln -s /x dev", "the image's /dev is a symbolic link" },
        { "touch proc", "mounting proc on /proc: Not a directory" },
    };
    struct outcome out;

    NEED(state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        spoil = cases[i].spoil;
        supervise(POD(PLAIN("c", "", "/", SHELL("cat /x/timer_list"))), NULL,
                  &out);
        spoil = NULL;
        assert_string_equal(out.output, "");
        assert_non_null(strstr(out.error, cases[i].error));
        assert_int_equal(out.code[0], 125);
    }
}

static void a_read_only_root_has_its_files(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(CONTAINER(
                  "c", "\"writable\":\"none\",\"user\":\"\",\"cwd\":\"/new\","
                       "\"env\":[\"PATH=/bin\"],\"stop_signal\":15,"
                       "\"tty\":false,\"args\":" SHELL(
                           "pwd; touch /x 2>&1; echo more >>/etc/hosts && "
                           "touch /dev/shm/x && cat /etc/hostname"))),
              NULL, &out);
    assert_string_equal(out.output,
                        "/new\ntouch: /x: Read-only file system\nweb\n");
}

static void a_terminal_is_one(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(CONTAINER(
                  "c", "\"writable\":\"tmpfs\",\"user\":\"bob\",\"cwd\":\"/\","
                       "\"env\":[\"PATH=/bin\"],\"stop_signal\":15,"
                       "\"tty\":true,\"args\":" SHELL(
                           "tty; echo $TERM; test -t 2 && echo err; "
                           "echo x >/dev/console; seq 1 3000"))),
              NULL, &out);
    assert_ptr_equal(
        strstr(out.output, "/dev/pts/0\r\nxterm\r\nerr\r\nx\r\n1\r\n"),
        out.output);
    assert_non_null(strstr(out.output, "\r\n2999\r\n3000\r\n"));
}

static void a_terminal_may_be_closed_for_a_while(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(
        POD(CONTAINER("c", "\"writable\":\"tmpfs\",\"user\":\"\",\"cwd\":\"/\","
                           "\"env\":[\"PATH=/bin\"],\"stop_signal\":15,"
                           "\"tty\":true,\"args\":" SHELL(
                               "echo one; exec 0<&- 1>&- 2>&-; sleep 0.3; "
                               "exec 1>/dev/console; echo two"))),
        NULL, &out);
    assert_string_equal(out.output, "one\r\ntwo\r\n");
    assert_int_equal(out.code[0], 0);
}

/* More than is kept for dom0, less than that and the pipe hold together. */
static void a_stopped_pod_waits_for_dom0_for_a_while(void **state)
{
    struct outcome out;

    NEED(state);
    untaken_ms = 300;
    supervise(POD(PLAIN("c", "", "/", SHELL("seq 10000 28000; sleep 50"))),
              "1 stop 200", &out);
    untaken_ms = 0;
    assert_int_equal(out.code[0], 137);
    assert_non_null(strstr(out.error, "dom0 has taken no output"));
    assert_true(out.elapsed_ms >= 500);
    assert_true(out.elapsed_ms < 40000);
}

static void no_output_is_lost(void **state)
{
    struct outcome out;
    char line[16], *at;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/",
                        SHELL("seq 1 8000; (sleep 50; echo late) & exit 3"))),
              NULL, &out);
    at = out.output;
    for (int i = 1; i <= 8000; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        assert_int_equal(strncmp(at, line, strlen(line)), 0);
        at += strlen(line);
    }
    assert_string_equal(at, "");
    assert_int_equal(out.code[0], 3);
    /* What it left behind died with it. */
    assert_true(out.elapsed_ms < 40000);
}

static void a_stop_is_asked_for(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/",
                        SHELL("trap 'echo bye; exit 7' TERM; "
                              "echo up; while :; do sleep 0.05; done"))),
              "!3 stop 30000", &out);
    assert_string_equal(out.output, "up\nbye\n");
    assert_int_equal(out.code[0], 7);
    assert_string_equal(out.ack, "3");
    assert_true(out.elapsed_ms < 25000);
}

static void a_request_is_taken_once(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/",
                        SHELL("trap 'n=x$n' USR1; echo up; "
                              "while test -z $n; do sleep 0.05; done; "
                              "sleep 0.5; echo $n"))),
              "!1 kill 10", &out);
    assert_string_equal(out.output, "up\nx\n");
}

static void who_does_not_stop_is_killed(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/", "[\"sleep\",\"50\"]")), "1 stop 200",
              &out);
    assert_int_equal(out.code[0], 137);
    assert_true(out.elapsed_ms >= 200);
    assert_true(out.elapsed_ms < 40000);
}

static void a_signal_reaches_all(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(
        POD(PLAIN("a", "", "/", "[\"sleep\",\"50\"]") "," PLAIN(
            "b", "", "/",
            SHELL("trap 'exit 9' KILL; sleep 50")) "," PLAIN("c", "", "/",
                                                             "[\"no-such\"]")),
        "1 kill 9", &out);
    assert_int_equal(out.code[0], 137);
    assert_int_equal(out.code[1], 137);
    assert_int_equal(out.code[2], 127);
}

static void nonsense_is_not_acknowledged(void **state)
{
    struct outcome out;

    NEED(state);
    supervise(POD(PLAIN("c", "", "/", "[\"sleep\",\"0.2\"]")), "1 dance 9",
              &out);
    assert_string_equal(out.ack, "");
    assert_int_equal(out.code[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_are_dockers),
        cmocka_unit_test(a_process_is_as_docker_starts_it),
        cmocka_unit_test(root_has_no_power_over_the_pod),
        cmocka_unit_test(a_privileged_container_has_its_domain),
        cmocka_unit_test(docker_s_filter_lets_a_container_start),
        cmocka_unit_test(a_reaper_may_be_the_first_process),
        cmocka_unit_test(mount_points_are_no_links),
        cmocka_unit_test(a_read_only_root_has_its_files),
        cmocka_unit_test(a_terminal_is_one),
        cmocka_unit_test(a_terminal_may_be_closed_for_a_while),
        cmocka_unit_test(a_stopped_pod_waits_for_dom0_for_a_while),
        cmocka_unit_test(no_output_is_lost),
        cmocka_unit_test(a_stop_is_asked_for),
        cmocka_unit_test(a_request_is_taken_once),
        cmocka_unit_test(who_does_not_stop_is_killed),
        cmocka_unit_test(a_signal_reaches_all),
        cmocka_unit_test(nonsense_is_not_acknowledged),
    };

    return cmocka_run_group_tests(tests, ramdisk_setup, NULL);
}
