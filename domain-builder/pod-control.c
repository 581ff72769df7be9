/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals, stopping and destroying. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domain-builder/pod-event.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-reconcile.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/pod-view.h"
#include "domain-builder/resources.h"
#include "domain-builder/xen_domains.h"
#include "domain-builder/xen_request.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/file.h"

#define ACK_TIMEOUT_MS       5000
#define AFTER_KILL_MS        5000
#define LOCK_TIMEOUT_MS      30000
#define KILL_LOCK_TIMEOUT_MS 75000 /* a boot and two answers */
#define STOP_LOCK_TIMEOUT_MS 2000
#define MONITOR_TIMEOUT_MS   2000
#define LOOK_MS              100
#define EXIT_KILLED          137 /* as by SIGKILL */

/* One signal at a time: the next would take the place of one that the guest
 * has not taken yet. */
static int lock_requests(struct hx_host *host, const struct hx_pod *pod,
                         int timeout_ms, int *lock_r, struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    _cleanup_free_ char *path = NULL;
    int r;

    if (asprintf(&path, "%s/pods/%s/request.lock", dirs.lib, pod->uuid) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "asking the pod %s",
                          pod->spec.name);
    }
    r = hx_lock(path, 1, timeout_ms, lock_r, err);
    if (r == -HX_ERR_STATE)
        return hx_err_set(err, HX_ERR_GUEST,
                          "asking the pod %s: its guest has not answered to "
                          "others that asked before; 'xl hyper-stop %s' does "
                          "not wait for them",
                          pod->spec.name, pod->spec.name);
    return r;
}

/* The pod's living domain, now. */
static int living_domain(const struct hx_pod *pod, struct hx_domain *domain_r,
                         struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    const struct hx_domain *domain;
    int r = hx_domains_get(&domains, err);

    if (r < 0)
        return r;
    domain = hx_domains_find(&domains, pod->uuid);
    if (!domain || domain->fate != HX_DOMAIN_ALIVE)
        r = hx_err_set(err, HX_ERR_STATE,
                       "reaching the pod %s: it does not run", pod->spec.name);
    else
        *domain_r = *domain;
    hx_domains_release(&domains);
    return r;
}

/*
 * Records who asks the pod to stop, which keeps its policy from starting it
 * again; *ended_r: it had ended, and is kept from that alone.  A pod whose
 * folder cannot be read has no policy either.
 */
static int note_stopper(struct hx_host *host, const struct hx_pod *pod,
                        enum hx_pod_stopper stopper, bool *ended_r,
                        struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_pod_dir dir = { .lock_fd = -1 };
    struct hx_pod fresh = { 0 };
    int r = hx_pod_dir_open(&dirs, pod->uuid, &dir, err);

    if (r == 0)
        r = hx_pod_dir_lock(&dir, LOCK_TIMEOUT_MS, err);
    if (r == 0 && hx_pod_dir_load(&dir, &fresh, NULL) == 0) {
        bool restarting = hx_pod_restarting(&fresh);

        if (restarting || fresh.state == HX_POD_RUNNING) {
            fresh.stopper = stopper;
            fresh.restart_at_ms = 0;
            r = hx_pod_dir_save(&dir, &fresh, err);
        }
        if (r == 0 && restarting && stopper == HX_STOPPER_USER)
            hx_event_record(&dirs, &fresh, "stop", NULL);
        *ended_r = restarting;
    }
    hx_pod_release(&fresh);
    hx_pod_dir_release(&dir);
    return r;
}

static int send_signal(struct hx_host *host, const struct hx_pod *pod,
                       int signum, struct hx_err *err)
{
    _cleanup_close_ int lock = -1;
    struct hx_domain domain = { 0 };
    int r = living_domain(pod, &domain, err);

    if (r < 0)
        return r;
    if (domain.paused)
        return hx_err_set(err, HX_ERR_STATE,
                          "signalling the pod %s: it is paused; 'xl "
                          "hyper-unpause %s' lets it go on",
                          pod->spec.name, pod->spec.name);
    r = lock_requests(host, pod, KILL_LOCK_TIMEOUT_MS, &lock, err);
    return r < 0 ? r
                 : hx_xen_request(host, domain.domid, pod->uuid, "kill",
                                  (unsigned)signum, ACK_TIMEOUT_MS, err);
}

/* Whether the signal is meant to end the containers, as docker kill has it. */
static bool ends_it(const struct hx_pod *pod, int signum)
{
    bool ends = signum == SIGKILL;

    for (size_t i = 0; i < pod->spec.container_count; i++)
        ends |= pod->spec.containers[i].stop_signal == signum;
    return ends;
}

int hx_pod_kill(struct hx_host *host, const struct hx_pod *pod, int signum,
                struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    char number[16];
    const struct hx_event_attribute more[] = { { "signal", number },
                                               { NULL, NULL } };
    bool ended = false;
    int r = 0;

    if (signum < 1 || signum > 64)
        return hx_err_set(err, HX_ERR_USAGE,
                          "signalling the pod %s: %d is no signal; they are "
                          "1 to 64",
                          pod->spec.name, signum);
    if (ends_it(pod, signum))
        r = note_stopper(host, pod, HX_STOPPER_USER, &ended, err);
    if (r < 0 || ended)
        return r; /* it was about to start again */
    r = send_signal(host, pod, signum, err);
    if (r < 0 && ends_it(pod, signum))
        note_stopper(host, pod, HX_STOPPER_NONE, &ended, NULL);
    if (r < 0)
        return r;
    snprintf(number, sizeof(number), "%d", signum);
    hx_event_record(&dirs, pod, "kill", more);
    return 0;
}

/* -- destroying -------------------------------------------------------------
 */

/* That it was us is recorded before the domain is destroyed, so that no one
 * takes it for `xl destroy`. */
static int record_force(struct hx_host *host, const struct hx_pod_dir *dir,
                        struct hx_pod *pod, const char *why, struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);

    free(pod->message);
    pod->message = strdup(why);
    pod->state = HX_POD_EXITED;
    pod->end = HX_END_KILLED;
    pod->exit_code = EXIT_KILLED;
    return hx_pod_note_end(&dirs, dir, pod, err);
}

/* With the lock: ends the pod by destroying its domain, unless that has just
 * ended by itself. */
static int end_by_force(struct hx_host *host, const struct hx_pod_dir *dir,
                        struct hx_pod *pod, const char *why, struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    const struct hx_domain *domain;
    int r = 0;

    if (pod->state != HX_POD_EXITED) {
        r = hx_domains_get(&domains, err);
        if (r < 0)
            return r;
        domain = hx_domains_find(&domains, pod->uuid);
        if (domain && (domain->fate == HX_DOMAIN_ENDED ||
                       domain->fate == HX_DOMAIN_CRASHED))
            r = hx_pod_record_end(host, dir, pod, domain, err);
        else
            r = record_force(host, dir, pod, why, err);
        hx_domains_release(&domains);
    }
    if (r == 0 && !pod->reaped)
        r = hx_pod_reap(host, dir, pod, err);
    return r;
}

/* Opens, locks and reads the folder of `pod`; its hold stays its own. */
static int take(struct hx_host *host, const struct hx_pod *pod,
                struct hx_pod_dir *dir, struct hx_pod *fresh,
                struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    int r = hx_pod_dir_open(&dirs, pod->uuid, dir, err);

    if (r == 0)
        r = hx_pod_dir_lock(dir, LOCK_TIMEOUT_MS, err);
    return r == 0 ? hx_pod_view_load(dir, fresh, err) : r;
}

static int check_ended(const struct hx_pod *fresh, struct hx_err *err)
{
    struct hx_domain domain;
    int r;

    if (hx_pod_restarting(fresh))
        return hx_err_set(err, HX_ERR_STATE,
                          "destroying the pod %s: its restart policy is about "
                          "to start it again; stop it first, or say -f",
                          fresh->spec.name);
    if (fresh->state == HX_POD_EXITED)
        return 0;
    r = living_domain(fresh, &domain, err);
    if (r == -HX_ERR_STATE)
        return 0;
    if (r < 0)
        return r;
    return hx_err_set(err, HX_ERR_STATE,
                      "destroying the pod %s: it runs; stop it first, or say "
                      "-f",
                      fresh->spec.name);
}

int hx_pod_destroy(struct hx_host *host, struct hx_pod *pod, bool force,
                   struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_pod_dir dir = { .lock_fd = -1 };
    _cleanup_close_ int monitor = -1;
    struct hx_pod fresh = { 0 };
    int r = take(host, pod, &dir, &fresh, err);

    if (r == 0 && !force)
        r = check_ended(&fresh, err);
    if (r == 0) {
        monitor = hx_monitor_watch(&dir);
        r = end_by_force(host, &dir, &fresh, "destroyed by hyper-destroy", err);
    }
    if (r == 0)
        hx_event_record(&dirs, &fresh, "destroy", NULL);
    if (r == 0)
        r = hx_pod_dir_remove(&dirs, &dir, err);
    if (r == 0 && monitor >= 0)
        hx_monitor_await(monitor, MONITOR_TIMEOUT_MS);
    hx_pod_release(&fresh);
    hx_pod_dir_release(&dir);
    return r == -HX_ERR_NOT_FOUND ? 0 : r; /* somebody else removed it */
}

/* -- stopping ---------------------------------------------------------------
 */

static int stop_timeout(const struct hx_pod *pod)
{
    unsigned longest_ms = 0;

    for (size_t i = 0; i < pod->spec.container_count; i++) {
        if (pod->spec.containers[i].stop_timeout_ms > longest_ms)
            longest_ms = pod->spec.containers[i].stop_timeout_ms;
    }
    return longest_ms > INT32_MAX - AFTER_KILL_MS ? INT32_MAX - AFTER_KILL_MS
                                                  : (int)longest_ms;
}

/* As hx_pod_wait(), by looking again and again. */
static int look_until_ended(struct hx_host *host, const struct hx_pod *pod,
                            int64_t deadline_ms, struct hx_err *err)
{
    static const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
    struct hx_domain domain;

    while (living_domain(pod, &domain, NULL) != -HX_ERR_STATE) {
        if (hx_clock_monotonic_ms() >= deadline_ms)
            return hx_err_set(err, HX_ERR_STATE,
                              "stopping the pod %s: it has not ended in time",
                              pod->spec.name);
        if (nanosleep(&pause, NULL) < 0)
            return hx_err_set(err, HX_ERR_INTERRUPTED,
                              "stopping the pod %s: interrupted by a signal",
                              pod->spec.name);
    }
    return hx_pod_reconcile(host, pod->uuid, err);
}

/* HX_ERR_STATE: the time is up, and nothing else.  What keeps us from waiting
 * (no descriptors, no monitor) shortens no pod's time. */
static int await_end(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                     struct hx_err *err)
{
    int64_t deadline_ms = hx_clock_monotonic_ms() + timeout_ms;
    int r = hx_pod_wait(host, pod, timeout_ms, err);

    if (r == 0 || r == -HX_ERR_INTERRUPTED ||
        (r == -HX_ERR_STATE && hx_clock_monotonic_ms() >= deadline_ms))
        return r;
    return look_until_ended(host, pod, deadline_ms, err);
}

/* Asks the guest to stop, and waits for it.  HX_ERR_STATE: in vain. */
static int stop_kindly(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                       struct hx_err *err)
{
    _cleanup_close_ int lock = -1;
    struct hx_domain domain = { 0 };
    int r = living_domain(pod, &domain, err);

    if (r == 0 && domain.paused) {
        pod->domid = domain.domid;
        r = hx_pod_unpause(host, pod, err);
    }
    if (r == 0) {
        /* A signal that the guest does not take is overtaken. */
        lock_requests(host, pod, STOP_LOCK_TIMEOUT_MS, &lock, NULL);
        r = hx_xen_request(host, domain.domid, pod->uuid, "stop",
                           (unsigned)timeout_ms, 0, err);
        hx_cleanup_close(&lock);
        lock = -1;
    }
    if (r == -HX_ERR_STATE || r == 0) /* asked, or it has just ended */
        r = await_end(host, pod, timeout_ms + AFTER_KILL_MS, err);
    return r;
}

static int stop_by_force(struct hx_host *host, struct hx_pod *pod,
                         struct hx_err *err)
{
    struct hx_pod_dir dir = { .lock_fd = -1 };
    struct hx_pod fresh = { 0 };
    int r = take(host, pod, &dir, &fresh, err);

    if (r == 0)
        r = end_by_force(host, &dir, &fresh,
                         "it did not stop in time, so that its domain was "
                         "destroyed",
                         err);
    hx_pod_dir_release(&dir);
    if (r == 0) {
        fresh.hold = hx_steal_ptr(&pod->hold);
        hx_pod_release(pod);
        *pod = fresh;
        fresh = (struct hx_pod){ 0 };
    }
    hx_pod_release(&fresh);
    return r;
}

static void tell_of_stop(struct hx_host *host, const struct hx_pod *pod,
                         const char *action)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    char number[16];
    const struct hx_event_attribute more[] = { { "signal", number },
                                               { NULL, NULL } };

    snprintf(number, sizeof(number), "%d",
             pod->spec.container_count ? pod->spec.containers[0].stop_signal
                                       : SIGTERM);
    hx_event_record(&dirs, pod, action,
                    strcmp(action, "kill") == 0 ? more : NULL);
}

/* Until it has ended; an --rm pod is still held then. */
static int stop(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                enum hx_pod_stopper stopper, struct hx_err *err)
{
    bool ended = false;
    int r;

    if (pod->state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE,
                          "stopping the pod %s: it is being created",
                          pod->spec.name);
    if (timeout_ms < 0)
        timeout_ms = stop_timeout(pod);
    if (timeout_ms > INT32_MAX - AFTER_KILL_MS)
        timeout_ms = INT32_MAX - AFTER_KILL_MS;
    r = note_stopper(host, pod, stopper, &ended, err);
    if (r < 0 || ended)
        return r;
    tell_of_stop(host, pod, "kill");
    r = stop_kindly(host, pod, timeout_ms, err);
    if (r == -HX_ERR_STATE)
        r = stop_by_force(host, pod, err);
    if (r == 0)
        tell_of_stop(host, pod, "stop");
    else if (r != -HX_ERR_INTERRUPTED && r != -HX_ERR_NOT_FOUND)
        note_stopper(host, pod, HX_STOPPER_NONE, &ended, NULL); /* runs on */
    return r;
}

static int stop_and_let_go(struct hx_host *host, struct hx_pod *pod,
                           int timeout_ms, enum hx_pod_stopper stopper,
                           struct hx_err *err)
{
    struct hx_err why = { 0 };
    int r = stop(host, pod, timeout_ms, stopper, &why);

    if (r == -HX_ERR_NOT_FOUND) /* somebody has destroyed it meanwhile */
        return 0;
    if (r < 0) {
        if (err)
            *err = why;
        return r;
    }
    if (!pod->spec.auto_remove)
        return 0;
    hx_pod_let_go(pod);
    return hx_pod_reconcile(host, pod->uuid, err);
}

int hx_pod_stop(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                struct hx_err *err)
{
    return stop_and_let_go(host, pod, timeout_ms, HX_STOPPER_USER, err);
}

int hx_pod_stop_for_host(struct hx_host *host, struct hx_pod *pod,
                         int timeout_ms, struct hx_err *err)
{
    return stop_and_let_go(host, pod, timeout_ms, HX_STOPPER_HOST, err);
}

int hx_pod_restart(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                   struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    int r = 0;

    if (pod->state != HX_POD_EXITED || hx_pod_restarting(pod))
        r = stop(host, pod, timeout_ms, HX_STOPPER_USER, err);
    if (r == 0)
        r = hx_pod_start(host, pod, err);
    if (r == 0)
        hx_event_record(&dirs, pod, "restart", NULL);
    return r;
}
