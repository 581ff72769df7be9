/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/base/clock.h"

int hx_file_read(const char *path, size_t max_bytes, struct hx_buf *out,
                 struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    _cleanup_buf_ struct hx_buf buf = HX_BUF_INIT(max_bytes);
    char chunk[16384];
    ssize_t n;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return hx_err_sys(err,
                          errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM,
                          errno, "reading %s", path);
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) { /* a pipe: its writer takes its time */
            poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
            continue;
        }
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
        if (hx_buf_add(&buf, chunk, (size_t)n) < 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "reading %s: it is larger than %zu bytes", path,
                              max_bytes);
    }
    *out = buf;
    buf = (struct hx_buf){ 0 };
    return 0;
}

int hx_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int hx_file_write_atomic(const char *path, const void *data, size_t len,
                         mode_t mode, struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int saved;

    if (asprintf(&temp, "%s.XXXXXX", path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing %s", path);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", path);
    if (hx_write_all(fd, data, len) == 0 && fchmod(fd, mode) == 0 &&
        fsync(fd) == 0 && rename(temp, path) == 0)
        return 0;
    saved = errno;
    unlink(temp);
    return hx_err_sys(err, HX_ERR_SYSTEM, saved, "writing %s", path);
}

int hx_mkdir_p(const char *path, mode_t mode, struct hx_err *err)
{
    _cleanup_free_ char *copy = strdup(path);

    if (!copy)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making %s", path);
    for (char *p = copy + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making folder %s",
                              copy);
        *p = c;
        if (c == '\0')
            return 0;
    }
}

static int rm_one(const char *path, const struct stat *st, int type,
                  struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int hx_rm_rf(const char *path, struct hx_err *err)
{
    if (nftw(path, rm_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
        errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    return 0;
}

int hx_lock_fd(int fd, const char *path, int exclusive, int timeout_ms,
               struct hx_err *err)
{
    static const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
    int64_t until = hx_clock_monotonic_ms() + timeout_ms;
    int how = exclusive ? LOCK_EX : LOCK_SH;

    if (timeout_ms >= 0)
        how |= LOCK_NB;
    while (flock(fd, how) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking %s", path);
        if (hx_clock_monotonic_ms() >= until)
            return hx_err_set(err, HX_ERR_STATE,
                              "locking %s: another process has held it for "
                              "%d ms; try again",
                              path, timeout_ms);
        /* flock has no time-out of its own, and SIGALRM is not ours. */
        nanosleep(&pause, NULL);
    }
    return 0;
}

int hx_lock(const char *path, int exclusive, int timeout_ms, int *fd_r,
            struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    int r;

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking %s", path);
    r = hx_lock_fd(fd, path, exclusive, timeout_ms, err);
    if (r == 0)
        *fd_r = hx_steal_fd(&fd);
    return r;
}
