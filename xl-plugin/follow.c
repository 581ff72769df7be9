/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"

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

static char chunk[HX_LOG_RECORD_MAX];

/* Where the record begins that ends before `end`, where the next one begins. */
static int64_t record_start(int fd, int64_t end)
{
    int64_t at = end - 1;
    char block[8192];

    while (at > 0) {
        size_t want = at < (int64_t)sizeof(block) ? (size_t)at : sizeof(block);
        const char *newline;

        if (pread(fd, block, want, at - (int64_t)want) != (ssize_t)want)
            return 0;
        newline = memrchr(block, '\n', want);
        if (newline)
            return at - (int64_t)want + (newline - block) + 1;
        at -= (int64_t)want;
    }
    return 0;
}

static int64_t file_size(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* Lines are counted from the end; a record may be a part of one. */
struct tail {
    const struct hx_log_filter *filter;
    int64_t lines; /* still to be found */
    bool seen;     /* a record was counted */
};

/* Whether the record is behind the lines that are wanted. */
static bool is_before(struct tail *tail, const struct hx_log_record *record)
{
    bool ends = record->len > 0 && record->text[record->len - 1] == '\n';

    if (!hx_log_filter_takes(tail->filter, record))
        return false;
    if (ends || !tail->seen) {
        if (tail->lines == 0)
            return true;
        tail->lines--;
    }
    tail->seen = true;
    return false;
}

/* Where the wanted lines begin in this part; 0: they may begin earlier. */
static int64_t find_tail(int fd, struct tail *tail)
{
    int64_t end = file_size(fd);

    /* What is still being written begins where the last newline is. */
    if (end > 0 && pread(fd, chunk, 1, end - 1) == 1 && *chunk != '\n')
        end = record_start(fd, end);
    while (end > 0) {
        int64_t start = record_start(fd, end);
        size_t len = (size_t)(end - start);
        struct hx_log_record record = { 0 };
        bool before;

        if (len <= sizeof(chunk) &&
            pread(fd, chunk, len, start) == (ssize_t)len &&
            hx_log_record_parse(chunk, len, &record) == 0) {
            before = is_before(tail, &record);
            hx_log_record_release(&record);
            if (before)
                return end;
        }
        end = start;
    }
    return 0;
}

/* Moves both parts to where the last `lines` begin. */
static void seek_tail(int older, int log, const struct hx_log_filter *filter,
                      int64_t lines)
{
    struct tail tail = { .filter = filter, .lines = lines };
    int64_t start = find_tail(log, &tail);

    if (log >= 0)
        lseek(log, start, SEEK_SET);
    if (older < 0)
        return;
    lseek(older, start > 0 ? file_size(older) : find_tail(older, &tail),
          SEEK_SET);
}

/* -- reading --------------------------------------------------------------- */

static int take_record(struct hx_follow *f, const char *line, size_t len,
                       struct hx_err *err)
{
    struct hx_log_record record;
    int r = 0;

    if (hx_log_record_parse(line, len, &record) < 0) {
        f->broken++;
        return 0;
    }
    if (f->filter.until_ns && record.time_ns > f->filter.until_ns)
        f->done = true;
    if (hx_log_filter_takes(&f->filter, &record))
        r = f->sink(f->opaque, &record, err);
    hx_log_record_release(&record);
    return r;
}

/* Takes the complete records of a chunk; how much that is. */
static int take_records(struct hx_follow *f, size_t len, size_t *used_r,
                        struct hx_err *err)
{
    size_t used = 0;
    int r = 0;

    while (r == 0 && !f->done) {
        const char *line = chunk + used;
        const char *newline = memchr(line, '\n', len - used);

        if (!newline)
            break;
        if (!f->skips)
            r = take_record(f, line, (size_t)(newline - line), err);
        f->skips = false;
        used = (size_t)(newline - chunk) + 1;
    }
    *used_r = used;
    return r;
}

/*
 * All complete records that are there.  A part of one stays to be read: its
 * writer may finish it, or cut it off when another died before.
 */
static int read_rest(struct hx_follow *f, int fd, struct hx_err *err)
{
    int r = 0;

    while (r == 0 && !f->done) {
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t n = pread(fd, chunk, sizeof(chunk), at);
        size_t used = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the log");
        r = take_records(f, (size_t)n, &used, err);
        if (used == 0 && n == sizeof(chunk)) { /* too long for a record */
            f->broken += !f->skips;
            f->skips = true;
            used = (size_t)n;
        }
        lseek(fd, at + (off_t)used, SEEK_SET);
        if (used == 0)
            break;
    }
    return r;
}

/* The same of a part that nobody writes any more. */
static int read_last(struct hx_follow *f, int fd, struct hx_err *err)
{
    int r = read_rest(f, fd, err);

    if (!f->done && lseek(fd, 0, SEEK_CUR) < file_size(fd))
        f->broken += !f->skips;
    f->skips = false;
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

static void leave_log(struct hx_follow *f)
{
    if (f->watch >= 0)
        inotify_rm_watch(f->inotify, f->watch);
    if (f->fd >= 0) {
        /* Nobody will finish what is half there. */
        if (!f->skips && lseek(f->fd, 0, SEEK_CUR) < file_size(f->fd))
            f->broken++;
        close(f->fd);
    }
    f->skips = false;
    f->watch = -1;
}

/* Goes over to `fd`, which is followed by as many logs as `renames` says. */
static int take_log(struct hx_follow *f, int fd, unsigned renames,
                    struct hx_err *err)
{
    char link[64];

    leave_log(f);
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

int hx_follow_open(const char *path, const struct hx_follow_what *what,
                   struct hx_follow *follow_r, struct hx_err *err)
{
    struct hx_follow f = { .fd = -1,
                           .inotify = -1,
                           .older = -1,
                           .watch = -1,
                           .filter = what->filter,
                           .sink = what->sink,
                           .opaque = what->opaque };
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
    if (what->tail_lines != HX_FOLLOW_ALL)
        seek_tail(f.older, f.fd, &f.filter, what->tail_lines);
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

int hx_follow_read(struct hx_follow *f, struct hx_err *err)
{
    bool more = true;
    int r = 0;

    if (f->older >= 0) {
        r = read_last(f, f->older, err);
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
            r = read_rest(f, f->fd, err);
        if (r == 0)
            more = !f->done && next_log(f, &log, &older, err, &r);
    }
    return r;
}

int hx_follow_check(const struct hx_follow *follow, struct hx_err *err)
{
    if (!follow->lost && follow->broken)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "reading the log %s: %u of its records were broken "
                          "and left out",
                          follow->path, follow->broken);
    if (!follow->lost)
        return 0;
    return hx_err_set(err, HX_ERR_LIMIT,
                      "reading the log %s: a part of the output is missing; it "
                      "was written faster than it was read",
                      follow->path);
}
