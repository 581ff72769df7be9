/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/tar.h"

#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hx_tar {
    struct hx_stream *stream;
    struct archive *archive;
    struct hx_entry entry;
    struct hx_err read_err; /* of the stream, seen through libarchive */
};

static la_ssize_t read_some(struct archive *archive, void *opaque,
                            const void **data_r)
{
    struct hx_tar *tar = opaque;
    ssize_t n = hx_stream_read(tar->stream, data_r, &tar->read_err);

    if (n < 0) {
        archive_set_error(archive, EIO, "%s", tar->read_err.msg);
        return ARCHIVE_FATAL;
    }
    return n;
}

/* The stream's own error says more than libarchive's. */
static int archive_err(struct hx_tar *tar, struct hx_err *err)
{
    const char *text = archive_error_string(tar->archive);

    if (tar->read_err.code) {
        if (err)
            *err = tar->read_err;
        return -(int)tar->read_err.code;
    }
    if (archive_errno(tar->archive) == ENOMEM)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the tar");
    return hx_err_set(err, HX_ERR_CORRUPT, "the tar is bad: %s",
                      text ? text : "unknown error");
}

/*
 * Names are bytes to us.  In a PAX header libarchive takes them for UTF-8 and
 * warns when they are not, or when the locale is "C" and they are not ASCII;
 * it hands out the bytes as they are all the same.  Any other warning means
 * that something was left out.
 */
static int only_charset(struct hx_tar *tar)
{
    const char *text = archive_error_string(tar->archive);

    return text && strstr(text, "can't be converted from ");
}

int hx_tar_open(struct hx_stream *stream, struct hx_tar **tar_r,
                struct hx_err *err)
{
    struct hx_tar *tar = calloc(1, sizeof(*tar));
    int r = 0;

    if (tar) {
        tar->stream = stream;
        tar->archive = archive_read_new();
    }
    if (!tar || !tar->archive) {
        hx_tar_free(tar);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the tar");
    }
    /* A layer without a byte is an empty tar. */
    if (archive_read_support_format_empty(tar->archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(tar->archive) != ARCHIVE_OK ||
        archive_read_open(tar->archive, tar, NULL, read_some, NULL) !=
            ARCHIVE_OK)
        r = archive_err(tar, err);
    if (r < 0) {
        hx_tar_free(tar);
        return r;
    }
    *tar_r = tar;
    return 0;
}

int hx_tar_next(struct hx_tar *tar, struct hx_entry **entry_r,
                struct hx_err *err)
{
    struct archive_entry *from;
    const char *name;
    int r;

    r = archive_read_next_header(tar->archive, &from);
    if (r == ARCHIVE_EOF)
        return 0;
    if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && only_charset(tar)))
        return archive_err(tar, err);
    r = hx_entry_read(from, &tar->entry, err);
    if (r < 0) {
        name = archive_entry_pathname(from);
        hx_err_prefix(err, "entry '%.200s'", name ? name : "");
        return r;
    }
    *entry_r = &tar->entry;
    return 1;
}

int hx_tar_content(struct hx_tar *tar, const struct hx_tar_sink *sink,
                   struct hx_err *err)
{
    uint64_t at = 0, size = tar->entry.size;
    const void *data;
    la_int64_t offset;
    size_t len;
    int r;

    for (;;) {
        r = archive_read_data_block(tar->archive, &data, &len, &offset);
        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK)
            return archive_err(tar, err);
        if (!len)
            continue;
        if (offset < 0 || (uint64_t)offset < at || len > size ||
            (uint64_t)offset > size - len)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "the tar is bad: '%.200s' has content outside "
                              "its size",
                              tar->entry.path.text);
        r = (uint64_t)offset > at
                ? sink->zeros(sink->opaque, (uint64_t)offset - at, err)
                : 0;
        if (r == 0)
            r = sink->write(sink->opaque, data, len, err);
        if (r < 0)
            return r;
        at = (uint64_t)offset + len;
    }
    return at < size ? sink->zeros(sink->opaque, size - at, err) : 0;
}

void hx_tar_free(struct hx_tar *tar)
{
    if (!tar)
        return;
    archive_read_free(tar->archive);
    hx_entry_release(&tar->entry);
    free(tar);
}
