/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_PROGRAMS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

int hx_init_mount(const char *source, const char *target, const char *fstype,
                  unsigned long flags, const char *data,
                  struct hx_init_err *err)
{
    if (mount(source, target, fstype, flags, data) < 0)
        return hx_init_fail_sys(err, errno, "mounting %s (%s) on %s", source,
                                fstype ? fstype : "bind", target);
    return 0;
}

/*
 * A kernel without cgroups, or without a controller, will do.  With them a
 * program finds its figures where it looks for them, and pv-init learns of
 * those that were killed for lack of memory.
 */
static int mount_cgroups(struct hx_init_err *err)
{
    static const char *const controllers[] = { "+memory", "+pids", "+cpu",
                                               "+io" };
    unsigned i;

    if (mount("cgroup", HX_INIT_CGROUP, "cgroup2", NO_PROGRAMS, NULL) < 0)
        return errno == ENODEV
                   ? 0
                   : hx_init_fail_sys(err, errno, "mounting cgroup2");
    for (i = 0; i < HX_INIT_COUNT(controllers); i++)
        hx_init_put_file(HX_INIT_CGROUP "/cgroup.subtree_control",
                         controllers[i]);
    return 0;
}

int hx_init_mounts_base(struct hx_init_err *err)
{
    /* pivot_root(2), which a container's root needs, refuses to move the
     * ramdisk's root itself; it moves a mount of it upon itself. */
    if (hx_init_mount("/", "/", NULL, MS_BIND, NULL, err) < 0)
        return -1;
    if (chdir("/..") < 0 || chroot(".") < 0)
        return hx_init_fail_sys(err, errno, "entering the ramdisk");
    if (hx_init_mount("proc", "/proc", "proc", NO_PROGRAMS, NULL, err) < 0 ||
        hx_init_mount("dev", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL,
                      err) < 0 ||
        hx_init_mount("pod", HX_INIT_POD, "tmpfs", MS_NOSUID | MS_NODEV,
                      "mode=0755,size=4m", err) < 0)
        return -1;
    return mount_cgroups(err);
}

static int open_below(int root_fd, const char *path, uint64_t flags,
                      uint64_t resolve)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
    };

    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

int hx_init_open_in(int root_fd, const char *path, uint64_t flags)
{
    return open_below(root_fd, path, flags, 0);
}

/*
 * An O_PATH descriptor of the mount point, made with its parents when it is
 * missing.  A link that leads nowhere (the resolv.conf of a systemd image) is
 * replaced.  No name of the image's is looked up but by openat2: what is made
 * is made in a folder that is open.
 */
static int open_target(int root_fd, const char *path, bool is_folder,
                       uint64_t resolve)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int fd = open_below(root_fd, path, O_PATH, resolve);
    _init_close_ int parent = -1;
    char above[256] = ".";

    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (slash)
        snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
    parent = open_target(root_fd, above, true, resolve);
    if (parent < 0)
        return -1;
    unlinkat(parent, name, 0);
    if (is_folder ? mkdirat(parent, name, 0755)
                  : mknodat(parent, name, S_IFREG | 0644, 0))
        return -1;
    return open_below(root_fd, path, O_PATH, resolve);
}

int hx_init_mount_in(int root_fd, const struct hx_init_mount *spec,
                     struct hx_init_err *err)
{
    _init_close_ int fd = -1;
    bool is_folder = true;
    struct stat st;
    char path[64];

    if (!spec->fstype && stat(spec->source, &st) == 0)
        is_folder = S_ISDIR(st.st_mode);
    /*
     * With /proc a link to elsewhere, what hides parts of /proc would find
     * nothing to hide (CVE-2019-19921).
     */
    fd = open_target(root_fd, spec->target, is_folder,
                     spec->fstype ? RESOLVE_NO_SYMLINKS : 0);
    if (fd < 0 && errno == ELOOP && spec->fstype)
        return hx_init_fail(err,
                            "the image's /%s is a symbolic link; %s is mounted "
                            "on a real folder only",
                            spec->target, spec->fstype);
    if (fd < 0)
        return hx_init_fail_sys(err, errno, "making the mount point /%s",
                                spec->target);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (mount(spec->source, path, spec->fstype,
              spec->fstype ? spec->flags : MS_BIND, spec->data) < 0) {
        if (spec->optional && errno == ENODEV)
            return 0;
        return hx_init_fail_sys(err, errno, "mounting %s on /%s",
                                spec->fstype ? spec->fstype : spec->source,
                                spec->target);
    }
    return 0;
}
