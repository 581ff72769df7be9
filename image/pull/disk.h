/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root disks: found by the chain of their layers' diff_ids, or made by
 * `mkroot` from the layers.
 */
#ifndef HX_PULL_DISK_H
#define HX_PULL_DISK_H

#include <stdint.h>

#include "image/pull/found.h"

struct hx_disk {
    char key[HX_DIGEST_HEX + 1];
    uint64_t bytes;
    char sha256[HX_DIGEST_HEX + 1];
};

/*
 * The root disk of what was found.  When it is not in the store, the layers
 * are taken from `supply` and converted; two pulls of the same disk make it
 * once.  `object` names the image in progress.
 */
int hx_disk_get(struct hx_supply *supply, const struct hx_found *found,
                const char *object, struct hx_disk *disk_r, struct hx_err *err);

#endif
