/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pv-init/devices.h"
#include "pv-init/etcfiles.h"
#include "pv-init/mounts.h"

#define NO_PROGRAMS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Docker's table.  Before these, nothing of the image's is under them. */
static const struct hx_init_mount tables[] = {
    { "proc", "proc", "proc", NO_PROGRAMS, NULL, false },
    { "tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
      "mode=755,size=65536k", false },
    { "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
      "newinstance,ptmxmode=0666,mode=0620,gid=5", false },
    { "mqueue", "dev/mqueue", "mqueue", NO_PROGRAMS, NULL, true },
    { "sysfs", "sys", "sysfs", NO_PROGRAMS | MS_RDONLY, NULL, false },
    { "cgroup", "sys/fs/cgroup", "cgroup2", NO_PROGRAMS | MS_RDONLY, NULL,
      true },
};

/*
 * The devices every container has.  They are bound, not made: /dev itself
 * allows no devices, so that what mknod(2) makes there opens nothing.
 */
static const char *const devices[] = { "null",   "zero",    "full",
                                       "random", "urandom", "tty" };

static const struct {
    const char *target, *link;
} links[] = {
    { "/proc/self/fd", "/dev/fd" },       { "/proc/self/fd/0", "/dev/stdin" },
    { "/proc/self/fd/1", "/dev/stdout" }, { "/proc/self/fd/2", "/dev/stderr" },
    { "/proc/kcore", "/dev/core" },       { "pts/ptmx", "/dev/ptmx" },
};

/* What the domain as a whole has: pv-init's view, in a root with programs. */
static const struct hx_init_mount vm_tables[] = {
    { "proc", "proc", "proc", NO_PROGRAMS, NULL, false },
    { "/dev", "dev", NULL, 0, NULL, false },
    { "sysfs", "sys", "sysfs", NO_PROGRAMS, NULL, false },
    { "cgroup", "sys/fs/cgroup", "cgroup2", NO_PROGRAMS, NULL, true },
};

/* Docker's lists: what tells about, or acts on, the kernel as a whole. */
static const char *const masked[] = {
    "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
    "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap",
};
static const char *const read_only[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* Docker's 64 MiB; no more than half of a small domain. */
static int mount_shm(int root_fd, struct hx_init_err *err)
{
    const unsigned long long docker_bytes = 64ull << 20;
    struct hx_init_mount shm = { "shm",       "dev/shm", "tmpfs",
                                 NO_PROGRAMS, NULL,      false };
    struct sysinfo info;
    char data[64];
    unsigned long long bytes = docker_bytes;

    if (sysinfo(&info) == 0 &&
        (unsigned long long)info.totalram * info.mem_unit / 2 < bytes)
        bytes = (unsigned long long)info.totalram * info.mem_unit / 2;
    snprintf(data, sizeof(data), "mode=1777,size=%lluk", bytes / 1024);
    shm.data = data;
    return hx_init_mount_in(root_fd, &shm, err);
}

static int mount_tables(int root_fd, bool privileged, struct hx_init_err *err)
{
    unsigned i;

    for (i = 0; i < HX_INIT_COUNT(tables); i++) {
        struct hx_init_mount table = tables[i];

        if (privileged)
            table.flags &= ~(unsigned long)MS_RDONLY;
        if (privileged && strcmp(table.target, "dev") == 0)
            table.flags &= ~(unsigned long)MS_NODEV;
        if (hx_init_mount_in(root_fd, &table, err) < 0)
            return -1;
    }
    return mount_shm(root_fd, err);
}

static int mount_view(int root_fd, const struct hx_init_sandbox *sandbox,
                      struct hx_init_err *err)
{
    enum hx_init_etcfile which;
    unsigned i;

    if (mount_tables(root_fd, sandbox->privileged, err) < 0)
        return -1;
    for (i = 0; i < HX_INIT_COUNT(devices); i++) {
        char source[32];
        struct hx_init_mount bind = { .source = source, .target = source + 1 };

        snprintf(source, sizeof(source), "/dev/%s", devices[i]);
        if (hx_init_mount_in(root_fd, &bind, err) < 0)
            return -1;
    }
    for (which = 0; which < HX_INIT_ETC_FILES; which++) {
        char source[128], target[32];
        struct hx_init_mount bind = { .source = source, .target = target };

        snprintf(source, sizeof(source), "%s/%s", sandbox->etc,
                 hx_init_etcfile_name(which));
        snprintf(target, sizeof(target), "etc/%s", hx_init_etcfile_name(which));
        if (hx_init_mount_in(root_fd, &bind, err) < 0)
            return -1;
    }
    return sandbox->privileged ? hx_init_devices_copy(root_fd, err) : 0;
}

/* From here on nothing of pv-init's own tree can be reached. */
static int change_root(int root_fd, struct hx_init_err *err)
{
    if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return hx_init_fail_sys(err, errno, "entering the container's root");
    return 0;
}

static int bind_read_only(const char *path)
{
    if (mount(path, path, NULL, MS_BIND, NULL) < 0)
        return -1;
    return mount(NULL, path, NULL,
                 MS_REMOUNT | MS_BIND | MS_RDONLY | NO_PROGRAMS, NULL);
}

/* The files show /dev/null, the folders are empty; missing ones stay so. */
static int mask(struct hx_init_err *err)
{
    struct statfs proc;
    struct stat st;
    unsigned i;
    int r;

    /* Elsewhere all would be missing. */
    if (statfs("/proc", &proc) < 0 || proc.f_type != PROC_SUPER_MAGIC)
        return hx_init_fail(err, "the container's /proc is none");
    for (i = 0; i < HX_INIT_COUNT(masked); i++) {
        if (stat(masked[i], &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            r = mount("tmpfs", masked[i], "tmpfs", MS_RDONLY | NO_PROGRAMS,
                      "size=0k,nr_inodes=2");
        else
            r = mount("/dev/null", masked[i], NULL, MS_BIND, NULL);
        if (r < 0)
            return hx_init_fail_sys(err, errno, "hiding %s", masked[i]);
    }
    for (i = 0; i < HX_INIT_COUNT(read_only); i++) {
        if (bind_read_only(read_only[i]) < 0 && errno != ENOENT)
            return hx_init_fail_sys(err, errno, "making %s read-only",
                                    read_only[i]);
    }
    return 0;
}

/* The filesystem is one for the pod, and read-only if a container was the first
 * to mount it. */
static int make_sys_writable(struct hx_init_err *err)
{
    if (mount(NULL, "/sys", NULL, MS_REMOUNT | NO_PROGRAMS, NULL) < 0)
        return hx_init_fail_sys(err, errno, "making /sys writable");
    return 0;
}

static int finish_root(const struct hx_init_sandbox *sandbox,
                       struct hx_init_err *err)
{
    unsigned i;

    for (i = 0; i < HX_INIT_COUNT(links); i++) {
        if (symlink(links[i].target, links[i].link) < 0)
            return hx_init_fail_sys(err, errno, "making %s", links[i].link);
    }
    if (!sandbox->unmasked && mask(err) < 0)
        return -1;
    if (sandbox->privileged && make_sys_writable(err) < 0)
        return -1;
    /* Docker leaves this link in every container; df and mount want it. */
    if (symlink("/proc/mounts", "/etc/mtab") < 0 && errno != EEXIST)
        return hx_init_fail_sys(err, errno, "making /etc/mtab");
    if (access(sandbox->cwd, F_OK) < 0 && hx_init_mkdir_p(sandbox->cwd) < 0)
        return hx_init_fail_sys(err, errno, "making the working directory %s",
                                sandbox->cwd);
    if (sandbox->read_only &&
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV,
              NULL) < 0)
        return hx_init_fail_sys(err, errno, "making the root read-only");
    return 0;
}

int hx_init_sandbox_enter(const struct hx_init_sandbox *sandbox,
                          struct hx_init_err *err)
{
    _init_close_ int root_fd =
        open(sandbox->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root_fd < 0)
        return hx_init_fail_sys(err, errno, "opening the container's root %s",
                                sandbox->root);
    if (mount_view(root_fd, sandbox, err) < 0 || change_root(root_fd, err) < 0)
        return -1;
    return finish_root(sandbox, err);
}

/* pv-init has no terminals until somebody wants one. */
static int mount_terminals(struct hx_init_err *err)
{
    struct stat st;

    if (stat("/dev/pts/ptmx", &st) == 0)
        return 0;
    if (mkdir("/dev/pts", 0755) < 0 && errno != EEXIST)
        return hx_init_fail_sys(err, errno, "making /dev/pts");
    return hx_init_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                         "ptmxmode=0666,mode=0620", err);
}

int hx_init_sandbox_enter_vm(const char *root, struct hx_init_err *err)
{
    _init_close_ int root_fd = -1;
    unsigned i;

    /* What is mounted here is this process's alone and goes with it. */
    if (unshare(CLONE_NEWNS) < 0)
        return hx_init_fail_sys(err, errno, "making a mount namespace");
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return hx_init_fail_sys(err, errno, "opening the first root %s", root);
    for (i = 0; i < HX_INIT_COUNT(vm_tables); i++) {
        if (hx_init_mount_in(root_fd, &vm_tables[i], err) < 0)
            return -1;
    }
    if (change_root(root_fd, err) < 0 || make_sys_writable(err) < 0)
        return -1;
    return mount_terminals(err);
}
