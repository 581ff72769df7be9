/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/console.h"
#include "pv-init/container.h"
#include "pv-init/process.h"

/* SIGKILL as an exit code: what the kernel does to those without memory. */
#define EXIT_KILLED (128 + SIGKILL)

int hx_init_supervise_signals(struct hx_init_pod *pod, struct hx_init_err *err)
{
    sigset_t taken;

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

static void end_member(struct hx_init_pod *pod, unsigned index, int code)
{
    struct hx_init_member *member = &pod->members[index];

    member->state = HX_INIT_MEMBER_DEAD;
    member->pid = 0;
    member->kill_at_us = 0;
    hx_init_relay_end(&pod->relay, index);
    hx_init_report_exit(&pod->report, index, code);
}

static void start_member(struct hx_init_pod *pod, unsigned index)
{
    struct hx_init_started started;
    struct hx_init_err err;

    if (hx_init_container_start(&pod->config, index, &started, &err) < 0) {
        report_trouble(pod, &err);
        end_member(pod, index, HX_INIT_EXIT_SETUP);
        return;
    }
    if (started.exit_code != 0) {
        report_trouble(pod, &err);
        end_member(pod, index, started.exit_code);
        return;
    }
    pod->members[index].pid = started.pid;
    pod->members[index].state = HX_INIT_MEMBER_RUNNING;
    /* There is a place for two outputs of each container. */
    hx_init_relay_add(&pod->relay, started.out, index);
    if (started.err >= 0)
        hx_init_relay_add(&pod->relay, started.err, index);
}

/* -- what happens to the containers ------------------------------------------
 */

static void explain_kill(struct hx_init_pod *pod, unsigned index)
{
    struct hx_init_err err;

    if (hx_init_container_oom_kills(index) <= pod->members[index].oom_kills)
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
            if (pod->members[i].pid != pid)
                continue;
            if (hx_init_exit_code(status) == EXIT_KILLED)
                explain_kill(pod, i);
            end_member(pod, i, hx_init_exit_code(status));
        }
    }
}

/* What the kernel killed before our own SIGKILL does not explain the end. */
static void kill_member(struct hx_init_pod *pod, unsigned index, int signum)
{
    struct hx_init_member *member = &pod->members[index];

    if (signum == SIGKILL)
        member->oom_kills = hx_init_container_oom_kills(index);
    kill(member->pid, signum);
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
    if (request.verb == HX_INIT_KILL)
        kill_members(pod, request.signum);
    else
        stop_members(pod, &request.timeout_ms);
    hx_init_report_ack(&pod->report, request.seq);
}

static void take_signals(struct hx_init_pod *pod)
{
    struct signalfd_siginfo info;

    while (read(pod->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        pod->reboot = info.ssi_signo == SIGINT;
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

/* Marks those whose output is out as ended; true when all are. */
static bool all_ended(struct hx_init_pod *pod)
{
    bool all = true;
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        struct hx_init_member *member = &pod->members[i];

        if (member->state == HX_INIT_MEMBER_DEAD &&
            !hx_init_relay_busy(&pod->relay, i))
            member->state = HX_INIT_MEMBER_ENDED;
        all = all && member->state == HX_INIT_MEMBER_ENDED;
    }
    return all;
}

static bool any_runs(const struct hx_init_pod *pod)
{
    unsigned i;

    for (i = 0; i < pod->config.container_count; i++) {
        if (pod->members[i].state == HX_INIT_MEMBER_RUNNING)
            return true;
    }
    return false;
}

/*
 * A container's output may wait for a reader as long as the container does;
 * then the domain must come to its end some day.
 */
static bool give_up_console(struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us();
    struct hx_init_err err;

    if (any_runs(pod) || pod->relay.written != pod->stalled_at_byte) {
        pod->stalled_at_us = now_us;
        pod->stalled_at_byte = pod->relay.written;
    }
    if (now_us - pod->stalled_at_us < (uint64_t)pod->stall_ms * 1000)
        return false;
    hx_init_fail(&err,
                 "nobody has read the console for %d ms: the end of the "
                 "output is lost; is xenconsoled running in dom0?",
                 pod->stall_ms);
    report_trouble(pod, &err);
    pod->unread = true;
    return true;
}

/* Milliseconds until the next deadline, or -1. */
static int next_timeout(const struct hx_init_pod *pod)
{
    uint64_t now_us = hx_init_now_us(), next_us = 0;
    unsigned i;

    if (!any_runs(pod))
        next_us = pod->stalled_at_us + (uint64_t)pod->stall_ms * 1000;

    for (i = 0; i < pod->config.container_count; i++) {
        uint64_t at_us = pod->members[i].kill_at_us;

        if (at_us > 0 && (next_us == 0 || at_us < next_us))
            next_us = at_us;
    }
    if (next_us == 0)
        return -1;
    return next_us <= now_us ? 0 : (int)((next_us - now_us) / 1000) + 1;
}

void hx_init_supervise_run(struct hx_init_pod *pod)
{
    struct pollfd fds[HX_INIT_RELAY_SOURCES + 3];
    unsigned i;

    if (!pod->stall_ms)
        pod->stall_ms = HX_INIT_CONSOLE_STALL_MS;
    pod->stalled_at_us = hx_init_now_us();
    for (i = 0; i < pod->config.container_count; i++)
        start_member(pod, i);
    hx_init_report_stage(&pod->report, HX_INIT_STAGE_EXEC);
    hx_init_report_state(&pod->report, "running");
    /* Not earlier: who is asked to end must be there.  The watch fires at once
     * for a request that was made during the boot. */
    hx_init_xs_follow(&pod->xs, HX_ABI_REQUEST, take_request, pod);

    for (;;) {
        size_t count;

        hx_init_relay_run(&pod->relay);
        if (all_ended(pod) || give_up_console(pod))
            return;
        fds[0] = (struct pollfd){ .fd = pod->signals, .events = POLLIN };
        fds[1] =
            (struct pollfd){ .fd = hx_init_xs_fd(&pod->xs), .events = POLLIN };
        count = 2 + hx_init_relay_poll(&pod->relay, fds + 2);
        if (poll(fds, count, next_timeout(pod)) < 0 && errno != EINTR)
            return; /* cannot be; better to end than to spin */
        take_signals(pod);
        hx_init_xs_run(&pod->xs);
        take_deadlines(pod);
    }
}
