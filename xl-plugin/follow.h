/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a log that is being written, and that is renamed to "<path>.1" when
 * it has grown too large, without losing or repeating a byte: unless its writer
 * is ahead by more than both parts, which is noticed.
 *
 *     hx_follow_open(path, HX_FOLLOW_ALL, &follow, err);
 *     do {
 *         hx_follow_copy(&follow, STDOUT_FILENO, err);     all there is now
 *     } while (poll(hx_follow_fd(&follow), ...) ...);
 *     hx_follow_copy(&follow, ...);                        the rest
 *     hx_follow_check(&follow, err);                       was that all?
 *     hx_follow_close(&follow);
 *
 * The log need not exist yet; its folder does.  A folder that is removed
 * meanwhile takes nothing away from a log that is open.
 */
#ifndef HX_FOLLOW_H
#define HX_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"

#define HX_FOLLOW_ALL INT64_MAX

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
    bool lost; /* a part was gone before it could be read */
};

/*
 * Opens the log to be read from its last `tail_lines` on, those of the renamed
 * part included.
 */
int hx_follow_open(const char *path, int64_t tail_lines,
                   struct hx_follow *follow_r, struct hx_err *err);
/* Takes NULL and zeroed ones. */
void hx_follow_close(struct hx_follow *follow);

/* Readable when something may have been written.  Borrowed. */
int hx_follow_fd(const struct hx_follow *follow);

/*
 * Copies what is there to `out`, and forgets what made hx_follow_fd()
 * readable.  HX_ERR_SYSTEM with `sys` EPIPE when nobody reads `out` any more.
 */
int hx_follow_copy(struct hx_follow *follow, int out, struct hx_err *err);

/* HX_ERR_LIMIT: what was copied is not all that was written. */
int hx_follow_check(const struct hx_follow *follow, struct hx_err *err);

#endif
