/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/buf.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS 10000
/* Others may take the free device that we were told of. */
#define TRIES 64

static int open_file(const char *file, int flags, int *fd_r, struct stat *st,
                     struct hx_err *err)
{
    _cleanup_close_ int fd = open(file, flags | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return hx_err_sys(err,
                          errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM,
                          errno, "opening disk %s", file);
    if (fstat(fd, st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening disk %s", file);
    if (!S_ISREG(st->st_mode))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "opening disk %s: it is not a regular file", file);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

/* Whether an open loop device is the shared one of the file `st`. */
static bool is_device_of(int fd, const struct stat *st)
{
    const unsigned wanted = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    struct loop_info64 info;

    return ioctl(fd, LOOP_GET_STATUS64, &info) == 0 &&
           info.lo_device == st->st_dev && info.lo_inode == st->st_ino &&
           (info.lo_flags & wanted) == wanted && info.lo_offset == 0 &&
           info.lo_sizelimit == 0;
}

/* What sysfs says, without opening the device: that would delay its end. */
static bool sysfs_names(const char *device, const char *file)
{
    struct hx_buf text = HX_BUF_INIT(0);
    char path[300];
    bool same = false;

    snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", device);
    if (hx_file_read(path, 8192, &text, NULL) == 0 && text.len > 1) {
        text.data[text.len - 1] = '\0'; /* newline */
        same = strcmp(text.data, file) == 0;
    }
    hx_buf_release(&text);
    return same;
}

/* 0 and *loop_r filled, or -1: there is none. */
static int find_device(int file_fd, const struct stat *st,
                       struct hx_loop *loop_r)
{
    _cleanup_closedir_ DIR *dir = opendir("/sys/block");
    char link[32], file[PATH_MAX];
    struct dirent *entry;
    ssize_t len;

    /* The kernel's own name for the file, symbolic links resolved. */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file_fd);
    len = readlink(link, file, sizeof(file) - 1);
    if (len < 0)
        return -1;
    file[len] = '\0';
    while (dir && (entry = readdir(dir))) {
        struct hx_loop loop = HX_LOOP_INIT;
        int n;

        if (strncmp(entry->d_name, "loop", 4) != 0 ||
            !sysfs_names(entry->d_name, file))
            continue;
        n = snprintf(loop.path, sizeof(loop.path), "/dev/%s", entry->d_name);
        if (n < 0 || (size_t)n >= sizeof(loop.path))
            continue;
        loop.fd = open(loop.path, O_RDONLY | O_CLOEXEC);
        if (loop.fd < 0)
            continue;
        /* Open, it cannot be cleared any more: what is true now stays so. */
        if (is_device_of(loop.fd, st)) {
            *loop_r = loop;
            return 0;
        }
        hx_loop_release(&loop);
    }
    return -1;
}

/* 0, or -1 with errno: EBUSY when somebody else took the device. */
static int configure(int fd, int file_fd, const char *file, bool read_only)
{
    struct loop_config config = { .fd = (__u32)file_fd };

    config.info.lo_flags =
        LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
    snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", file);
    if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOTTY)
        return -1;
    if (ioctl(fd, LOOP_SET_FD, file_fd) < 0)
        return -1;
    if (ioctl(fd, LOOP_SET_STATUS64, &config.info) == 0)
        return 0;
    ioctl(fd, LOOP_CLR_FD, 0);
    return -1;
}

static int make_device(int file_fd, const char *file, bool read_only,
                       struct hx_loop *loop_r, struct hx_err *err)
{
    _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

    if (control < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "attaching disk %s: opening /dev/loop-control (is "
                          "the kernel module 'loop' there?)",
                          file);
    for (int i = 0; i < TRIES; i++) {
        struct hx_loop loop = HX_LOOP_INIT;
        int number = ioctl(control, LOOP_CTL_GET_FREE);

        if (number < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "attaching disk %s: no free loop device", file);
        snprintf(loop.path, sizeof(loop.path), "/dev/loop%d", number);
        loop.fd = open(loop.path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (loop.fd < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "attaching disk %s: opening %s", file, loop.path);
        if (configure(loop.fd, file_fd, file, read_only) == 0) {
            *loop_r = loop;
            return 0;
        }
        hx_loop_release(&loop); /* keeps errno */
        if (errno != EBUSY)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "attaching disk %s to %s", file, loop.path);
    }
    return hx_err_set(err, HX_ERR_STATE,
                      "attaching disk %s: each free loop device was taken by "
                      "somebody else; try again",
                      file);
}

int hx_loop_share(const char *run_dir, const char *file, struct hx_loop *loop_r,
                  struct hx_err *err)
{
    _cleanup_free_ char *lock_path = NULL;
    _cleanup_close_ int file_fd = -1, lock = -1;
    struct stat st;
    int r;

    r = open_file(file, O_RDONLY, &file_fd, &st, err);
    if (r < 0)
        return r;
    if (asprintf(&lock_path, "%s/loop.lock", run_dir) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "attaching disk %s",
                          file);
    r = hx_mkdir_p(run_dir, 0755, err);
    if (r == 0)
        r = hx_lock(lock_path, 1, LOCK_TIMEOUT_MS, &lock, err);
    if (r < 0)
        return r;
    if (find_device(file_fd, &st, loop_r) == 0)
        return 0;
    return make_device(file_fd, file, true, loop_r, err);
}

int hx_loop_open(const char *file, struct hx_loop *loop_r, struct hx_err *err)
{
    _cleanup_close_ int file_fd = -1;
    struct stat st;
    int r;

    r = open_file(file, O_RDWR, &file_fd, &st, err);
    if (r < 0)
        return r;
    return make_device(file_fd, file, false, loop_r, err);
}

void hx_loop_release(struct hx_loop *loop)
{
    int saved = errno;

    if (loop->fd >= 0)
        close(loop->fd);
    loop->fd = -1;
    errno = saved;
}
