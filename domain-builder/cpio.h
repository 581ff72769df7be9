/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cpio archive in the format that Linux takes as a ramdisk ("newc"; the
 * kernel's Documentation/driver-api/early-userspace/buffer-format.rst):
 *
 *     "070701" ino mode uid gid nlink mtime filesize major minor
 *     rmajor rminor namesize check          13 fields of 8 hex digits
 *     name NUL, zeros to a multiple of 4
 *     data,     zeros to a multiple of 4
 *     ... and at last an entry named TRAILER!!!
 *
 * Owner is root, times are 0.  A path has no slash at its start; its folders
 * come before it.
 */
#ifndef HX_CPIO_H
#define HX_CPIO_H

#include <stddef.h>
#include <sys/types.h>

#include "image/base/buf.h"

struct hx_cpio {
    struct hx_buf *out; /* borrowed */
    unsigned entries;
};

/* All return 0, or -1 with errno ENOMEM or EFBIG (the buffer's bound). */
int hx_cpio_add_dir(struct hx_cpio *cpio, const char *path, mode_t mode);
int hx_cpio_add_file(struct hx_cpio *cpio, const char *path, mode_t mode,
                     const void *data, size_t len);
int hx_cpio_end(struct hx_cpio *cpio);

#endif
