/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disks of a pod: which vbd holds what.
 *
 *     xvda ...   the root disks of the containers, one for each image,
 *                read-only, in the order in which containers name them
 *     the next   the scratch disk, if any container writes to one
 *
 * At most HX_ABI_CONTAINERS_MAX root disks, so that the names end at xvdq.
 */
#ifndef HX_DISKS_H
#define HX_DISKS_H

#include <stdbool.h>
#include <stddef.h>

#include "domain-builder/loop.h"
#include "domain-builder/pod.h"
#include "pv-init/guest-abi.h"

#define HX_DISKS_MAX (HX_ABI_CONTAINERS_MAX + 1)

struct hx_disk {
    char vdev[8];     /* "xvda" */
    const char *file; /* borrowed from the spec; NULL: the scratch disk */
    struct hx_loop loop;
};

struct hx_disks {
    struct hx_disk disk[HX_DISKS_MAX];
    size_t count;
    size_t root_of[HX_ABI_CONTAINERS_MAX]; /* index of a container's root */
    struct hx_disk *scratch;               /* one of disk[], or NULL */
};

/* Names and order; attaches nothing.  HX_ERR_USAGE: no container, too many,
 * or one without a root disk. */
int hx_disks_plan(const struct hx_pod_spec *spec, struct hx_disks *disks_r,
                  struct hx_err *err);

/* Attaches all to loop devices; `scratch_file` is used when there is a
 * scratch disk.  On failure none is attached. */
int hx_disks_attach(struct hx_disks *disks, const char *run_dir,
                    const char *scratch_file, struct hx_err *err);
/* Lets go of the loop devices. */
void hx_disks_release(struct hx_disks *disks);

#endif
