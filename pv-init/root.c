/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/root.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pv-init/mounts.h"

/* A second for a disk to be opened whose node is there. */
#define OPEN_TRIES    1000
#define OPEN_PAUSE_NS 1000000

static void device_path(const struct hx_init_disk *disk,
                        char path_r[HX_INIT_PATH_MAX])
{
    snprintf(path_r, HX_INIT_PATH_MAX, "/dev/%s", disk->device);
}

static bool is_there(const struct hx_init_disk *disk)
{
    char path[HX_INIT_PATH_MAX];

    device_path(disk, path);
    return access(path, F_OK) == 0;
}

const char *hx_init_root_missing(const struct hx_init_config *config)
{
    size_t i;

    if (config->scratch.device && !is_there(&config->scratch))
        return config->scratch.device;
    for (i = 0; i < config->container_count; i++) {
        if (!is_there(&config->containers[i].root))
            return config->containers[i].root.device;
    }
    return NULL;
}

/* /pod/N/NAME */
static void pod_path(unsigned index, const char *name,
                     char path_r[HX_INIT_PATH_MAX])
{
    snprintf(path_r, HX_INIT_PATH_MAX, HX_INIT_POD "/%u/%s", index, name);
}

void hx_init_root_path(unsigned index, char path_r[HX_INIT_PATH_MAX])
{
    pod_path(index, "root", path_r);
}

static int make_folder(const char *path, struct hx_init_err *err)
{
    if (hx_init_mkdir_p(path) < 0)
        return hx_init_fail_sys(err, errno, "making %s", path);
    return 0;
}

/* The kernel makes a disk's node a moment before the disk can be opened, which
 * fails with ENXIO until then. */
static int mount_opened(const char *device, const char *target,
                        const char *fstype, unsigned long flags)
{
    const struct timespec pause = { .tv_nsec = OPEN_PAUSE_NS };

    for (int tries = 1;; tries++) {
        if (mount(device, target, fstype, flags, NULL) == 0)
            return 0;
        if (errno != ENXIO || tries == OPEN_TRIES)
            return -1;
        nanosleep(&pause, NULL);
    }
}

/* Mounts a disk and says what the usual failures mean. */
static int mount_disk(const struct hx_init_disk *disk, const char *target,
                      unsigned long flags, struct hx_init_err *err)
{
    char device[HX_INIT_PATH_MAX];

    device_path(disk, device);
    if (mount_opened(device, target, disk->fstype, flags) == 0)
        return 0;
    if (errno == ENODEV)
        return hx_init_fail(err,
                            "mounting disk %s: the HyperKernel has no "
                            "filesystem %s",
                            disk->device, disk->fstype);
    if (errno == EINVAL)
        return hx_init_fail(err,
                            "mounting disk %s: there is no sound %s on it; "
                            "make it anew (a root disk: pull the image again)",
                            disk->device, disk->fstype);
    return hx_init_fail_sys(err, errno, "mounting disk %s (%s)", disk->device,
                            disk->fstype);
}

static int mount_scratch(const struct hx_init_disk *disk,
                         struct hx_init_err *err)
{
    if (make_folder(HX_INIT_SCRATCH, err) < 0 ||
        mount_disk(disk, HX_INIT_SCRATCH, MS_NOSUID | MS_NODEV | MS_NOATIME,
                   err) < 0)
        return hx_init_fail_prefix(err, "the scratch disk");
    return 0;
}

/*
 * The folder that holds upper/ and work/ of a container.  Only root of
 * pv-init's own tree gets at it.
 */
static int prepare_upper(unsigned index, enum hx_init_writable writable,
                         char path_r[HX_INIT_PATH_MAX], struct hx_init_err *err)
{
    switch (writable) {
    case HX_INIT_WRITABLE_DISK:
        snprintf(path_r, HX_INIT_PATH_MAX, HX_INIT_SCRATCH "/%u", index);
        return make_folder(path_r, err);
    case HX_INIT_WRITABLE_TMPFS:
        pod_path(index, "memory", path_r);
        if (make_folder(path_r, err) < 0)
            return -1;
        return hx_init_mount("memory", path_r, "tmpfs", MS_NOSUID | MS_NODEV,
                             "mode=0755", err);
    case HX_INIT_WRITABLE_NONE:
        break;
    }
    pod_path(index, "none", path_r);
    return make_folder(path_r, err);
}

/* The root folder's owner and mode are the upper layer's: take the image's. */
static int copy_attributes(const char *from, const char *to,
                           struct hx_init_err *err)
{
    struct stat st;

    if (stat(from, &st) < 0 || chown(to, st.st_uid, st.st_gid) < 0 ||
        chmod(to, st.st_mode & 07777) < 0)
        return hx_init_fail_sys(err, errno, "preparing the writable layer");
    return 0;
}

static int mount_overlay(unsigned index, const char *lower,
                         enum hx_init_writable writable,
                         struct hx_init_err *err)
{
    char base[HX_INIT_PATH_MAX], root[HX_INIT_PATH_MAX];
    char upper[HX_INIT_PATH_MAX + 8], work[HX_INIT_PATH_MAX + 8];
    char data[256];
    bool is_new;

    if (prepare_upper(index, writable, base, err) < 0)
        return -1;
    snprintf(upper, sizeof(upper), "%s/upper", base);
    snprintf(work, sizeof(work), "%s/work", base);
    is_new = access(upper, F_OK) < 0;
    if (make_folder(upper, err) < 0 || make_folder(work, err) < 0 ||
        (is_new && copy_attributes(lower, upper, err) < 0))
        return -1;
    pod_path(index, "root", root);
    if (make_folder(root, err) < 0)
        return -1;
    snprintf(data, sizeof(data), "lowerdir=%s,upperdir=%s,workdir=%s", lower,
             upper, work);
    /*
     * No devices but those of the container's /dev: with CAP_MKNOD its root
     * could otherwise make itself the pod's disks and xenstore.
     */
    return hx_init_mount("overlay", root, "overlay", MS_NODEV, data, err);
}

static int mount_container(unsigned index,
                           const struct hx_init_container_config *container,
                           struct hx_init_err *err)
{
    char lower[HX_INIT_PATH_MAX];

    pod_path(index, "lower", lower);
    if (make_folder(lower, err) < 0 ||
        mount_disk(&container->root, lower, MS_RDONLY | MS_NODEV, err) < 0 ||
        mount_overlay(index, lower, container->writable, err) < 0)
        return hx_init_fail_prefix(err, "container %s", container->name);
    return 0;
}

int hx_init_root_mount(const struct hx_init_config *config,
                       struct hx_init_err *err)
{
    unsigned i;

    if (config->scratch.device && mount_scratch(&config->scratch, err) < 0)
        return -1;
    for (i = 0; i < config->container_count; i++) {
        if (mount_container(i, &config->containers[i], err) < 0)
            return -1;
    }
    return 0;
}

int hx_init_root_unmount(const struct hx_init_config *config,
                         struct hx_init_err *err)
{
    unsigned i;
    char path[HX_INIT_PATH_MAX];

    for (i = 0; i < config->container_count; i++) {
        pod_path(i, "root", path);
        umount2(path, 0);
        pod_path(i, "lower", path);
        umount2(path, 0);
    }
    if (!config->scratch.device || umount2(HX_INIT_SCRATCH, 0) == 0 ||
        errno == EINVAL || errno == ENOENT) /* EINVAL: never mounted */
        return 0;
    /* Something holds it.  Read-only, it is clean all the same. */
    if (mount(NULL, HX_INIT_SCRATCH, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0)
        return 0;
    hx_init_fail_sys(err, errno, "unmounting the scratch disk");
    sync();
    return -1;
}
