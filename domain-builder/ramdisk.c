/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/ramdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain-builder/cpio.h"
#include "image/base/buf.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "pv-init/guest-abi.h"

/* Headers, names and padding of the second archive. */
#define CPIO_OVERHEAD 4096

static int copy_base(int base, int fd)
{
    static const char zeros[3];
    struct stat st;
    off_t left;

    if (fstat(base, &st) < 0)
        return -1;
    for (left = st.st_size; left > 0;) {
        ssize_t n = sendfile(fd, base, NULL, (size_t)left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* shorter than it was */
        if (n <= 0)
            return -1;
        left -= n;
    }
    /* The second archive is found on a multiple of 4 only. */
    if (st.st_size % 4)
        return hx_write_all(fd, zeros, (size_t)(4 - st.st_size % 4));
    return 0;
}

/* HX_ABI_CONFIG_PATH: one folder, one file. */
static int make_archive(const char *config, size_t len, struct hx_buf *out)
{
    static const char path[] = HX_ABI_CONFIG_PATH;
    struct hx_cpio cpio = { .out = out };
    char folder[sizeof(path)];

    strcpy(folder, path + 1);
    *strchr(folder, '/') = '\0';
    if (hx_cpio_add_dir(&cpio, folder, 0700) < 0 ||
        hx_cpio_add_file(&cpio, path + 1, 0600, config, len) < 0)
        return -1;
    return hx_cpio_end(&cpio);
}

int hx_ramdisk_make(const char *base_path, const char *config,
                    size_t config_len, struct hx_ramdisk *ramdisk_r,
                    struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf archive =
        HX_BUF_INIT(HX_ABI_CONFIG_MAX_BYTES + CPIO_OVERHEAD);
    _cleanup_close_ int base = -1, fd = -1;

    if (config_len > HX_ABI_CONFIG_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "making the ramdisk: the pod's configuration has "
                          "%zu bytes, of %u possible; pass less in arguments "
                          "and environment",
                          config_len, HX_ABI_CONFIG_MAX_BYTES);
    base = open(base_path, O_RDONLY | O_CLOEXEC);
    if (base < 0)
        return hx_err_sys(
            err, errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM, errno,
            "opening the base ramdisk %s (is xl-hyper "
            "fully installed?)",
            base_path);
    fd = memfd_create("hyper-ramdisk", MFD_CLOEXEC);
    if (fd < 0 || copy_base(base, fd) < 0 ||
        make_archive(config, config_len, &archive) < 0 ||
        hx_write_all(fd, archive.data, archive.len) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "making the ramdisk from %s", base_path);
    ramdisk_r->fd = hx_steal_fd(&fd);
    snprintf(ramdisk_r->path, sizeof(ramdisk_r->path), "/proc/self/fd/%d",
             ramdisk_r->fd);
    return 0;
}

void hx_ramdisk_release(struct hx_ramdisk *ramdisk)
{
    if (ramdisk->fd >= 0)
        close(ramdisk->fd);
    ramdisk->fd = -1;
}
