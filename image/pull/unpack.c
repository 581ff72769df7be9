/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/manifest.h"
#include "image/pull/hash.h"

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

/* Where the bytes go: a hash, or without one a file. */
struct sink {
    struct hx_hash *hash;
    int fd;
};

static int put(const struct sink *sink, const void *data, size_t len)
{
    return sink->hash ? hx_hash_add(sink->hash, data, len)
                      : hx_write_all(sink->fd, data, len);
}

static int copy(struct archive *reader, const struct sink *sink,
                const char *what, struct hx_err *err)
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
        if (put(sink, chunk, (size_t)n) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "unpacking blob %.19s",
                              what);
    }
}

static int unpack(int from, const struct sink *sink, const char *what,
                  struct hx_err *err)
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
    return copy(reader, sink, what, err);
}

int hx_unpack(int from, int to, const char *what, struct hx_err *err)
{
    const struct sink sink = { .fd = to };

    return unpack(from, &sink, what, err);
}

int hx_unpack_digest(int from, const char *what,
                     char digest_r[HX_DIGEST_TEXT_MAX], struct hx_err *err)
{
    _cleanup_hash_ struct hx_hash hash = { 0 };
    const struct sink sink = { .hash = &hash };
    int rc;

    if (hx_hash_start(&hash) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "unpacking");
    rc = unpack(from, &sink, what, err);
    if (rc == 0 && hx_hash_digest(&hash, digest_r) < 0)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "unpacking");
    return rc;
}
