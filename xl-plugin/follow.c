/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/follow.h"

#include <errno.h>
#include <fcntl.h>
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

/* -- interface ------------------------------------------------------------- */

int hx_follow_open(const char *path, int64_t tail_lines,
                   struct hx_follow *follow_r, struct hx_err *err)
{
    struct hx_follow f = { .fd = -1, .inotify = -1, .older = -1 };
    _cleanup_free_ char *older = NULL;
    _cleanup_free_ char *folder = NULL;
    int r;

    f.path = strdup(path);
    folder = strdup(path);
    if (!f.path || !folder || asprintf(&older, "%s.1", path) < 0) {
        older = NULL;
        r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the log");
        goto fail;
    }
    if (strrchr(folder, '/'))
        strrchr(folder, '/')[1] = '\0';
    f.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (f.inotify < 0 ||
        inotify_add_watch(f.inotify, strchr(folder, '/') ? folder : ".",
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF |
                              IN_ONLYDIR) < 0) {
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "watching the log %s", path);
        goto fail;
    }
    /* This order: renamed in between, the older one is seen to be the same. */
    r = open_log(path, &f.fd, err);
    if (r == 0)
        r = open_log(older, &f.older, err);
    if (r < 0)
        goto fail;
    if (f.older >= 0 && f.fd >= 0 && same_file(f.older, f.fd)) {
        close(f.older);
        f.older = -1;
    }
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
    if (follow->fd >= 0)
        close(follow->fd);
    if (follow->older >= 0)
        close(follow->older);
    if (follow->inotify >= 0)
        close(follow->inotify);
    *follow = (struct hx_follow){ .fd = -1, .inotify = -1, .older = -1 };
}

int hx_follow_fd(const struct hx_follow *follow)
{
    return follow->inotify;
}

static void forget_events(int inotify)
{
    char events[4096];

    while (read(inotify, events, sizeof(events)) > 0)
        ;
}

int hx_follow_copy(struct hx_follow *f, int out, struct hx_err *err)
{
    int r = 0;

    /* First, so that what is written from now on wakes us again. */
    forget_events(f->inotify);
    if (f->older >= 0) {
        r = copy_rest(f->older, out, err);
        if (r < 0)
            return r;
        close(f->older);
        f->older = -1;
    }
    for (;;) {
        int next = -1;

        if (f->fd >= 0)
            r = copy_rest(f->fd, out, err);
        if (r == 0)
            r = open_log(f->path, &next, err);
        if (r < 0)
            return r;
        if (next < 0)
            return 0;
        if (f->fd >= 0 && same_file(next, f->fd)) {
            close(next);
            return 0;
        }
        /*
         * Renamed: the writer makes the new log after its last write to the
         * old one, which may have come behind our last read.
         */
        if (f->fd >= 0) {
            r = copy_rest(f->fd, out, err);
            close(f->fd);
        }
        f->fd = next;
        if (r < 0)
            return r;
    }
}
