/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The containers' file trees: each one's read-only root disk with a writable
 * layer of overlayfs above it.
 *
 *   writable   upper layer is
 *   disk       a folder on the scratch disk; one for each container
 *   tmpfs      in the domain's memory, at most half of it
 *   none       a few kilobytes that pv-init itself fills (mount points that
 *              the image lacks, the working directory); then the root is made
 *              read-only, as Docker's --read-only
 *
 * All of it is mounted in pv-init's mount namespace, where it can be
 * unmounted when the container is gone.
 */
#ifndef HX_INIT_ROOT_H
#define HX_INIT_ROOT_H

#include "pv-init/base.h"
#include "pv-init/config.h"

#define HX_INIT_PATH_MAX 64

/* The first disk of the pod that has no device yet, or NULL. */
const char *hx_init_root_missing(const struct hx_init_config *config);

/* Mounts the scratch disk and every container's root. */
int hx_init_root_mount(const struct hx_init_config *config,
                       struct hx_init_err *err);

/* Where container `index` has its root: a string of pv-init's. */
void hx_init_root_path(unsigned index, char path_r[HX_INIT_PATH_MAX]);

/*
 * Unmounts all of it and sees that the scratch disk is clean.  Called when no
 * container lives any more; goes on where it can.
 */
int hx_init_root_unmount(const struct hx_init_config *config,
                         struct hx_init_err *err);

#endif
