/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/container.h"
#include "pv-init/process.h"

/* SIGKILL as an exit code: what the kernel does to those without memory. */
#define EXIT_KILLED (128 + SIGKILL)

/* How long an ended pod waits for dom0 to close its execs. */
#define EXECS_TIMEOUT_US 2000000

int hx_init_supervise_signals(struct hx_init_pod *pod, struct hx_init_err *err)
{
    sigset_t taken;

    /* A process that does not read its input any more is no news. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    if (sigprocmask(SIG_BLOCK, &taken, NULL) < 0)
        return hx_init_fail_sys(err, errno, "blocking signals");
    pod->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    if (pod->signals < 0)
        return hx_init_fail_sys(err, errno, "listening for signals");
    return 0;
}

int hx_init_exit_code(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return 128 + WTERMSIG(wait_status);
    return WEXITSTATUS(wait_status);
}

static void report_trouble(struct hx_init_pod *pod,
                           const struct hx_init_err *err)
{
    hx_init_report_error(&pod->report, err->msg);
    if (!pod->trouble.msg[0])
        pod->trouble = *err;
}

/* `why` when it did not come to run, else "". */
static void end_member(struct hx_init_pod *pod, unsigned index, int code,
                       const char *why)
{
    struct hx_init_member *member = &pod->members[index];

    member->state = HX_INIT_MEMBER_DEAD;
    member->kill_at_us = 0;
    hx_init_session_end(&pod->control.sessions.list[index], code, why);
    hx_init_health_end(&pod->control.healths, index);
    hx_init_report_exit(&pod->report, index, code);
}

static void start_member(struct hx_init_pod *pod, unsigned index)
{
    struct hx_init_session *session = &pod->control.sessions.list[index];
    struct hx_init_started started;
    struct hx_init_err err;

    if (hx_init_container_start(&pod->config, index, &started, &err) < 0) {
        report_trouble(pod, &err);
        end_member(pod, index, HX_INIT_EXIT_SETUP, err.msg);
        return;
    }
    if (started.exit_code != 0) {
        report_trouble(pod, &started.why);
        end_member(pod, index, started.exit_code, started.why.msg);
        return;
    }
    pod->members[index].state = HX_INIT_MEMBER_RUNNING;
    session->spec.tty = pod->config.containers[index].tty;
    hx_init_session_start(session, &started);
    if (hx_init_health_begin(&pod->control.healths, &pod->config, index,
                             started.pid, &err) < 0)
        report_trouble(pod, &err);
}

/* -- what happens to the containers ------------------------------------------
 */

static void explain_kill(struct hx_init_pod *pod, unsigned index)
{
    struct hx_init_err err;

    if (hx_init_container_oom_kills(index) <=
        pod->control.sessions.list[index].oom_kills)
        return;
    hx_init_fail(&err,
                 "container %s: the kernel killed it because the domain ran "
                 "out of memory; give the domain more (-m)",
                 pod->config.containers[index].name);
    report_trouble(pod, &err);
}

static void reap(struct hx_init_pod *pod)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        unsigned i;

        for (i = 0; i < pod->config.container_count; i++) {
            if (pod->control.sessions.list[i].pid != pid)
                continue;
            if (hx_init_exit_code(status) == EXIT_KILLED)
                explain_kill(pod, i);
            end_member(pod, i, hx_init_exit_code(status), "");
        }
        hx_init_sessions_reaped(&pod->control.sessions, pid,
                                hx_init_exit_code(status));
        hx_init_healths_reaped(&pod->control.healths, pid,
                               hx_init_exit_code(status));
    }
}

static void kill_member(struct hx_init_pod *pod, unsigned index, int signum)
{
    hx_init_session_kill(&pod->control.sessions.list[index], signum, false);
}

static void kill_members(struct hx_init_pod *pod, int signum)
{
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        if (pod->members[i].state == HX_INIT_MEMBER_RUNNING)
            kill_member(pod, i, signum);
    }
}

/*
 * Each container's stop signal now, SIGKILL later.  A second stop may bring
 * the end nearer, never put it off.  timeout_ms NULL: each one's own.
 */
static void stop_members(struct hx_init_pod *pod, const uint32_t *timeout_ms)
{
    uint64_t now_us = hx_init_now_us();
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        const struct hx_init_container_config *config =
            &pod->config.containers[i];
        struct hx_init_member *member = &pod->members[i];
        uint32_t wait_ms = timeout_ms ? *timeout_ms : config->stop_timeout_ms;
        uint64_t kill_at_us = now_us + (uint64_t)wait_ms * 1000;

        if (member->state != HX_INIT_MEMBER_RUNNING)
            continue;
        kill_member(pod, i, config->stop_signal);
        if (member->kill_at_us == 0 || member->kill_at_us > kill_at_us)
            member->kill_at_us = kill_at_us;
    }
}

/* A value of hyper/request. */
static void take_request(void *arg, const char *text)
{
    struct hx_init_pod *pod = arg;
    struct hx_init_request request;

    /* A watch fires at registration and for each neighbour's change: what was
     * done is not done again. */
    if (hx_init_request_parse(text, &request) < 0 ||
        request.seq <= pod->last_seq)
        return;
    pod->last_seq = request.seq;
    if (request.verb == HX_INIT_KILL) {
        kill_members(pod, request.signum);
    } else {
        pod->asked = true;
        stop_members(pod, &request.timeout_ms);
    }
    hx_init_report_ack(&pod->report, request.seq);
}

static void take_signals(struct hx_init_pod *pod)
{
    struct signalfd_siginfo info;

    while (read(pod->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        pod->reboot = info.ssi_signo == SIGINT;
        pod->asked = true;
        stop_members(pod, NULL);
    }
    /* SIGCHLDs merge; and a lost one costs nothing here. */
    reap(pod);
}

static void take_deadlines(struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us();
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        struct hx_init_member *member = &pod->members[i];

        if (member->kill_at_us == 0 || member->kill_at_us > now_us)
            continue;
        member->kill_at_us = 0;
        kill_member(pod, i, SIGKILL);
    }
}

/* -- the loop ----------------------------------------------------------------
 */

static bool any_runs(const struct hx_init_pod *pod)
{
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        if (pod->members[i].state == HX_INIT_MEMBER_RUNNING)
            return true;
    }
    return false;
}

/* Every container has ended, and dom0 has what they said. */
static bool all_done(const struct hx_init_pod *pod)
{
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        if (!hx_init_session_done(&pod->control.sessions.list[i]))
            return false;
    }
    return true;
}

/*
 * Who watched the end of an exec hears of it before the domain goes; and then
 * nothing runs that could hold the disk.
 */
static bool execs_done(struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us();

    if (pod->ended_at_us == 0) {
        pod->ended_at_us = now_us;
        hx_init_sessions_kill(&pod->control.sessions);
    }
    return !hx_init_control_has_client(&pod->control) ||
           !hx_init_sessions_open(&pod->control.sessions) ||
           now_us - pod->ended_at_us >= EXECS_TIMEOUT_US;
}

/*
 * A container's output may wait for dom0 as long as the container does, and
 * longer; but a domain that was asked to end must come to its end some day.
 */
static bool give_up_output(struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us();
    struct hx_init_err err;

    if (!pod->asked || any_runs(pod) ||
        pod->control.sessions.taken != pod->untaken_mark) {
        pod->untaken_at_us = now_us;
        pod->untaken_mark = pod->control.sessions.taken;
    }
    if (now_us - pod->untaken_at_us < (uint64_t)pod->untaken_ms * 1000)
        return false;
    hx_init_fail(&err,
                 "dom0 has taken no output for %d ms: the end of the output "
                 "is lost; the pod's monitor should run when it is stopped",
                 pod->untaken_ms);
    report_trouble(pod, &err);
    return true;
}

static void take_earlier(uint64_t *next_us, uint64_t at_us)
{
    if (at_us > 0 && (*next_us == 0 || at_us < *next_us))
        *next_us = at_us;
}

/* Milliseconds until the next deadline, or -1. */
static int next_timeout(const struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us(), next_us = 0;
    unsigned i;

    if (pod->asked && !any_runs(pod))
        take_earlier(&next_us,
                     pod->untaken_at_us + (uint64_t)pod->untaken_ms * 1000);
    for (i = 0; i < pod->config.container_count; i++)
        take_earlier(&next_us, pod->members[i].kill_at_us);
    take_earlier(&next_us, hx_init_control_deadline_us(&pod->control));
    if (pod->ended_at_us > 0)
        take_earlier(&next_us, pod->ended_at_us + EXECS_TIMEOUT_US);
    if (next_us == 0)
        return -1;
    return next_us <= now_us ? 0 : (int)((next_us - now_us) / 1000) + 1;
}

/* One wait, and what came of it. */
static void wait_once(struct hx_init_pod *pod, bool busy)
{
    static struct pollfd fds[2 + HX_INIT_CONTROL_FDS];
    size_t count;

    fds[0] = (struct pollfd){ .fd = pod->signals, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = hx_init_xs_fd(&pod->xs), .events = POLLIN };
    count = 2 + hx_init_control_poll(&pod->control, fds + 2);
    if (poll(fds, count, busy ? 0 : next_timeout(pod)) >= 0)
        hx_init_control_polled(&pod->control, fds + 2);
    take_signals(pod);
    hx_init_xs_run(&pod->xs);
    take_deadlines(pod);
}

void hx_init_supervise_run(struct hx_init_pod *pod)
{
    unsigned i;

    if (!pod->untaken_ms)
        pod->untaken_ms = HX_INIT_UNTAKEN_MS;
    pod->control.sessions.config = &pod->config;
    for (i = 0; i < pod->config.container_count; i++)
        start_member(pod, i);
    hx_init_report_stage(&pod->report, HX_INIT_STAGE_EXEC);
    hx_init_report_state(&pod->report, "running");
    /* Not earlier: who is asked to end must be there.  The watch fires at once
     * for a request that was made during the boot. */
    hx_init_xs_follow(&pod->xs, HX_ABI_REQUEST, take_request, pod);

    for (;;) {
        bool busy = hx_init_control_run(&pod->control);

        if ((all_done(pod) && execs_done(pod)) || give_up_output(pod))
            return;
        wait_once(pod, busy);
    }
}
