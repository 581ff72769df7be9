/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files written so that a reader, or the next start after a crash, sees the
 * old content or the new one and nothing between.
 */
#ifndef HX_FILE_H
#define HX_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "image/base/buf.h"
#include "image/base/err.h"

/*
 * Reads a whole file that may not exceed max_bytes (HX_ERR_LIMIT).  A missing
 * file is HX_ERR_NOT_FOUND.  `what` names it in the message.  *out is
 * initialised here and the caller's to release.
 */
int hx_file_read(const char *path, size_t max_bytes, struct hx_buf *out,
                 struct hx_err *err);

/* Writes a temporary file beside `path`, syncs it, renames it over. */
int hx_file_write_atomic(const char *path, const void *data, size_t len,
                         mode_t mode, struct hx_err *err);

/* Makes a folder and its parents; one that exists is no error. */
int hx_mkdir_p(const char *path, mode_t mode, struct hx_err *err);

/* Removes a tree without following links; a missing one is no error. */
int hx_rm_rf(const char *path, struct hx_err *err);

/*
 * Takes an exclusive (or shared) flock on `path`, made 0600 when missing.
 * Waits at most timeout_ms (-1 for ever); HX_ERR_STATE on time-out.  The lock
 * lives as long as *fd_r, the caller's.  The file is never removed: a lock
 * whose file was replaced protects nothing.
 */
int hx_lock(const char *path, int exclusive, int timeout_ms, int *fd_r,
            struct hx_err *err);
/* The same with a file that is open; `path` is what messages call it. */
int hx_lock_fd(int fd, const char *path, int exclusive, int timeout_ms,
               struct hx_err *err);

/* write(2) until all is written; 0 or -1 with errno. */
int hx_write_all(int fd, const void *data, size_t len);

#endif
