/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"
#include "image/pull/report.h"
#include "image/pull/stop.h"

#define POLL_MS 20
/* Longer than all tries of a download together: five of 10 s for a connection,
 * 30 s for a transfer that stalls and 30 s before the next, at two places. */
#define STALL_MS 900000

/* Whether the locked file still has its name: a sweep, or the writer that
 * was done, may have taken it away before we had the lock. */
static int same_file(int fd, const char *path)
{
    struct stat ours, named;

    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* Waits for the lock as long as its holder gets on. */
static int wait_lock(int fd, const struct hx_claim *claim, struct hx_err *err)
{
    off_t size = -1;
    int idle_ms = 0, rc;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        struct stat st;

        if (errno != EWOULDBLOCK && errno != EINTR)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking %s",
                              claim->temp);
        hx_report_progress("waiting", claim->object, 0, 0);
        rc = hx_stop_wait(POLL_MS, err);
        if (rc < 0)
            return rc;
        idle_ms += POLL_MS;
        if (fstat(fd, &st) == 0 && st.st_size != size) {
            size = st.st_size;
            idle_ms = 0;
        }
        if (idle_ms >= STALL_MS)
            return hx_err_set(err, HX_ERR_STATE,
                              "%s: another pull is at it and has not moved "
                              "for %d s; end that one and try again",
                              claim->object, STALL_MS / 1000);
    }
    return 0;
}

static int lock_now(int fd, const struct hx_claim *claim, struct hx_err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? HX_CLAIM_HELD
                                : hx_err_sys(err, HX_ERR_SYSTEM, errno,
                                             "locking %s", claim->temp);
}

static int take(const struct hx_claim *claim,
                int (*lock)(int fd, const struct hx_claim *claim,
                            struct hx_err *err),
                int *fd_r, struct hx_err *err)
{
    for (;;) {
        _cleanup_close_ int fd =
            open(claim->temp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int rc;

        if (fd < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s",
                              claim->temp);
        rc = lock(fd, claim, err);
        if (rc != 0)
            return rc;
        rc = claim->is_done(claim->opaque, err);
        if (rc != 0) {
            if (same_file(fd, claim->temp))
                unlink(claim->temp);
            return rc;
        }
        if (!same_file(fd, claim->temp))
            continue;
        *fd_r = hx_steal_fd(&fd);
        return 0;
    }
}

int hx_claim_take(const struct hx_claim *claim, int *fd_r, struct hx_err *err)
{
    return take(claim, wait_lock, fd_r, err);
}

int hx_claim_try(const struct hx_claim *claim, int *fd_r, struct hx_err *err)
{
    return take(claim, lock_now, fd_r, err);
}
