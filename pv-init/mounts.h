/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting, for pv-init itself and for what a container sees.
 *
 * pv-init's own tree is the ramdisk:
 *
 *     /proc /dev        its own view
 *     /cgroup           cgroup2, when the kernel has it; a folder for each
 *                       container
 *     /pod              a small tmpfs: mount points
 *     /pod/scratch      the scratch disk
 *     /pod/N/lower      the root disk of container N
 *     /pod/N/root       the root that its processes get
 *     /pod/N/etc        a tmpfs of the files of /etc that are made for it
 */
#ifndef HX_INIT_MOUNTS_H
#define HX_INIT_MOUNTS_H

#include <stdbool.h>

#include "pv-init/base.h"

#define HX_INIT_POD     "/pod"
#define HX_INIT_SCRATCH HX_INIT_POD "/scratch"
#define HX_INIT_CGROUP  "/cgroup"

/* What pv-init needs before anything else: /proc, /dev and the rest. */
int hx_init_mounts_base(struct hx_init_err *err);

/* A plain mount(2) that says in words what failed. */
int hx_init_mount(const char *source, const char *target, const char *fstype,
                  unsigned long flags, const char *data,
                  struct hx_init_err *err);

struct hx_init_mount {
    const char *source;
    const char *target; /* within the root, no leading '/' */
    const char *fstype; /* NULL: bind `source` there */
    unsigned long flags;
    const char *data;
    bool optional; /* a kernel without it is fine */
};

/*
 * Mounts below the folder that root_fd (O_PATH) stands for, whatever links the
 * image has put in the way: none leads out of it, and where a filesystem goes
 * there may be none at all.  A missing mount point is made (for a bind of a
 * file: a file).
 */
int hx_init_mount_in(int root_fd, const struct hx_init_mount *mount,
                     struct hx_init_err *err);

/* open(2) of `path` that no link leads out of the root; -1 with errno. */
int hx_init_open_in(int root_fd, const char *path, uint64_t flags);

#endif
