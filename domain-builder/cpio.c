/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/cpio.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static int pad(struct hx_cpio *cpio)
{
    static const char zeros[3];
    size_t over = cpio->out->len % 4;

    return over ? hx_buf_add(cpio->out, zeros, 4 - over) : 0;
}

static int add(struct hx_cpio *cpio, const char *path, mode_t mode,
               unsigned nlink, const void *data, size_t len)
{
    size_t name_size = strlen(path) + 1;

    if (len > UINT32_MAX) {
        errno = EFBIG;
        return -1;
    }
    cpio->entries++;
    if (hx_buf_addf(cpio->out,
                    "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x"
                    "%08x",
                    cpio->entries, (unsigned)mode, 0, 0, nlink, 0,
                    (unsigned)len, 0, 0, 0, 0, (unsigned)name_size, 0) < 0 ||
        hx_buf_add(cpio->out, path, name_size) < 0 || pad(cpio) < 0)
        return -1;
    if (len && hx_buf_add(cpio->out, data, len) < 0)
        return -1;
    return pad(cpio);
}

int hx_cpio_add_dir(struct hx_cpio *cpio, const char *path, mode_t mode)
{
    return add(cpio, path, S_IFDIR | mode, 2, NULL, 0);
}

int hx_cpio_add_file(struct hx_cpio *cpio, const char *path, mode_t mode,
                     const void *data, size_t len)
{
    return add(cpio, path, S_IFREG | mode, 1, data, len);
}

int hx_cpio_end(struct hx_cpio *cpio)
{
    return add(cpio, "TRAILER!!!", 0, 1, NULL, 0);
}
