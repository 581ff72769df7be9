/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/event-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-builder/pod-event.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS 2000

struct hx_event_log {
    char *path;
    int old;     /* the older part, read first; -1: done */
    int fd;      /* -1: there is none yet */
    int inotify; /* of the folder */
    char buf[2 * HX_EVENT_LINE_MAX];
    size_t taken, len; /* of buf */
    bool skip;         /* the rest of a line that is too long */
};

static int open_part(const char *path, const char *suffix)
{
    _cleanup_free_ char *name = NULL;

    if (asprintf(&name, "%s%s", path, suffix) < 0) {
        name = NULL;
        return -1;
    }
    return open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Both parts under the lock, so that none is moved in between. */
static void open_parts(struct hx_event_log *log, bool all)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int lock = -1;

    if (asprintf(&path, "%s.lock", log->path) < 0)
        path = NULL;
    else
        hx_lock(path, 1, LOCK_TIMEOUT_MS, &lock, NULL);
    if (all)
        log->old = open_part(log->path, ".1");
    log->fd = open_part(log->path, "");
    if (!all && log->fd >= 0)
        lseek(log->fd, 0, SEEK_END);
}

int hx_event_log_open(const struct hx_host *host, bool all,
                      struct hx_event_log **log_r, struct hx_err *err)
{
    const char *folder = hx_host_state_dir(host);
    struct hx_event_log *log = calloc(1, sizeof(*log));
    int r;

    if (!log || asprintf(&log->path, "%s/" HX_EVENTS_NAME, folder) < 0) {
        free(log);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the events");
    }
    log->old = log->fd = -1;
    /* 0711 as whoever makes the first pod makes it: see pod-names.c */
    r = hx_mkdir_p(folder, 0711, err);
    log->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (r == 0 && (log->inotify < 0 ||
                   inotify_add_watch(log->inotify, folder,
                                     IN_MODIFY | IN_CREATE | IN_MOVED_FROM |
                                         IN_ONLYDIR) < 0))
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "watching %s", folder);
    if (r < 0) {
        hx_event_log_close(log);
        return r;
    }
    open_parts(log, all);
    *log_r = log;
    return 0;
}

void hx_event_log_close(struct hx_event_log *log)
{
    if (!log)
        return;
    hx_cleanup_close(&log->old);
    hx_cleanup_close(&log->fd);
    hx_cleanup_close(&log->inotify);
    free(log->path);
    free(log);
}

int hx_event_log_fd(const struct hx_event_log *log)
{
    return log->inotify;
}

/* A whole line of what is in hand. */
static const char *take_line(struct hx_event_log *log)
{
    char *line, *end;

    for (;;) {
        line = log->buf + log->taken;
        end = memchr(line, '\n', log->len - log->taken);
        if (!end)
            return NULL;
        log->taken = (size_t)(end - log->buf) + 1;
        *end = '\0';
        if (!log->skip && (size_t)(end - line) < HX_EVENT_LINE_MAX &&
            strlen(line) == (size_t)(end - line))
            return line;
        log->skip = false;
    }
}

/* More of one part; false at its end. */
static bool fill(struct hx_event_log *log, int fd)
{
    ssize_t n;

    memmove(log->buf, log->buf + log->taken, log->len - log->taken);
    log->len -= log->taken;
    log->taken = 0;
    if (log->len == sizeof(log->buf)) {
        log->skip = true;
        log->len = 0;
    }
    n = read(fd, log->buf + log->len, sizeof(log->buf) - log->len);
    if (n <= 0)
        return false;
    log->len += (size_t)n;
    return true;
}

/* A line that a full disk has cut off has no end in its part. */
static void next_part(struct hx_event_log *log, int *part, int fd)
{
    hx_cleanup_close(part);
    *part = fd;
    log->taken = log->len = 0;
    log->skip = false;
}

/* Whether there is another journal than the one at hand. */
static bool is_new(const struct hx_event_log *log)
{
    struct stat ours, there;

    if (stat(log->path, &there) < 0)
        return false;
    return log->fd < 0 || fstat(log->fd, &ours) < 0 ||
           ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
}

const char *hx_event_log_next(struct hx_event_log *log)
{
    char events[4096];
    const char *line;
    bool moved = false;

    while (read(log->inotify, events, sizeof(events)) > 0)
        ;
    for (;;) {
        line = take_line(log);
        if (line)
            return line;
        if (log->old >= 0) {
            if (!fill(log, log->old))
                next_part(log, &log->old, -1);
        } else if (log->fd < 0 || !fill(log, log->fd)) {
            /* Once it has been moved its end is read again: something may
             * have come meanwhile. */
            if (!moved && is_new(log)) {
                moved = true;
                continue;
            }
            if (!moved)
                return NULL;
            next_part(log, &log->fd, open_part(log->path, ""));
            moved = false;
            if (log->fd < 0)
                return NULL;
        }
    }
}
