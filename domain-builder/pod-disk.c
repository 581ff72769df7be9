/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "domain-builder/pod-change.h"
#include "domain-builder/resources.h"
#include "image/base/cleanup.h"

static int check(const struct hx_pod *pod, size_t container, struct hx_err *err)
{
    const char *name = pod->spec.name;

    if (hx_pod_restarting(pod))
        return hx_err_set(err, HX_ERR_STATE,
                          "reading the disk of %s: it is restarting; 'xl "
                          "hyper-stop %s' stops it for that",
                          name, name);
    if (pod->state != HX_POD_EXITED)
        return hx_err_set(err, HX_ERR_STATE,
                          "reading the disk of %s: the pod has not ended, and "
                          "its disk changes; 'xl hyper-stop %s' stops it for "
                          "that",
                          name, name);
    if (!pod->reaped)
        return hx_err_set(err, HX_ERR_STATE,
                          "reading the disk of %s: it is just ending; try "
                          "again",
                          name);
    if (container >= pod->spec.container_count ||
        pod->spec.containers[container].writable != HX_WRITABLE_DISK)
        return hx_err_set(err, HX_ERR_STATE,
                          "reading the disk of %s: it has none, since it was "
                          "made with --read-only",
                          name);
    return 0;
}

static int open_file(const struct hx_pod_dir *dir, int *fd_r,
                     struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    int fd;

    if (asprintf(&path, "%s/%s", dir->path, HX_SCRATCH_NAME) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening a disk");
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
    *fd_r = fd;
    return 0;
}

int hx_pod_disk_open(struct hx_host *host, const struct hx_pod *pod,
                     size_t container, struct hx_pod_disk *disk_r,
                     struct hx_err *err)
{
    struct hx_pod_change change;
    struct hx_pod_disk disk = HX_POD_DISK_INIT;
    int r = hx_pod_change_begin(&change, host, pod->uuid, err);

    if (r == 0)
        r = check(&change.pod, container, err);
    if (r == 0)
        r = open_file(&change.dir, &disk.fd, err);
    if (r == 0) {
        snprintf(disk.folder, sizeof(disk.folder), "%zu/upper", container);
        disk.dir = change.dir; /* with its lock */
        change.dir = (struct hx_pod_dir){ .lock_fd = -1 };
        *disk_r = disk;
    }
    hx_pod_dir_release(&change.dir);
    hx_pod_release(&change.pod);
    return r;
}

void hx_pod_disk_close(struct hx_pod_disk *disk)
{
    hx_cleanup_close(&disk->fd);
    disk->fd = -1;
    hx_pod_dir_release(&disk->dir);
}
