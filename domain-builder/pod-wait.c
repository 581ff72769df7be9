/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-reconcile.h"
#include "domain-builder/pod-state.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"

/* A reaper that has given back everything ends at once; one whose pod was
 * destroyed reads what the console has left. */
#define MONITOR_END_TIMEOUT_MS 2000
#define LOCK_TIMEOUT_MS        30000
/* A monitor that dies so often, and so soon each time, will not live. */
#define RESPAWNS_MAX    5
#define RESPAWN_LIFE_MS 10000

struct waiting {
    struct hx_host *host;
    struct hx_pod *pod;
    struct hx_pod_dir dir;
    int folder;          /* O_PATH: also while it is being removed */
    int inotify;         /* of the folder */
    int monitor;         /* see hx_monitor_watch() */
    int64_t deadline_ms; /* -1: none */
    int respawns;
    int64_t tended_ms; /* when the last one was started */
};

static int left_ms(const struct waiting *wait)
{
    int64_t left = wait->deadline_ms - hx_clock_monotonic_ms();

    if (wait->deadline_ms < 0)
        return -1;
    return left > 0 ? (int)left : 0;
}

static int sys_err(const struct waiting *wait, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "waiting for the pod %s",
                      wait->pod->spec.name ? wait->pod->spec.name
                                           : wait->pod->uuid);
}

/* -- reading ----------------------------------------------------------------
 */

/* Only `hyper-destroy` removes a pod that somebody holds. */
static void was_removed(struct hx_pod *pod)
{
    if (pod->state != HX_POD_EXITED || pod->end == HX_END_NONE) {
        pod->end = HX_END_KILLED;
        pod->exit_code = 137;
    }
    pod->state = HX_POD_EXITED;
    pod->reaped = true;
}

/* Fills the pod anew; its hold stays.  HX_ERR_NOT_FOUND: it was removed. */
static int refresh(struct waiting *wait, struct hx_err *err)
{
    struct hx_pod_dir there = { .lock_fd = -1 };
    struct hx_pod fresh;
    char path[64];
    int r = hx_pod_dir_load(&wait->dir, &fresh, err);

    if (r == -HX_ERR_NOT_FOUND) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", wait->folder);
        memcpy(there.uuid, wait->dir.uuid, sizeof(there.uuid));
        there.path = path;
        r = hx_pod_dir_load(&there, &fresh, err);
        if (r == 0)
            was_removed(&fresh); /* or will be in a moment */
    }
    if (r < 0)
        return r;
    fresh.hold = hx_steal_ptr(&wait->pod->hold);
    hx_pod_release(wait->pod);
    *wait->pod = fresh;
    return 0;
}

/* -- waiting ----------------------------------------------------------------
 */

static int begin(struct waiting *wait, struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(wait->host);
    int r = hx_pod_dir_open(&dirs, wait->pod->uuid, &wait->dir, err);

    if (r < 0)
        return r;
    /* One that is being removed already can still be read. */
    hx_pod_dir_hold(&wait->dir, wait->pod, NULL);
    wait->folder = open(wait->dir.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    wait->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (wait->folder < 0 || wait->inotify < 0 ||
        inotify_add_watch(wait->inotify, wait->dir.path,
                          IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF |
                              IN_ONLYDIR) < 0)
        return errno == ENOENT ? -HX_ERR_NOT_FOUND : sys_err(wait, err);
    return 0;
}

static void finish(struct waiting *wait)
{
    hx_cleanup_close(&wait->folder);
    hx_cleanup_close(&wait->inotify);
    hx_cleanup_close(&wait->monitor);
    hx_pod_dir_release(&wait->dir);
}

static int sleep_until_news(struct waiting *wait, struct hx_err *err)
{
    struct pollfd fds[] = {
        { .fd = wait->inotify, .events = POLLIN },
        { .fd = wait->monitor, .events = 0 },
    };
    char events[4096];
    int r = poll(fds, 2, left_ms(wait));

    if (r < 0 && errno == EINTR)
        return hx_err_set(err, HX_ERR_INTERRUPTED,
                          "waiting for the pod %s: interrupted by a signal",
                          wait->pod->spec.name);
    if (r < 0)
        return sys_err(wait, err);
    if (r == 0)
        return hx_err_set(err, HX_ERR_STATE,
                          "waiting for the pod %s: it has not ended in time",
                          wait->pod->spec.name);
    while (read(wait->inotify, events, sizeof(events)) > 0)
        ;
    return 0;
}

/* Nobody watches the pod: whatever is to be done about that. */
static int tend(struct waiting *wait, struct hx_err *err)
{
    int left = left_ms(wait);
    struct hx_reconcile_options options = {
        .may_adopt = true,
        .lock_timeout_ms =
            left >= 0 && left < LOCK_TIMEOUT_MS ? left + 1 : LOCK_TIMEOUT_MS,
    };
    int r;

    if (hx_clock_monotonic_ms() - wait->tended_ms > RESPAWN_LIFE_MS)
        wait->respawns = 0;
    if (wait->respawns++ == RESPAWNS_MAX)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "waiting for the pod %s: its monitor dies again and "
                          "again; see %s/monitor.log",
                          wait->pod->spec.name, wait->dir.path);
    r = hx_pod_reconcile_one(wait->host, wait->dir.uuid, &options, err);
    wait->tended_ms = hx_clock_monotonic_ms();
    return r == -HX_ERR_NOT_FOUND ? 0 : r;
}

/* The log is complete once its writer has gone. */
static void let_monitor_end(const struct waiting *wait)
{
    if (wait->monitor >= 0)
        hx_monitor_await(wait->monitor, MONITOR_END_TIMEOUT_MS);
}

static int wait_for_end(struct waiting *wait, struct hx_err *err)
{
    int r;

    for (;;) {
        /* Before the folder is read: what changes later is told of. */
        hx_cleanup_close(&wait->monitor);
        wait->monitor = hx_monitor_watch(&wait->dir);
        r = refresh(wait, err);
        /* One that is about to start again must not be missed: its log is
         * complete, too. */
        if (r < 0 || (wait->pod->state == HX_POD_EXITED &&
                      (wait->pod->reaped || hx_pod_restarting(wait->pod))))
            return r;
        if (wait->monitor >= 0) {
            r = sleep_until_news(wait, err);
        } else {
            r = tend(wait, err);
            /* That it has ended is the answer, reaped or not. */
            if (refresh(wait, NULL) == 0 && wait->pod->state == HX_POD_EXITED)
                return 0;
        }
        if (r < 0)
            return r;
    }
}

int hx_pod_wait(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                struct hx_err *err)
{
    struct waiting wait = {
        .host = host,
        .pod = pod,
        .dir = { .lock_fd = -1 },
        .folder = -1,
        .inotify = -1,
        .monitor = -1,
        .deadline_ms =
            timeout_ms < 0 ? -1 : hx_clock_monotonic_ms() + timeout_ms,
    };
    int r = begin(&wait, err);

    if (r == 0)
        r = wait_for_end(&wait, err);
    if (r == -HX_ERR_NOT_FOUND) {
        was_removed(pod);
        r = 0;
    }
    if (r == 0)
        let_monitor_end(&wait);
    pod->domid = pod->state == HX_POD_EXITED ? 0 : pod->domid;
    finish(&wait);
    return r;
}
