/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writable disk of a pod that has ended, for who reads what it wrote.
 *
 *     r = hx_pod_disk_open(host, &pod, 0, &disk, err);
 *     ... disk.fd, disk.folder ...
 *     hx_pod_disk_close(&disk);
 *
 * The file was written by a guest, and dom0 never mounts it.
 */
#ifndef HX_POD_DISK_H
#define HX_POD_DISK_H

#include "domain-builder/pod-state.h"

struct hx_pod_disk {
    int fd;          /* of the ext4, open for reading */
    char folder[32]; /* the upper folder of the container's overlayfs on it,
                        as pv-init/root.c has it */
    struct hx_pod_dir dir; /* locked */
};

/*
 * The pod does not start until the disk is closed.  HX_ERR_STATE: it runs, is
 * about to, or has no disk, since its containers write into memory or nowhere.
 */
int hx_pod_disk_open(struct hx_host *host, const struct hx_pod *pod,
                     size_t container, struct hx_pod_disk *disk_r,
                     struct hx_err *err);
/* Takes one that was never opened, but not a zeroed one: HX_POD_DISK_INIT. */
void hx_pod_disk_close(struct hx_pod_disk *disk);

#define HX_POD_DISK_INIT                                                       \
    {                                                                          \
        .fd = -1, .dir = {.lock_fd = -1 }                                      \
    }

#endif
