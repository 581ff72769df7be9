/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/json-log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "image/base/file.h"

/* A batch with so much text is written; one record may come on top, of 16 KiB
 * that are six characters each, and again as base64. */
#define BATCH_ENOUGH ((size_t)64 << 10)
#define BATCH_MAX    ((size_t)256 << 10)

static const char *const stream_names[] = { "stdout", "stderr" };

/* -- opening ----------------------------------------------------------------
 */

/* Complete lines of the file from `from` on; a line without an end does not
 * count. */
static uint64_t lines_from(int fd, uint64_t from)
{
    char data[4096];
    uint64_t lines = 0;
    ssize_t n;

    while ((n = pread(fd, data, sizeof(data), (off_t)from)) > 0) {
        for (const char *p = data;
             (p = memchr(p, '\n', (size_t)n - (size_t)(p - data))); p++)
            lines++;
        from += (uint64_t)n;
    }
    return lines;
}

/* Where the last complete line ends. */
static off_t last_line_end(int fd, off_t size)
{
    char data[4096];

    while (size > 0) {
        off_t from =
            size > (off_t)sizeof(data) ? size - (off_t)sizeof(data) : 0;
        ssize_t n = pread(fd, data, (size_t)(size - from), from);
        const char *end = n > 0 ? memrchr(data, '\n', (size_t)n) : NULL;

        if (n <= 0)
            return -1;
        if (end)
            return from + (end - data) + 1;
        size = from;
    }
    return 0;
}

/* A killed writer may have written a line in part. */
static int cut_torn_line(int fd)
{
    struct stat st;
    off_t end;

    if (fstat(fd, &st) < 0)
        return -1;
    end = last_line_end(fd, st.st_size);
    if (end < 0)
        return -1;
    return end == st.st_size ? 0 : ftruncate(fd, end);
}

static int open_part(const char *path, int flags)
{
    return open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

static bool is_inode(int fd, uint64_t inode)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode;
}

/*
 * What of the last batch is in the log.  The log may have been rotated since;
 * one that somebody removed or emptied had all of it.
 */
static uint64_t batch_lines(const struct hx_json_log *log)
{
    _cleanup_close_ int older = open_part(log->older, 0);
    int fd = is_inode(log->fd, log->journal.inode) ? log->fd
             : is_inode(older, log->journal.inode) ? older
                                                   : -1;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 ||
        (uint64_t)st.st_size < log->journal.size)
        return log->journal.count;
    return lines_from(fd, log->journal.size);
}

/* The journal of the log as it is, with no batch. */
static int note_log(struct hx_json_log *log)
{
    struct stat st;

    if (fstat(log->fd, &st) < 0)
        return -1;
    log->journal.inode = st.st_ino;
    log->journal.size = (uint64_t)st.st_size;
    log->journal.count = 0;
    return hx_journal_write(log->journal_fd, &log->journal);
}

static int take_up(struct hx_json_log *log, uint32_t domid)
{
    if (cut_torn_line(log->fd) < 0)
        return -1;
    if (hx_journal_read(log->journal_fd, domid, &log->journal) == 0)
        hx_journal_settle(&log->journal, batch_lines(log));
    log->journal.domid = domid;
    return note_log(log);
}

static int name_files(struct hx_json_log *log, const struct hx_pod_dir *dir,
                      size_t index)
{
    if (asprintf(&log->path, "%s/%zu-json.log", dir->path, index) < 0)
        log->path = NULL;
    if (asprintf(&log->older, "%s/%zu-json.log.1", dir->path, index) < 0)
        log->older = NULL;
    if (asprintf(&log->journal_path, "%s/%zu-journal", dir->run_path, index) <
        0)
        log->journal_path = NULL;
    for (size_t i = 0; i < HX_JSON_STREAMS; i++) {
        log->part[i].raw = malloc(HX_JSON_RECORD_RAW_MAX);
        if (!log->part[i].raw)
            return -1;
    }
    return log->path && log->older && log->journal_path ? 0 : -1;
}

int hx_json_log_open(struct hx_json_log *log, const struct hx_pod_dir *dir,
                     size_t index, uint32_t domid, uint64_t max_bytes,
                     struct hx_err *err)
{
    int r;

    *log = (struct hx_json_log){ .fd = -1,
                                 .journal_fd = -1,
                                 .max_bytes = max_bytes,
                                 .batch = HX_BUF_INIT(BATCH_MAX) };
    if (name_files(log, dir, index) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening a log");
    log->fd = open_part(log->path, O_CREAT);
    if (log->fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", log->path);
    r = hx_journal_open(log->journal_path, &log->journal_fd, err);
    if (r == 0 && take_up(log, domid) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "going on with %s",
                       log->path);
    return r;
}

void hx_json_log_close(struct hx_json_log *log)
{
    if (!log->path && !log->older && !log->journal_path)
        return;
    hx_cleanup_close(&log->fd);
    hx_cleanup_close(&log->journal_fd);
    free(log->path);
    free(log->older);
    free(log->journal_path);
    for (size_t i = 0; i < HX_JSON_STREAMS; i++)
        free(log->part[i].raw);
    hx_buf_release(&log->batch);
    *log = (struct hx_json_log){ .fd = -1, .journal_fd = -1 };
}

/* -- writing ----------------------------------------------------------------
 */

/* Where the folder takes no new part, the one there is begins anew. */
static void rotate(struct hx_json_log *log)
{
    int full = log->fd;

    if (rename(log->path, log->older) == 0) {
        log->fd = open_part(log->path, O_CREAT);
        if (log->fd >= 0 && note_log(log) == 0) {
            close(full);
            return;
        }
        hx_cleanup_close(&log->fd);
        rename(log->older, log->path);
        log->fd = full;
    }
    if (ftruncate(full, 0) < 0)
        fprintf(stderr, "emptying %s: %s\n", log->path, strerror(errno));
    note_log(log);
}

/* The batch could not be written: its bytes count as taken. */
static void drop_batch(struct hx_json_log *log, int errnum)
{
    uint64_t before = log->journal.offset[0] + log->journal.offset[1];

    if (ftruncate(log->fd, (off_t)log->journal.size) < 0)
        cut_torn_line(log->fd);
    if (!log->lost)
        fprintf(stderr, "writing %s: %s; output is being lost\n", log->path,
                strerror(errnum));
    hx_journal_settle(&log->journal, log->journal.count);
    log->lost += log->journal.offset[0] + log->journal.offset[1] - before;
    hx_journal_write(log->journal_fd, &log->journal);
}

/* The journal says so, too: from then on it does not matter what anybody does
 * to the log's file. */
static void batch_is_written(struct hx_json_log *log)
{
    log->journal.size += log->batch.len;
    hx_journal_settle(&log->journal, log->journal.count);
    hx_journal_write(log->journal_fd, &log->journal);
    if (!log->telling)
        return;
    fprintf(stderr, "writing %s: %" PRIu64 " bytes of output were lost\n",
            log->path, log->lost);
    log->lost = 0;
}

static void write_batch(struct hx_json_log *log)
{
    struct hx_journal *journal = &log->journal;
    uint32_t count = journal->count;
    struct stat st;

    if (count == 0)
        return;
    /* An administrator may have emptied it. */
    if (fstat(log->fd, &st) == 0)
        journal->size = (uint64_t)st.st_size;
    if (journal->size && journal->size + log->batch.len > log->max_bytes) {
        rotate(log);
        journal->count = count;
    }
    if (hx_journal_write(log->journal_fd, journal) == 0 &&
        hx_write_all(log->fd, log->batch.data, log->batch.len) == 0)
        batch_is_written(log);
    else
        drop_batch(log, errno);
    log->telling = false;
    hx_buf_release(&log->batch);
}

static int put_record(struct hx_json_log *log, enum hx_json_stream stream,
                      const void *raw, size_t len, size_t counted)
{
    if (hx_json_record(&log->batch, stream_names[stream], raw, len, &log->now) <
        0)
        return -1;
    log->journal.record[log->journal.count++] =
        HX_JOURNAL_RECORD(stream, counted);
    return 0;
}

/* A record of our own, none of the container's bytes. */
static void tell_loss(struct hx_json_log *log)
{
    char text[96];
    int len = snprintf(text, sizeof(text),
                       "xl-hyper: %" PRIu64 " bytes of output were lost here: "
                       "the disk was full\n",
                       log->lost);

    log->telling = put_record(log, HX_JSON_STDERR, text, (size_t)len, 0) == 0;
}

/* The first `len` bytes of the part are a record. */
static void end_record(struct hx_json_log *log, enum hx_json_stream stream,
                       size_t len)
{
    struct hx_json_part *part = &log->part[stream];

    if (log->lost && log->journal.count == 0)
        tell_loss(log);
    if (put_record(log, stream, part->raw, len, len) < 0) {
        write_batch(log);
        /* Without memory for it: as if it could not be written. */
        if (put_record(log, stream, part->raw, len, len) < 0) {
            log->journal.offset[stream] += len;
            log->lost += len;
            hx_journal_write(log->journal_fd, &log->journal);
        }
    }
    part->len -= len;
    memmove(part->raw, part->raw + len, part->len);
    if (log->journal.count == HX_JOURNAL_RECORDS_MAX ||
        log->batch.len >= BATCH_ENOUGH)
        write_batch(log);
}

void hx_json_log_add(struct hx_json_log *log, enum hx_json_stream stream,
                     const void *data, size_t len)
{
    struct hx_json_part *part = &log->part[stream];
    int64_t now_ms = hx_clock_monotonic_ms();
    const char *from = data;

    clock_gettime(CLOCK_REALTIME, &log->now);
    while (len) {
        size_t room = HX_JSON_RECORD_RAW_MAX - part->len;
        size_t n = len < room ? len : room;
        const char *newline = memchr(from, '\n', n);

        if (newline)
            n = (size_t)(newline - from) + 1;
        if (part->len == 0)
            part->since_ms = now_ms;
        memcpy(part->raw + part->len, from, n);
        part->len += n;
        from += n;
        len -= n;
        if (newline)
            end_record(log, stream, part->len);
        else if (part->len == HX_JSON_RECORD_RAW_MAX)
            end_record(log, stream,
                       part->len - hx_json_record_cut(part->raw, part->len));
    }
}

void hx_json_log_end(struct hx_json_log *log, enum hx_json_stream stream)
{
    clock_gettime(CLOCK_REALTIME, &log->now);
    if (log->part[stream].len)
        end_record(log, stream, log->part[stream].len);
}

void hx_json_log_write(struct hx_json_log *log, bool all)
{
    int64_t due_ms = hx_clock_monotonic_ms() - HX_JSON_LOG_WAIT_MS;

    clock_gettime(CLOCK_REALTIME, &log->now);
    for (size_t i = 0; i < HX_JSON_STREAMS; i++) {
        struct hx_json_part *part = &log->part[i];

        if (part->len && (all || part->since_ms <= due_ms))
            end_record(log, (enum hx_json_stream)i, part->len);
    }
    write_batch(log);
}

int hx_json_log_timeout_ms(const struct hx_json_log *log)
{
    int64_t now = hx_clock_monotonic_ms(), least = -1;

    if (log->journal.count)
        return 0;
    for (size_t i = 0; i < HX_JSON_STREAMS; i++) {
        int64_t left = log->part[i].since_ms + HX_JSON_LOG_WAIT_MS - now;

        if (log->part[i].len == 0)
            continue;
        if (left < 0)
            left = 0;
        if (least < 0 || left < least)
            least = left;
    }
    return (int)least;
}

uint64_t hx_json_log_offset(const struct hx_json_log *log,
                            enum hx_json_stream stream)
{
    return log->journal.offset[stream];
}
