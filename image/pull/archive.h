/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The outer tar of an image archive, through libarchive: tar alone, plain or
 * compressed with gzip, zstd, bzip2 or xz.
 *
 * It is read once.  Its members get numbers as file names in a temporary
 * folder; their own names, which are hostile, are only compared and never
 * opened.  Of a plain file only the small members are kept at first, and the
 * others are read from it when they are wanted.
 *
 * Which members are layers is told at the end of an archive: those that look
 * like one are compressed while they are read, so that none lies on the disk as
 * it is (pack.h).
 */
#ifndef HX_PULL_ARCHIVE_H
#define HX_PULL_ARCHIVE_H

#include <stddef.h>

#include "image/base/buf.h"
#include "image/base/err.h"
#include "image/pull/pack.h"
#include "image/store.h"

struct hx_archive;

/*
 * Reads the archive behind `fd`, which is borrowed and must live as long, as
 * must `store`.
 * `what` names it in errors.  HX_ERR_CORRUPT when it is no whole tar.
 */
int hx_archive_open(const struct hx_store *store, int fd, const char *what,
                    struct hx_archive **archive_r, struct hx_err *err);
void hx_archive_free(struct hx_archive *archive);

/* Opens an archive's file: HX_ERR_NOT_FOUND, or HX_ERR_USAGE for a folder. */
int hx_archive_open_path(const char *path, int *fd_r, struct hx_err *err);

/* Whether there is a regular file of that name, links followed. */
int hx_archive_has(const struct hx_archive *archive, const char *name);
/* A small one as bytes: HX_ERR_NOT_FOUND, HX_ERR_LIMIT. */
int hx_archive_read(struct hx_archive *archive, const char *name,
                    size_t max_bytes, struct hx_buf *out, struct hx_err *err);
/* One as a file at offset 0, the caller's to close. */
int hx_archive_file(struct hx_archive *archive, const char *name, int *fd_r,
                    struct hx_err *err);
/*
 * One as a layer: it is a blob of the store then, compressed here unless it was
 * before.  What it unpacks to is for the caller to check.
 */
int hx_archive_layer(struct hx_archive *archive, const char *name,
                     struct hx_packed *packed_r, struct hx_err *err);

static inline void hx_cleanup_archive(struct hx_archive **archive)
{
    hx_archive_free(*archive);
}
#define _cleanup_archive_ _cleanup_(hx_cleanup_archive)

#endif
