/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor of one pod: keeps what its containers and its kernel put out,
 * serves the commands that want something of the guest, sees how the pod ends,
 * records that, and becomes the reaper that gives back what the pod had.
 *
 *     monitor --state-dir DIR --run-dir DIR [--ready-fd N] --domid ID UUID
 *
 * Killed at any moment it leaves a pod that runs on, and files from which the
 * next monitor goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/monitor/console.h"
#include "domain-builder/monitor/control.h"
#include "domain-builder/monitor/xen_sight.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-state.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"

/* The console of a domain that has shut down is complete but for what
 * xenconsoled has in hand.  After an end that the guest did not report, the
 * kernel's last words are waited for so long. */
#define DRAIN_QUIET_MS 300
#define DRAIN_MAX_MS   3000

struct monitor {
    struct hx_pod_dirs dirs;
    const char *uuid;
    const char *program; /* ourselves: the reaper is beside us */
    uint32_t domid;
    int ready_fd; /* -1: nobody waits */
    int fifo;     /* the lock; see pod-monitor.h */
    struct hx_pod_dir dir;
    size_t containers;
    struct hx_console console;
    struct hx_control *control;
    struct hx_sight *sight;
    struct hx_guest_report report;
};

static volatile sig_atomic_t asked_to_go;

static void on_signal(int signum)
{
    (void)signum;
    asked_to_go = 1;
}

/* -- beginning --------------------------------------------------------------
 */

/* 0; or 1 when another monitor of this pod lives. */
static int take_lock(struct monitor *monitor, struct hx_err *err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "%s/" HX_MONITOR_FIFO, monitor->dir.run_path) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "locking");
    }
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making %s", path);
    /* For reading too: a fifo opens for writing alone only with a reader. */
    monitor->fifo = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (monitor->fifo < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
    if (fcntl(monitor->fifo, F_SETLK, &lock) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return 1;
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking %s", path);
}

static int begin(struct monitor *monitor, struct hx_err *err)
{
    struct hx_pod pod;
    int r = hx_pod_dir_open(&monitor->dirs, monitor->uuid, &monitor->dir, err);

    if (r == 0)
        r = take_lock(monitor, err);
    if (r)
        return r;
    r = hx_pod_dir_load(&monitor->dir, &pod, err);
    if (r < 0)
        return r;
    monitor->containers = pod.spec.container_count;
    r = hx_console_open(&monitor->console, &monitor->dir, err);
    if (r == 0)
        r = hx_control_open(&monitor->dirs, &monitor->dir, monitor->domid,
                            &pod.spec, &monitor->console, &monitor->control,
                            err);
    hx_pod_release(&pod);
    if (r == 0)
        r = hx_sight_open(monitor->domid, monitor->uuid, &monitor->sight, err);
    return r;
}

static void say(struct monitor *monitor, const char *text)
{
    if (monitor->ready_fd < 0)
        return;
    /* That who started us has gone is no reason to go. */
    hx_write_all(monitor->ready_fd, text, strlen(text));
    close(monitor->ready_fd);
    monitor->ready_fd = -1;
}

/* -- watching ---------------------------------------------------------------
 */

static void attach(struct monitor *monitor)
{
    const char *tty = hx_sight_tty(monitor->sight);

    if (hx_console_attach(&monitor->console, tty))
        hx_sight_set_tty(monitor->sight, monitor->console.link);
}

static void hear(struct monitor *monitor)
{
    hx_sight_report(monitor->sight, monitor->containers, &monitor->report);
    if (hx_sight_channel(monitor->sight))
        hx_control_published(monitor->control);
}

static bool has_ended(enum hx_domain_fate fate)
{
    return fate != HX_DOMAIN_ALIVE;
}

/* SIGTERM is blocked but in here, so that none comes unseen. */
static int sleep_until(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec ts = { .tv_sec = timeout_ms / 1000,
                           .tv_nsec = timeout_ms % 1000 * 1000000L };
    sigset_t none;

    sigemptyset(&none);
    return ppoll(fds, count, timeout_ms < 0 ? NULL : &ts, &none);
}

/* The sooner of both has something to do; -1: none. */
static int timeout_ms(struct monitor *monitor)
{
    int sight = hx_sight_timeout_ms(monitor->sight);
    int control = hx_control_timeout_ms(monitor->control);

    return sight < 0 || (control >= 0 && control < sight) ? control : sight;
}

/* Until the domain has ended, or we are asked to go. */
static enum hx_domain_fate watch(struct monitor *monitor)
{
    enum hx_domain_fate fate = hx_sight_fate(monitor->sight);

    while (!has_ended(fate) && !asked_to_go) {
        struct pollfd fds[3 + HX_CONTROL_FDS] = {
            [2] = { .fd = hx_sight_fd(monitor->sight), .events = POLLIN },
        };
        size_t count = hx_control_poll(monitor->control, fds + 3);
        unsigned events;

        hx_console_poll(&monitor->console, fds);
        if (sleep_until(fds, 3 + count, timeout_ms(monitor)) < 0)
            continue; /* a signal */
        hx_console_serve(&monitor->console, fds);
        hx_control_serve(monitor->control, fds + 3, count);
        events = hx_sight_events(monitor->sight);
        if (events & HX_SIGHT_TTY)
            attach(monitor);
        if (events & HX_SIGHT_REPORT)
            hear(monitor);
        if (events & HX_SIGHT_RELEASE)
            fate = hx_sight_fate(monitor->sight);
        if (events & HX_SIGHT_LOST)
            asked_to_go = 1;
    }
    return fate;
}

/* -- the end ----------------------------------------------------------------
 */

/*
 * Records the end, unless whoever ended the pod has done so.  A pod that is
 * still being created is its creator's, or the reaper's.
 */
static int record(struct monitor *monitor, enum hx_domain_fate fate,
                  const char *panic, struct hx_err *err)
{
    struct hx_pod pod;
    int r = hx_pod_dir_lock(&monitor->dir, -1, err);

    if (r < 0)
        return r;
    r = hx_pod_dir_load(&monitor->dir, &pod, err);
    if (r < 0)
        return r;
    if (pod.state == HX_POD_RUNNING) {
        r = hx_guest_report_end(&monitor->report, fate, true, panic, &pod, err);
        if (r == 0)
            r = hx_pod_note_end(&monitor->dirs, &monitor->dir, &pod, err);
    }
    hx_pod_release(&pod);
    hx_pod_dir_unlock(&monitor->dir);
    return r;
}

/* A guest may end before xenconsoled has made a terminal for it. */
static void attach_late(struct monitor *monitor)
{
    int waits = monitor->console.upstream < 0 ? 10 : 0;

    for (attach(monitor); monitor->console.upstream < 0 && waits > 0; waits--) {
        struct pollfd pfd = { .fd = hx_sight_fd(monitor->sight),
                              .events = POLLIN };

        poll(&pfd, 1, DRAIN_QUIET_MS / 10);
        if (hx_sight_events(monitor->sight) & HX_SIGHT_TTY)
            attach(monitor);
    }
}

static int end(struct monitor *monitor, enum hx_domain_fate fate,
               struct hx_err *err)
{
    _cleanup_free_ char *panic = NULL;

    hx_control_drain(monitor->control);
    hx_sight_report(monitor->sight, monitor->containers, &monitor->report);
    if (fate != HX_DOMAIN_CRASHED && monitor->report.state == HX_GUEST_EXITED) {
        if (fate == HX_DOMAIN_ENDED)
            attach(monitor);
        hx_console_drain(&monitor->console, 0, DRAIN_MAX_MS);
        return record(monitor, fate, NULL, err);
    }
    if (fate == HX_DOMAIN_ENDED || fate == HX_DOMAIN_CRASHED)
        attach_late(monitor);
    hx_console_drain(&monitor->console, DRAIN_QUIET_MS, DRAIN_MAX_MS);
    if (fate == HX_DOMAIN_CRASHED)
        panic = hx_console_panic(&monitor->console);
    return record(monitor, fate, panic, err);
}

/*
 * The reaper needs libxl, which is too large to keep for a pod's life.  The
 * lock stays ours over exec: no descriptor of that file may be closed.
 */
static void become_reaper(struct monitor *monitor)
{
    const char *slash = strrchr(monitor->program, '/');
    _cleanup_free_ char *reaper = NULL;
    sigset_t none;

    if (!slash ||
        asprintf(&reaper, "%.*s/reap", (int)(slash - monitor->program),
                 monitor->program) < 0) {
        reaper = NULL;
        return;
    }
    for (int fd = 3; fd < monitor->fifo; fd++)
        close(fd);
    closefrom(monitor->fifo + 1);
    fcntl(monitor->fifo, F_SETFD, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl(reaper, reaper, "--state-dir", monitor->dirs.lib, "--run-dir",
          monitor->dirs.run, monitor->uuid, NULL);
    fprintf(stderr, "running %s: %s\n", reaper, strerror(errno));
}

/* The pod lives on without us: its console is xenconsoled's again. */
static void go(struct monitor *monitor)
{
    if (monitor->console.memo.tty[0])
        hx_sight_set_tty(monitor->sight, monitor->console.memo.tty);
}

/* -- main -------------------------------------------------------------------
 */

static int run(struct monitor *monitor, struct hx_err *err)
{
    enum hx_domain_fate fate;
    int r = begin(monitor, err);

    if (r > 0) { /* somebody else watches */
        say(monitor, "ok");
        return 0;
    }
    if (r < 0) {
        say(monitor, err->msg);
        return r;
    }
    attach(monitor);
    say(monitor, "ok");
    hear(monitor);
    fate = watch(monitor);
    if (!has_ended(fate)) {
        go(monitor);
        return 0;
    }
    r = end(monitor, fate, err);
    if (r == -HX_ERR_NOT_FOUND) /* removed: there is nothing to reap */
        return 0;
    if (r < 0)
        fprintf(stderr, "%s\n", err->msg);
    hx_control_close(monitor->control);
    hx_console_close(&monitor->console);
    become_reaper(monitor);
    return -HX_ERR_SYSTEM;
}

static bool parse(struct monitor *monitor, int argc, char **argv)
{
    static const struct option options[] = {
        { "state-dir", required_argument, NULL, 's' },
        { "run-dir", required_argument, NULL, 'r' },
        { "ready-fd", required_argument, NULL, 'f' },
        { "domid", required_argument, NULL, 'd' },
        { 0 },
    };
    uint64_t number = 0;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            monitor->dirs.lib = optarg;
            break;
        case 'r':
            monitor->dirs.run = optarg;
            break;
        case 'f':
        case 'd':
            if (hx_guest_number(optarg, strlen(optarg), UINT16_MAX, &number) <
                0)
                return false;
            if (option == 'f')
                monitor->ready_fd = (int)number;
            else
                monitor->domid = (uint32_t)number;
            break;
        default:
            return false;
        }
    }
    if (optind != argc - 1 || monitor->domid == 0)
        return false;
    monitor->uuid = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    static struct monitor monitor = {
        .dirs = { HX_LIB_DIR, HX_RUN_DIR },
        .ready_fd = -1,
        .fifo = -1,
        .dir = { .lock_fd = -1 },
    };
    struct sigaction action = { .sa_handler = on_signal };
    struct hx_err err = { 0 };
    sigset_t term;

    monitor.program = argv[0];
    if (!parse(&monitor, argc, argv)) {
        fprintf(stderr, "usage: monitor [--state-dir DIR] [--run-dir DIR] "
                        "[--ready-fd N] --domid ID UUID\n"
                        "Started by xl-hyper for each pod; see pods.md.\n");
        return 2;
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigaction(SIGTERM, &action, NULL);
    hx_guest_report_init(&monitor.report);
    if (run(&monitor, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return 0;
}
