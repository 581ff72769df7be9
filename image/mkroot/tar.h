/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries of a layer's tar, one after the other.
 *
 *     r = hx_tar_open(stream, &tar, err);
 *     while ((r = hx_tar_next(tar, &entry, err)) > 0)
 *         if (... wants the content ...)
 *             r = hx_tar_content(tar, &sink, err);
 *     hx_tar_free(tar);
 *
 * Why not libarchive: it has no way to names that are not UTF-8 in a PAX
 * header, takes an empty PAX value for a zero, reads content behind links and
 * folders whose size is not zero, and keeps as many parts of a sparse file as
 * fit into memory (3.6.2).  Layers are written and read by Go's archive/tar;
 * this reader agrees with that one (docs/root-disk.md has the differences).
 *
 * What follows the end of the archive is not read; hx_stream_finish does.
 */
#ifndef HX_MKROOT_TAR_H
#define HX_MKROOT_TAR_H

#include "image/base/err.h"
#include "image/mkroot/entry.h"
#include "image/mkroot/stream.h"

struct hx_tar;

/* `stream` is borrowed. */
int hx_tar_open(struct hx_stream *stream, struct hx_tar **tar_r,
                struct hx_err *err);

/* 1 and the next entry, the tar's until the next call; 0 at the end; or an
 * error that names the entry. */
int hx_tar_next(struct hx_tar *tar, const struct hx_entry **entry_r,
                struct hx_err *err);

/* Where a file's content goes; a negative return ends the reading. */
struct hx_tar_sink {
    int (*write)(void *opaque, const void *data, size_t len,
                 struct hx_err *err);
    int (*zeros)(void *opaque, uint64_t len, struct hx_err *err);
    void *opaque;
};

/* Exactly `size` bytes of the entry last read, holes as zeros. */
int hx_tar_content(struct hx_tar *tar, const struct hx_tar_sink *sink,
                   struct hx_err *err);

void hx_tar_free(struct hx_tar *tar);

#endif
