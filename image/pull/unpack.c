/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/manifest.h"

#define READ_BYTES ((size_t)256 << 10)

static void free_reader(struct archive **reader)
{
    if (*reader)
        archive_read_free(*reader);
}

static int broken(struct archive *reader, const char *what, struct hx_err *err)
{
    const char *why = archive_error_string(reader);

    return hx_err_set(err, HX_ERR_CORRUPT, "blob %.19s: %s", what,
                      why ? why : "unreadable");
}

static int copy(struct archive *reader, int to, const char *what,
                struct hx_err *err)
{
    static char chunk[262144];
    uint64_t bytes = 0;

    for (;;) {
        la_ssize_t n = archive_read_data(reader, chunk, sizeof(chunk));

        if (n == 0)
            return 0;
        if (n < 0)
            return broken(reader, what, err);
        bytes += (uint64_t)n;
        if (bytes > HX_LAYERS_MAX_BYTES)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "blob %.19s: it unpacks to more than %llu GiB",
                              what,
                              (unsigned long long)(HX_LAYERS_MAX_BYTES >> 30));
        if (hx_write_all(to, chunk, (size_t)n) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "unpacking blob %.19s",
                              what);
    }
}

int hx_unpack(int from, int to, const char *what, struct hx_err *err)
{
    _cleanup_(free_reader) struct archive *reader = archive_read_new();
    struct archive_entry *entry;
    int r;

    if (!reader)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "unpacking");
    archive_read_support_format_raw(reader);
    archive_read_support_format_empty(reader);
    archive_read_support_filter_gzip(reader);
    archive_read_support_filter_zstd(reader);
    if (archive_read_open_fd(reader, from, READ_BYTES) != ARCHIVE_OK)
        return broken(reader, what, err);
    r = archive_read_next_header(reader, &entry);
    if (r == ARCHIVE_EOF)
        return 0;
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
        return broken(reader, what, err);
    return copy(reader, to, what, err);
}
