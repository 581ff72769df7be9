/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a container's log while it is being written, and while it is renamed
 * to "<path>.1" when it has grown too large, without losing or repeating a
 * record: unless its writer is ahead by more than both parts, which is noticed.
 *
 *     struct hx_follow_what what = { .tail_lines = HX_FOLLOW_ALL,
 *                                    .sink = print };
 *
 *     hx_follow_open(path, &what, &follow, err);
 *     do {
 *         hx_follow_read(&follow, err);                    all there is now
 *     } while (poll(hx_follow_fd(&follow), ...) ...);
 *     hx_follow_read(&follow, err);                        the rest
 *     hx_follow_check(&follow, err);                       was that all?
 *     hx_follow_close(&follow);
 *
 * The log need not exist yet; its folder does.  A folder that is removed
 * meanwhile takes nothing away from a log that is open.  A record counts once
 * its newline is there.
 */
#ifndef HX_FOLLOW_H
#define HX_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"
#include "xl-plugin/log-record.h"

#define HX_FOLLOW_ALL INT64_MAX

/* Gets each record in turn; borrowed.  A negative code ends the reading. */
typedef int hx_follow_sink(void *opaque, const struct hx_log_record *record,
                           struct hx_err *err);

struct hx_follow_what {
    int64_t tail_lines; /* where to begin: so many lines of what is wanted, from
                           the end; or HX_FOLLOW_ALL */
    struct hx_log_filter filter;
    hx_follow_sink *sink;
    void *opaque; /* the sink's */
};

struct hx_follow {
    char *path;
    char *older_path;
    int fd;      /* the log, or -1 while there is none */
    int older;   /* its renamed part, until that is read; or -1 */
    int inotify; /* of its folder, and of the log */
    int watch;   /* the log's */
    /* How often the log was renamed since `fd` was the log; 1 with none, since
     * the next one follows. */
    unsigned renames;
    bool lost;       /* a part was gone before it could be read */
    bool done;       /* a record came that is newer than what is wanted */
    bool skips;      /* within a line that is too long */
    unsigned broken; /* lines that were no records */
    struct hx_log_filter filter;
    hx_follow_sink *sink;
    void *opaque;
};

/* Lines of the renamed part count, too. */
int hx_follow_open(const char *path, const struct hx_follow_what *what,
                   struct hx_follow *follow_r, struct hx_err *err);
/* Takes NULL and zeroed ones. */
void hx_follow_close(struct hx_follow *follow);

/* Readable when something may have been written.  Borrowed. */
int hx_follow_fd(const struct hx_follow *follow);

/*
 * Gives the sink what is there, and forgets what made hx_follow_fd() readable;
 * an error is its own, or of reading.  Once follow->done, nothing more comes.
 */
int hx_follow_read(struct hx_follow *follow, struct hx_err *err);

/* HX_ERR_LIMIT: what was read is not all that was written.  HX_ERR_CORRUPT: a
 * part of it was no records. */
int hx_follow_check(const struct hx_follow *follow, struct hx_err *err);

#endif
