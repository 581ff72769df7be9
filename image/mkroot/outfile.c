/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/mkroot/squash_private.h"

static int fail(struct hx_outfile *file, int errnum)
{
    if (!file->errnum)
        file->errnum = errnum;
    return SQFS_ERROR_IO;
}

/* -- the window ----------------------------------------------------------- */

static int flush(struct hx_outfile *file)
{
    const unsigned char *data = file->window;

    while (file->window_len > 0) {
        ssize_t n =
            pwrite(file->fd, data, file->window_len, (off_t)file->window_start);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(file, n < 0 ? errno : EIO);
        data += n;
        file->window_len -= (size_t)n;
        file->window_start += (uint64_t)n;
    }
    return 0;
}

/* Room in the window at `offset`, which may be before its end; after a flush
 * it ends where the next one begins in one piece. */
static size_t room(const struct hx_outfile *file, uint64_t offset)
{
    uint64_t end = file->window_start + HX_OUTFILE_WINDOW_BYTES;

    return (size_t)(end - end % HX_OUTFILE_WINDOW_BYTES - offset);
}

static int is_outside(const struct hx_outfile *file, uint64_t offset)
{
    return offset < file->window_start ||
           offset > file->window_start + file->window_len ||
           room(file, offset) == 0;
}

static void put(struct hx_outfile *file, uint64_t offset, const void *data,
                size_t size)
{
    size_t at = (size_t)(offset - file->window_start);

    memcpy(file->window + at, data, size);
    if (file->window_len < at + size)
        file->window_len = at + size;
}

/* -- what libsquashfs calls ----------------------------------------------- */

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *buffer,
                   size_t size)
{
    struct hx_outfile *file = (struct hx_outfile *)base;

    if (flush(file) < 0)
        return SQFS_ERROR_IO;
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
        size_t n = size;

        if (is_outside(file, offset)) {
            if (flush(file) < 0)
                return SQFS_ERROR_IO;
            file->window_start = offset;
        }
        if (n > room(file, offset))
            n = room(file, offset);
        put(file, offset, buffer, n);
        buffer = (const char *)buffer + n;
        size -= n;
        offset += n;
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

    if (flush(file) < 0)
        return SQFS_ERROR_IO;
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

int hx_outfile_init(struct hx_outfile *file, int fd)
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
        .window = malloc(HX_OUTFILE_WINDOW_BYTES),
    };
    return file->window ? 0 : -1;
}

void hx_outfile_release(struct hx_outfile *file)
{
    free(file->window);
    file->window = NULL;
}
