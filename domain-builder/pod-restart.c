/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-restart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-start.h"
#include "domain-builder/restart-plan.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/file.h"

/* The one before may be about to see that it is not needed. */
#define TURN_TIMEOUT_MS 2000
#define LOCK_TIMEOUT_MS 30000

static char *lock_path(const struct hx_pod_dir *dir)
{
    char *path;

    return asprintf(&path, "%s/restart.lock", dir->path) < 0 ? NULL : path;
}

bool hx_pod_restarter_lives(const struct hx_pod_dir *dir)
{
    _cleanup_free_ char *path = lock_path(dir);
    _cleanup_close_ int fd = -1;

    if (!path)
        return false;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* Milliseconds until the restart; 0: now; -1: there is none. */
static int read_time(struct hx_pod_dir *dir, struct hx_err *err, int *left_r)
{
    struct hx_pod pod = { 0 };
    int64_t left_ms;
    int r = hx_pod_dir_load(dir, &pod, err);

    if (r < 0)
        return r;
    left_ms = pod.restart_at_ms - hx_clock_unix_ms();
    *left_r = -1;
    if (hx_pod_restarting(&pod) && !hx_pod_rebooted(&pod))
        *left_r = left_ms > HX_RESTART_LAST_MS ? 0 /* the clock was set back */
                  : left_ms > 0                ? (int)left_ms
                                               : 0;
    hx_pod_release(&pod);
    return 0;
}

/* The restart that has failed counts, and the next one comes later; unless it
 * was the last.  Why is the pod's error, until it runs. */
static int postpone(struct hx_pod_dir *dir, struct hx_err *err)
{
    char *why = NULL;
    struct hx_pod pod = { 0 };
    int r;

    if (asprintf(&why, "starting it again: %s", err->msg) < 0)
        why = NULL;
    r = hx_pod_dir_lock(dir, LOCK_TIMEOUT_MS, err);
    if (r == 0)
        r = hx_pod_dir_load(dir, &pod, err);
    if (r == 0 && hx_pod_restarting(&pod)) {
        struct hx_restart_facts facts = {
            .policy = pod.spec.restart,
            .max = pod.spec.restart_max,
            .count = ++pod.restart_count,
            .end = pod.end,
            .exit_code = pod.exit_code,
            .delay_ms = pod.restart_delay_ms,
        };
        int delay_ms = hx_restart_delay(&facts);

        pod.restart_at_ms = delay_ms < 0 ? 0 : hx_clock_unix_ms() + delay_ms;
        if (delay_ms > 0)
            pod.restart_delay_ms = (unsigned)delay_ms;
        free(pod.message);
        pod.message = hx_steal_ptr(&why);
        r = hx_pod_dir_save(dir, &pod, err);
    }
    free(why);
    hx_pod_release(&pod);
    hx_pod_dir_unlock(dir);
    return r;
}

static int start(struct hx_host *host, struct hx_pod_dir *dir,
                 struct hx_err *err)
{
    struct hx_pod pod = { 0 };
    int r = hx_pod_start_for(host, dir->uuid, HX_START_POLICY, &pod, err);

    hx_pod_release(&pod);
    if (r >= 0 || r == -HX_ERR_NOT_FOUND)
        return r;
    return postpone(dir, err);
}

/* Sleeps until `left_ms` are over, or the pod's folder changes. */
static void sleep_or_see(int inotify, int left_ms)
{
    struct pollfd pfd = { .fd = inotify, .events = POLLIN };
    char events[4096];

    poll(&pfd, 1, left_ms);
    while (read(inotify, events, sizeof(events)) > 0)
        ;
}

static int wait_and_start(struct hx_host *host, struct hx_pod_dir *dir,
                          int inotify, struct hx_err *err)
{
    int left_ms = 0, r;

    for (;;) {
        r = read_time(dir, err, &left_ms);
        if (r < 0 || left_ms < 0)
            return r;
        if (left_ms > 0) {
            sleep_or_see(inotify, left_ms);
            continue;
        }
        r = start(host, dir, err);
        if (r)
            return r < 0 ? r : 0; /* somebody else has it in hand */
    }
}

int hx_pod_restart_by_policy(struct hx_host *host, const char *uuid,
                             struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_pod_dir dir = { .lock_fd = -1 };
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int lock = -1;
    _cleanup_close_ int inotify = -1;
    int r = hx_pod_dir_open(&dirs, uuid, &dir, err);

    if (r < 0)
        return r == -HX_ERR_NOT_FOUND ? 0 : r;
    path = lock_path(&dir);
    r = path ? hx_lock(path, 1, TURN_TIMEOUT_MS, &lock, NULL) : -1;
    inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (r == 0 && inotify >= 0) {
        inotify_add_watch(inotify, dir.path,
                          IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR);
        r = wait_and_start(host, &dir, inotify, err);
    } else {
        r = 0; /* another one has it in hand, or the next command finds it */
    }
    hx_pod_dir_release(&dir);
    return r == -HX_ERR_NOT_FOUND ? 0 : r;
}
