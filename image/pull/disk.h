/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root disks: found by the chain of their layers' diff_ids, or made by
 * `mkroot` from the layers.
 */
#ifndef HX_PULL_DISK_H
#define HX_PULL_DISK_H

#include <stdint.h>

#include "image/pull/found.h"
#include "image/record.h"

struct hx_disk {
    char key[HX_DIGEST_HEX + 1];
    uint64_t bytes;
    char sha256[HX_DIGEST_HEX + 1];
    char stamp[HX_DISK_STAMP_MAX]; /* of the file that has these bytes */
};

/*
 * The root disk of what was found.  When it is not in the store, the layers
 * are taken from `supply` and converted; two pulls of the same disk make it
 * once.  `object` names the image in progress.
 */
int hx_disk_get(struct hx_supply *supply, const struct hx_found *found,
                const char *object, struct hx_disk *disk_r, struct hx_err *err);

/* Whether the store has a root disk of these layers: it is used as it is, and
 * the layers are not looked at. */
int hx_disk_is_stored(const struct hx_store *store,
                      const struct hx_rootfs *rootfs);

/*
 * Hashes the root disk of a stored image and, when it has the recorded digest,
 * records how its file looks now.  HX_ERR_CORRUPT when it has another.
 */
int hx_disk_check(const struct hx_store *store, const char *id,
                  struct hx_err *err);

#endif
