/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"

#define CHUNK ((size_t)64 << 10)

static int open_log(const char *path, int *fd_r, struct hx_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening the log %s",
                          path);
    *fd_r = fd;
    return 0;
}

static bool same_file(int a, int b)
{
    struct stat sa, sb;

    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_ino == sb.st_ino &&
           sa.st_dev == sb.st_dev;
}

/* -- the last lines -------------------------------------------------------- */

/*
 * Where to begin so that *newlines of them are behind; counts down what it
 * passes, and is 0 when there are fewer.
 */
static int64_t scan_back(int fd, int64_t size, int64_t *newlines)
{
    char chunk[8192];

    while (size > 0) {
        size_t want =
            size < (int64_t)sizeof(chunk) ? (size_t)size : sizeof(chunk);
        ssize_t got = pread(fd, chunk, want, size - (int64_t)want);

        if (got != (ssize_t)want)
            return 0;
        for (size_t i = want; i > 0; i--) {
            if (chunk[i - 1] == '\n' && --*newlines == 0)
                return size - (int64_t)(want - i);
        }
        size -= (int64_t)want;
    }
    return 0;
}

static int64_t file_size(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

static bool ends_in_newline(int fd, int64_t size)
{
    char last;

    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last == '\n';
}

/* Moves both parts to where the last `lines` begin. */
static void seek_tail(int older, int log, int64_t lines)
{
    int64_t older_size = file_size(older), size = file_size(log);
    int64_t newlines = lines, start;

    /* The newline that ends the last line does not begin another. */
    if (size > 0 ? ends_in_newline(log, size)
                 : ends_in_newline(older, older_size))
        newlines++;
    if (lines == 0) {
        start = size;
        newlines = 0;
    } else {
        start = scan_back(log, size, &newlines);
    }
    if (log >= 0)
        lseek(log, start, SEEK_SET);
    if (older < 0)
        return;
    start = newlines > 0 ? scan_back(older, older_size, &newlines) : older_size;
    lseek(older, start, SEEK_SET);
}

/* -- copying --------------------------------------------------------------- */

static int write_out(int out, const char *data, size_t len, struct hx_err *err)
{
    while (len > 0) {
        ssize_t n = write(out, data, len);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            /* Whoever gave us the descriptor made it non-blocking. */
            struct pollfd wait = { .fd = out, .events = POLLOUT };

            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "writing the container's output");
        }
    }
    return 0;
}

static int copy_rest(int fd, int out, struct hx_err *err)
{
    static char chunk[CHUNK];
    int r = 0;

    while (r == 0) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the log");
        r = write_out(out, chunk, (size_t)n, err);
    }
    return r;
}

/* -- watching -------------------------------------------------------------- */

/* Of the folder only what makes a new log: it has other files, too. */
#define FOLDER_EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)

static int watch_folder(struct hx_follow *f, struct hx_err *err)
{
    _cleanup_free_ char *path = strdup(f->path);

    f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (!path || f->inotify < 0 ||
        inotify_add_watch(f->inotify, dirname(path), FOLDER_EVENTS) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "watching the log %s",
                          f->path);
    return 0;
}

/* Goes over to `fd`, which is followed by as many logs as `renames` says. */
static int take_log(struct hx_follow *f, int fd, unsigned renames,
                    struct hx_err *err)
{
    char link[64];

    if (f->watch >= 0)
        inotify_rm_watch(f->inotify, f->watch);
    if (f->fd >= 0)
        close(f->fd);
    f->watch = -1;
    f->fd = fd;
    f->renames = renames;
    if (fd < 0)
        return 0;
    /* This very file, whatever its name is by now. */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    f->watch = inotify_add_watch(f->inotify, link, IN_MODIFY);
    return f->watch >= 0 ? 0
                         : hx_err_sys(err, HX_ERR_SYSTEM, errno,
                                      "watching the log %s", f->path);
}

/* Takes in the events; whether the log was renamed. */
static bool take_events(struct hx_follow *f)
{
    const char *older = strrchr(f->older_path, '/');
    char events[4096];
    unsigned before = f->renames;
    ssize_t n;

    older = older ? older + 1 : f->older_path;
    while ((n = read(f->inotify, events, sizeof(events))) > 0) {
        for (char *p = events; p < events + n;) {
            struct inotify_event event;

            memcpy(&event, p, sizeof(event));
            p += sizeof(event);
            if (event.mask & IN_Q_OVERFLOW)
                f->renames += 2; /* who knows how often */
            if (event.mask & IN_MOVED_TO && strcmp(p, older) == 0)
                f->renames++;
            p += event.len;
        }
    }
    return f->renames != before;
}

/* Opens both parts as they are between two renames; -1: not there. */
static int open_parts(struct hx_follow *f, int *log_r, int *older_r,
                      struct hx_err *err)
{
    for (;;) {
        _cleanup_close_ int log = -1, older = -1;
        int r;

        take_events(f);
        r = open_log(f->path, &log, err);
        if (r == 0)
            r = open_log(f->older_path, &older, err);
        if (r == 0 && take_events(f))
            continue;
        if (r == 0) {
            *log_r = hx_steal_fd(&log);
            *older_r = hx_steal_fd(&older);
        }
        return r;
    }
}

/* -- interface ------------------------------------------------------------- */

int hx_follow_open(const char *path, int64_t tail_lines,
                   struct hx_follow *follow_r, struct hx_err *err)
{
    struct hx_follow f = { .fd = -1, .inotify = -1, .older = -1, .watch = -1 };
    int log = -1, r;

    f.path = strdup(path);
    if (!f.path || asprintf(&f.older_path, "%s.1", path) < 0) {
        f.older_path = NULL;
        r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the log");
        goto fail;
    }
    r = watch_folder(&f, err);
    if (r == 0)
        r = open_parts(&f, &log, &f.older, err);
    if (r == 0)
        r = take_log(&f, log, log < 0, err);
    if (r < 0)
        goto fail;
    if (tail_lines != HX_FOLLOW_ALL)
        seek_tail(f.older, f.fd, tail_lines);
    *follow_r = f;
    return 0;

fail:
    hx_follow_close(&f);
    return r;
}

void hx_follow_close(struct hx_follow *follow)
{
    if (!follow || !follow->path)
        return;
    free(follow->path);
    free(follow->older_path);
    if (follow->fd >= 0)
        close(follow->fd);
    if (follow->older >= 0)
        close(follow->older);
    if (follow->inotify >= 0)
        close(follow->inotify);
    *follow =
        (struct hx_follow){ .fd = -1, .inotify = -1, .older = -1, .watch = -1 };
}

int hx_follow_fd(const struct hx_follow *follow)
{
    return follow->inotify;
}

/*
 * What came after our log, of the two that are there: mostly the one that has
 * the name now, but its predecessor when we are that slow.  True: taken.
 */
static bool next_log(struct hx_follow *f, int *log, int *older,
                     struct hx_err *err, int *r)
{
    if (f->renames > 1 && !same_file(*older, f->fd)) {
        f->lost = f->lost || f->renames > 2 || *older < 0;
        if (*older >= 0) {
            *r = take_log(f, hx_steal_fd(older), 1, err);
            return true;
        }
    }
    if (*log < 0 || same_file(*log, f->fd))
        return false;
    *r = take_log(f, hx_steal_fd(log), 0, err);
    return true;
}

int hx_follow_copy(struct hx_follow *f, int out, struct hx_err *err)
{
    bool more = true;
    int r = 0;

    if (f->older >= 0) {
        r = copy_rest(f->older, out, err);
        if (r < 0)
            return r;
        close(f->older);
        f->older = -1;
    }
    while (r == 0 && more) {
        _cleanup_close_ int log = -1, older = -1;

        /*
         * Before we read, so that what is written after our last read wakes us
         * again; and a log that has been followed by another is complete.
         */
        r = open_parts(f, &log, &older, err);
        if (r == 0 && f->fd >= 0)
            r = copy_rest(f->fd, out, err);
        if (r == 0)
            more = next_log(f, &log, &older, err, &r);
    }
    return r;
}

int hx_follow_check(const struct hx_follow *follow, struct hx_err *err)
{
    if (!follow->lost)
        return 0;
    return hx_err_set(err, HX_ERR_LIMIT,
                      "reading the log %s: a part of the output is missing; it "
                      "was written faster than it was read",
                      follow->path);
}
