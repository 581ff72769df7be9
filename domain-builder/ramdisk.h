/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ramdisk of one pod: the base ramdisk with a second archive behind it
 * that holds the guest's configuration (pv-init/guest-abi.h), which the kernel
 * unpacks over it.
 *
 * The configuration holds secrets (environment variables, the seed), so the
 * joined ramdisk is a memory file of this process: it has no name in any
 * folder, and goes with the process however that ends.  libxl opens it by its
 * /proc path while it builds the domain in this same process.
 */
#ifndef HX_RAMDISK_H
#define HX_RAMDISK_H

#include <stddef.h>

#include "image/base/err.h"

struct hx_ramdisk {
    int fd;
    char path[32]; /* "/proc/self/fd/7" */
};

/* clang-format off */
#define HX_RAMDISK_INIT { .fd = -1 }
/* clang-format on */

/* HX_ERR_NOT_FOUND: no base ramdisk.  HX_ERR_LIMIT: the configuration is
 * larger than HX_ABI_CONFIG_MAX_BYTES. */
int hx_ramdisk_make(const char *base_path, const char *config,
                    size_t config_len, struct hx_ramdisk *ramdisk_r,
                    struct hx_err *err);
void hx_ramdisk_release(struct hx_ramdisk *ramdisk);

#endif
