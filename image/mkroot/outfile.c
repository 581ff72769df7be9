/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "image/mkroot/squash_private.h"

static int fail(struct hx_outfile *file, int errnum)
{
    if (!file->errnum)
        file->errnum = errnum;
    return SQFS_ERROR_IO;
}

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *buffer,
                   size_t size)
{
    struct hx_outfile *file = (struct hx_outfile *)base;

    while (size > 0) {
        ssize_t n = pread(file->fd, buffer, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(file, errno);
        if (n == 0)
            return SQFS_ERROR_OUT_OF_BOUNDS;
        buffer = (char *)buffer + n;
        size -= (size_t)n;
        offset += (sqfs_u64)n;
    }
    return 0;
}

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *buffer,
                    size_t size)
{
    struct hx_outfile *file = (struct hx_outfile *)base;

    while (size > 0) {
        ssize_t n = pwrite(file->fd, buffer, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(file, n < 0 ? errno : EIO);
        buffer = (const char *)buffer + n;
        size -= (size_t)n;
        offset += (sqfs_u64)n;
    }
    if (offset > file->size)
        file->size = offset;
    return 0;
}

static sqfs_u64 get_size(const sqfs_file_t *base)
{
    return ((const struct hx_outfile *)base)->size;
}

static int truncate_to(sqfs_file_t *base, sqfs_u64 size)
{
    struct hx_outfile *file = (struct hx_outfile *)base;

    if (ftruncate(file->fd, (off_t)size) < 0)
        return fail(file, errno);
    file->size = size;
    return 0;
}

/* Embedded in its owner and never freed by libsquashfs. */
static void destroy(sqfs_object_t *base)
{
    (void)base;
}

void hx_outfile_init(struct hx_outfile *file, int fd)
{
    *file = (struct hx_outfile){
        .base = {
            .base = { .destroy = destroy },
            .read_at = read_at,
            .write_at = write_at,
            .get_size = get_size,
            .truncate = truncate_to,
        },
        .fd = fd,
    };
}
