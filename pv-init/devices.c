/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pv-init/mounts.h"

/* devtmpfs has them at /dev/NAME and /dev/FOLDER/NAME ("xen/xenbus"). */
#define DEPTH_MAX 4

static bool is_skipped(const char *name)
{
    /* "ptmx" is a link to its own /dev/pts in every container. */
    static const char *const skipped[] = { ".",      "..",      "pts", "shm",
                                           "mqueue", "console", "ptmx" };
    unsigned i;

    for (i = 0; i < HX_INIT_COUNT(skipped); i++) {
        if (strcmp(name, skipped[i]) == 0)
            return true;
    }
    return false;
}

static int copy_folder(int from, int to, int depth);

static int copy_entry(int from, int to, const char *name, int depth)
{
    _init_close_ int from_below = -1, to_below = -1;
    struct stat st;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* gone again */
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        if (mknodat(to, name, st.st_mode, st.st_rdev) < 0)
            return errno == EEXIST ? 0 : -1;
        return fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
    }
    if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
        return 0;
    if (mkdirat(to, name, 0755) < 0 && errno != EEXIST)
        return -1;
    from_below = openat(from, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    to_below = openat(to, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from_below < 0 || to_below < 0)
        return -1;
    return copy_folder(from_below, to_below, depth + 1);
}

static int copy_folder(int from, int to, int depth)
{
    struct dirent *entry;
    int r = 0, fd = dup(from);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (!folder) {
        hx_init_close_p(&fd);
        return -1;
    }
    while (r == 0 && (entry = readdir(folder))) {
        if (!is_skipped(entry->d_name))
            r = copy_entry(from, to, entry->d_name, depth);
    }
    closedir(folder);
    return r;
}

int hx_init_devices_copy(int root_fd, struct hx_init_err *err)
{
    _init_close_ int from = open("/dev", O_DIRECTORY | O_CLOEXEC);
    _init_close_ int to =
        hx_init_open_in(root_fd, "dev", O_RDONLY | O_DIRECTORY);
    mode_t mask = umask(0);
    int r = from < 0 || to < 0 ? -1 : copy_folder(from, to, 1);
    int errnum = errno;

    umask(mask);
    return r < 0 ? hx_init_fail_sys(err, errnum, "making the domain's devices")
                 : 0;
}
