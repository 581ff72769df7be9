/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-restart.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"

#define READY_TIMEOUT_MS 10000

static int open_fifo(const struct hx_pod_dir *dir)
{
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/" HX_MONITOR_FIFO, dir->run_path) < 0) {
        path = NULL;
        return -1;
    }
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

static pid_t holder(int fifo)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fifo < 0 || fcntl(fifo, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}

pid_t hx_monitor_pid(const struct hx_pod_dir *dir)
{
    _cleanup_close_ int fifo = open_fifo(dir);

    return holder(fifo);
}

int hx_monitor_watch(const struct hx_pod_dir *dir)
{
    _cleanup_close_ int fifo = open_fifo(dir);

    /* Opened before the lock is looked at: if the monitor lives then, its
     * death comes after our opening, and poll tells of it. */
    return holder(fifo) ? hx_steal_fd(&fifo) : -1;
}

/* Polls until the deadline, over signals; > 0 when there is something. */
static int poll_until(int fd, short events, int64_t deadline_ms)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    for (;;) {
        int64_t left_ms = deadline_ms - hx_clock_monotonic_ms();
        int r = poll(&pfd, 1, left_ms > 0 ? (int)left_ms : 0);

        if (r >= 0 || errno != EINTR)
            return r;
    }
}

bool hx_monitor_await(int watch, int timeout_ms)
{
    return poll_until(watch, 0, hx_clock_monotonic_ms() + timeout_ms) > 0;
}

/* -- starting ---------------------------------------------------------------
 */

struct launch {
    char *program;
    char *log;
    char domid[16];
    const char *argv[16];
    int ready; /* written by the monitor; -1: it has nothing to say */
};

/* Opens out of the way of the descriptors that are given meanings below. */
static int open_high(const char *path, int flags)
{
    int fd = open(path, flags, 0600);

    return fd < 0 ? -1 : fcntl(fd, F_DUPFD, 10);
}

/*
 * In the child: nothing of ours but standard input (/dev/null), the
 * monitor's own log, and the pipe as descriptor 3.
 */
static void become_program(const struct launch *launch)
{
    sigset_t none;
    int null, log;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    null = open_high("/dev/null", O_RDWR);
    log = open_high(launch->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW);
    if (null < 0 ||
        (launch->ready >= 0 &&
         (dup2(launch->ready, 3) < 0 || fcntl(3, F_SETFD, 0) < 0)) ||
        dup2(null, 0) < 0 || dup2(log < 0 ? null : log, 1) < 0 ||
        dup2(1, 2) < 0 || chdir("/") < 0)
        return;
    closefrom(launch->ready >= 0 ? 4 : 3);
    execv(launch->program, (char *const *)launch->argv);
    dprintf(launch->ready >= 0 ? 3 : 2, "running %s: %s; is it installed?",
            launch->program, strerror(errno));
}

/* Twice forked, so that it is nobody's child and leads no session. */
static int fork_program(const struct launch *launch)
{
    pid_t pid = fork(), reaped;
    int status;

    if (pid == 0) {
        setsid();
        pid = fork();
        if (pid == 0)
            become_program(launch);
        _exit(pid < 0);
    }
    do
        reaped = pid < 0 ? -1 : waitpid(pid, &status, 0);
    while (reaped < 0 && pid > 0 && errno == EINTR);
    if (reaped == pid && WIFEXITED(status) && WEXITSTATUS(status))
        errno = EAGAIN;
    return reaped == pid && status == 0 ? 0 : -1;
}

/* The monitor says "ok", or why it is not. */
static int await_ready(int fd, const char *uuid, struct hx_err *err)
{
    int64_t deadline_ms = hx_clock_monotonic_ms() + READY_TIMEOUT_MS;
    char text[512];
    size_t len = 0;
    ssize_t n = 1;

    while (n != 0 && len < sizeof(text) - 1) {
        if (poll_until(fd, POLLIN, deadline_ms) <= 0)
            return hx_err_set(err, HX_ERR_SYSTEM,
                              "starting the monitor of the pod %s: it said "
                              "nothing for %d s",
                              uuid, READY_TIMEOUT_MS / 1000);
        n = read(fd, text + len, sizeof(text) - 1 - len);
        if (n < 0 && errno != EINTR)
            n = 0;
        len += n > 0 ? (size_t)n : 0;
    }
    text[len] = '\0';
    if (strcmp(text, "ok") == 0)
        return 0;
    return hx_err_set(err, HX_ERR_SYSTEM,
                      "starting the monitor of the pod %s: %s", uuid,
                      len ? text : "it died at once");
}

/* Nobody who writes it has a bound for it; so its opener has. */
static void bound_log(const char *path)
{
    _cleanup_free_ char *old = NULL;
    struct stat st;

    if (lstat(path, &st) < 0 || st.st_size <= HX_MONITOR_LOG_MAX_BYTES)
        return;
    if (asprintf(&old, "%s.1", path) < 0)
        old = NULL;
    else
        rename(path, old);
}

/* The paths; its arguments are the caller's to add, from the sixth on. */
static int launch_init(struct launch *launch, const struct hx_host *host,
                       const char *name, const char *uuid)
{
    *launch = (struct launch){ .ready = -1 };
    if (asprintf(&launch->program, "%s/%s", hx_host_pkglib_dir(host), name) < 0)
        launch->program = NULL;
    if (asprintf(&launch->log, "%s/pods/%s/monitor.log",
                 hx_host_state_dir(host), uuid) < 0)
        launch->log = NULL;
    else
        bound_log(launch->log);
    launch->argv[0] = launch->program;
    launch->argv[1] = "--state-dir";
    launch->argv[2] = hx_host_state_dir(host);
    launch->argv[3] = "--run-dir";
    launch->argv[4] = hx_host_run_dir(host);
    return launch->program && launch->log ? 0 : -1;
}

static void launch_release(struct launch *launch)
{
    free(launch->program);
    free(launch->log);
}

static int start_monitor(struct launch *launch, const struct hx_pod *pod,
                         struct hx_err *err)
{
    _cleanup_close_ int ready = -1, said = -1;
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "starting the monitor of the pod %s", pod->uuid);
    said = pipe_fds[0];
    ready = pipe_fds[1];
    launch->ready = ready;
    snprintf(launch->domid, sizeof(launch->domid), "%u", pod->domid);
    launch->argv[5] = "--ready-fd";
    launch->argv[6] = "3";
    launch->argv[7] = "--domid";
    launch->argv[8] = launch->domid;
    launch->argv[9] = pod->uuid;
    if (fork_program(launch) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "starting the monitor of the pod %s", pod->uuid);
    close(hx_steal_fd(&ready));
    return await_ready(said, pod->uuid, err);
}

int hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                         struct hx_err *err)
{
    struct launch launch;
    int r = launch_init(&launch, host, "monitor", pod->uuid);

    if (r < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                       "starting the monitor of the pod %s", pod->uuid);
    else
        r = start_monitor(&launch, pod, err);
    launch_release(&launch);
    return r;
}

int hx_pod_spawn_restarter(struct hx_host *host, const struct hx_pod *pod,
                           struct hx_err *err)
{
    struct launch launch;
    int r = launch_init(&launch, host, "reap", pod->uuid);

    launch.argv[5] = pod->uuid;
    if (r < 0 || fork_program(&launch) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno,
                       "starting the restarter of the pod %s", pod->uuid);
    launch_release(&launch);
    return r;
}
