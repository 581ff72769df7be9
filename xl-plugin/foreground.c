/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four threads, since each has something to block on:
 *
 *     main     prints the log, woken by inotify
 *     waiter   hx_pod_wait(), then writes an eventfd
 *     sender   takes caught signals from a pipe, hx_pod_kill() for each
 *     stopper  hx_pod_stop() when there were too many of them
 *
 * and a fifth, input.c's, when standard input is passed on.
 *
 * Each has its own hx_host, and what they share is written before the threads
 * start or is an atomic.
 */
#include "xl-plugin/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include "image/base/cleanup.h"
#include "xl-plugin/follow.h"
#include "xl-plugin/input.h"
#include "xl-plugin/log-print.h"
#include "xl-plugin/output.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"
#include "xl-plugin/tty.h"

/* -- signals --------------------------------------------------------------- */

static const int forwarded[] = { SIGHUP,  SIGINT,  SIGQUIT,
                                 SIGTERM, SIGUSR1, SIGUSR2 };
#define FORWARDED_COUNT (sizeof(forwarded) / sizeof(*forwarded))

/* docker's number, after which nobody believes that it was meant otherwise. */
#define IMPATIENCE 3

#define LAST_BREATH_MS 2000

static struct sigaction before[FORWARDED_COUNT];
static int caught_pipe[2] = { -1, -1 };
static volatile sig_atomic_t first_caught;
static volatile sig_atomic_t impatience; /* INT and TERM */
static sem_t stop_asked;

static void on_signal(int signum)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signum;

    if (!first_caught)
        first_caught = signum;
    if ((signum == SIGINT || signum == SIGTERM) && ++impatience == IMPATIENCE)
        sem_post(&stop_asked);
    /* A full pipe has thousands of them already. */
    if (write(caught_pipe[1], &byte, 1) < 0)
        errno = saved;
    errno = saved;
}

int hx_foreground_catch(struct hx_err *err)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = SA_RESTART };

    if (pipe2(caught_pipe, O_CLOEXEC) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "catching signals");
    fcntl(caught_pipe[1], F_SETFL, O_NONBLOCK);
    sem_init(&stop_asked, 0, 0);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FORWARDED_COUNT; i++) {
        sigaction(forwarded[i], NULL, &before[i]);
        /*
         * nohup means it.  An ignored INT or QUIT is only what a shell gives
         * to each command with '&', and docker forwards those, too.
         */
        if (forwarded[i] != SIGHUP || before[i].sa_handler != SIG_IGN)
            sigaction(forwarded[i], &action, NULL);
    }
    return 0;
}

int hx_foreground_caught(void)
{
    return first_caught;
}

void hx_foreground_uncatch(void)
{
    hx_tty_restore(); /* the next signal may end us */
    for (size_t i = 0; i < FORWARDED_COUNT; i++)
        sigaction(forwarded[i], &before[i], NULL);
}

/* -- the threads ----------------------------------------------------------- */

/* Lives as long as the process: after an error nobody waits for it. */
static struct waiter {
    pthread_t thread;
    struct hx_pod pod;
    int done_fd; /* eventfd */
    int r;
    struct hx_err err;
} waiter = { .done_fd = -1 };

static void *waiter_main(void *opaque)
{
    struct waiter *w = opaque;
    struct hx_host *host = NULL;
    uint64_t one = 1;

    w->r = hx_session_host(&host, &w->err);
    if (w->r == 0)
        w->r = hx_pod_wait(host, &w->pod, -1, &w->err);
    hx_host_close(host);
    if (write(w->done_fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes its first count */
    return NULL;
}

/* Of the pod that sender and stopper, who live as long as the process, find
 * for themselves. */
static char pod_uuid[HX_POD_UUID_TEXT];

/* Whoever can't work for us lets the signals do what they always do. */
static bool find_pod(struct hx_host **host_r, struct hx_pod *pod_r)
{
    struct hx_err err = { 0 };

    if (hx_session_host(host_r, &err) == 0 &&
        hx_pod_find(*host_r, pod_uuid, pod_r, &err) == 0)
        return true;
    if (err.code != HX_ERR_NOT_FOUND) { /* ended: the waiter tells */
        hx_complain("%s", err.msg);
        hx_foreground_uncatch();
    }
    return false;
}

static void stop_pod(struct hx_host *host, struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    hx_complain("stopping %s", pod->spec.name);
    hx_foreground_uncatch();
    if (hx_pod_stop(host, pod, 0, &err) < 0)
        hx_complain("%s", err.msg);
}

static void *stopper_main(void *opaque)
{
    struct hx_host *host = NULL;
    struct hx_pod pod = { 0 };

    while (sem_wait(&stop_asked) < 0)
        ;
    if (find_pod(&host, &pod))
        stop_pod(host, &pod);
    hx_pod_release(&pod);
    hx_host_close(host);
    return opaque;
}

static bool goes_on(struct hx_host *host, struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    return hx_pod_wait(host, pod, LAST_BREATH_MS, &err) == -HX_ERR_STATE;
}

static void forward(struct hx_host *host, struct hx_pod *pod, int signum)
{
    struct hx_err err = { 0 };

    if (hx_pod_kill(host, pod, signum, &err) == 0)
        return;
    if (err.code == HX_ERR_GUEST)
        hx_complain("%s; the third interrupt stops the pod", err.msg);
    else if (err.code != HX_ERR_STATE || goes_on(host, pod))
        hx_complain("%s", err.msg); /* paused; and not: just ended */
}

static void *sender_main(void *opaque)
{
    struct hx_host *host = NULL;
    struct hx_pod pod = { 0 };
    unsigned char signum;
    bool found = find_pod(&host, &pod);

    while (found && read(caught_pipe[0], &signum, 1) == 1 &&
           impatience < IMPATIENCE) {
        forward(host, &pod, signum);
        /*
         * A process that writes to nobody ends by PIPE; but the first one of a
         * PID namespace has no default actions, so that it may not have
         * noticed.
         */
        if (signum == SIGPIPE && goes_on(host, &pod)) {
            stop_pod(host, &pod);
            break;
        }
    }
    hx_pod_release(&pod);
    hx_host_close(host);
    return opaque;
}

/* The caught signals are the main thread's, whose poll() they shall end. */
static int start_thread(pthread_t *thread, void *(*body)(void *), void *opaque,
                        struct hx_err *err)
{
    sigset_t caught, saved;
    int r;

    sigemptyset(&caught);
    for (size_t i = 0; i < FORWARDED_COUNT; i++)
        sigaddset(&caught, forwarded[i]);
    pthread_sigmask(SIG_BLOCK, &caught, &saved);
    r = pthread_create(thread, NULL, body, opaque);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (r)
        return hx_err_sys(err, HX_ERR_SYSTEM, r, "starting a thread");
    return 0;
}

static int start_forwarding(const struct hx_pod *pod, struct hx_err *err)
{
    void *(*const bodies[])(void *) = { sender_main, stopper_main };
    int r = 0;

    signal(SIGPIPE, SIG_IGN);
    memcpy(pod_uuid, pod->uuid, sizeof(pod_uuid));
    for (size_t i = 0; i < 2 && r == 0; i++) {
        pthread_t thread;

        r = start_thread(&thread, bodies[i], NULL, err);
        if (r == 0)
            pthread_detach(thread);
    }
    return r;
}

/* -- the main thread ------------------------------------------------------- */

/* Prints until the waiter is done, and the rest after that. */
static int print_until_done(struct hx_follow *follow, int done_fd, int left_fd,
                            bool forward_signals, struct hx_err *err)
{
    struct pollfd fds[] = {
        { .fd = done_fd, .events = POLLIN },
        { .fd = hx_follow_fd(follow), .events = POLLIN },
        { .fd = left_fd, .events = POLLIN },
    };
    bool reading = true;
    int r = 0;

    for (;;) {
        bool done = fds[0].revents != 0;

        if (reading && hx_follow_read(follow, err) < 0) {
            r = -(int)err->code;
            reading = false;
            fds[1].fd = -1;
            if (!forward_signals)
                return r;
            if (err->sys == EPIPE)
                on_signal(SIGPIPE);
            else
                hx_complain("%s", err->msg);
        }
        if (done || fds[2].revents || (follow->done && !forward_signals))
            return r;
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "waiting for output");
    }
}

static int open_follow(const struct hx_foreground *how,
                       const struct hx_pod *pod, struct hx_log_printer *printer,
                       struct hx_follow *follow, struct hx_err *err)
{
    const struct hx_follow_what what = { .tail_lines = how->tail_lines,
                                         .filter = how->filter,
                                         .sink = hx_log_print,
                                         .opaque = printer };
    struct hx_host *host = NULL;
    _cleanup_free_ char *path = NULL;
    int r;

    r = hx_session_host(&host, err);
    if (r == 0)
        r = hx_pod_log_path(host, pod, how->container, &path, err);
    hx_host_close(host);
    if (r == 0)
        r = hx_follow_open(path, &what, follow, err);
    return r;
}

/* The pod is the waiter's until it has been joined. */
static int start_waiter(struct hx_pod *pod, struct hx_err *err)
{
    int r;

    waiter.done_fd = eventfd(0, EFD_CLOEXEC);
    if (waiter.done_fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "waiting for %s",
                          pod->spec.name);
    waiter.pod = *pod;
    r = start_thread(&waiter.thread, waiter_main, &waiter, err);
    if (r == 0)
        *pod = (struct hx_pod){ 0 };
    return r;
}

static int join_waiter(struct hx_pod *pod, struct hx_err *err)
{
    pthread_join(waiter.thread, NULL);
    close(waiter.done_fd);
    waiter.done_fd = -1;
    *pod = waiter.pod;
    if (waiter.r < 0)
        *err = waiter.err;
    return waiter.r;
}

static bool was_left(int left_fd)
{
    struct pollfd fd = { .fd = left_fd, .events = POLLIN };

    return left_fd >= 0 && poll(&fd, 1, 0) > 0;
}

static int start_all(const struct hx_foreground *how, struct hx_pod *pod,
                     int *left_fd, struct hx_err *err)
{
    int r = 0;

    if (how->forward_signals)
        r = start_forwarding(pod, err);
    if (r == 0 && how->attach)
        r = hx_input_start(how, pod, left_fd, err);
    return r == 0 ? start_waiter(pod, err) : r;
}

int hx_foreground_run(const struct hx_foreground *how, struct hx_pod *pod,
                      bool *left_r, struct hx_err *err)
{
    struct hx_log_printer printer = { .fd = { STDOUT_FILENO, STDERR_FILENO },
                                      .timestamps = how->timestamps };
    struct hx_follow follow = { 0 };
    int left_fd = -1, printed, r;
    bool left;

    r = open_follow(how, pod, &printer, &follow, err);
    if (r == 0)
        r = start_all(how, pod, &left_fd, err);
    printed = r < 0 ? r
                    : print_until_done(&follow, waiter.done_fd, left_fd,
                                       how->forward_signals, err);
    left = was_left(left_fd);
    hx_tty_restore();
    /* Without forwarding nobody waits for the pod's end after that. */
    if (r < 0 || left ||
        ((printed < 0 || follow.done) && !how->forward_signals)) {
        hx_follow_close(&follow);
        if (left)
            *left_r = true;
        return left ? 0 : printed;
    }
    if (printed == 0)
        printed = hx_follow_check(&follow, err);
    else if (err->sys == EPIPE)
        printed = 0; /* the containers were told */
    hx_follow_close(&follow);
    r = join_waiter(pod, err);
    return r < 0 ? r : printed;
}

int hx_foreground_attend(const struct hx_foreground *how, struct hx_pod *pod,
                         bool *left_r, struct hx_err *err)
{
    int r = hx_foreground_run(how, pod, left_r, err);
    const char *reason;

    if (r < 0 || *left_r)
        return r;
    reason = hx_pod_end_reason(pod);
    /* The guest names the container itself. */
    if (reason && pod->message &&
        (pod->end == HX_END_FAILED || pod->end == HX_END_EXIT))
        hx_complain("%s", reason);
    else if (reason)
        hx_complain("running %s: %s", pod->spec.name, reason);
    return hx_pod_exit_status(pod);
}
