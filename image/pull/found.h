/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources of images, all alike: `find` resolves to one image for the wanted
 * platform and leaves its manifest and config checked and in the store;
 * `layer` then gives the verified bytes of one layer.
 */
#ifndef HX_PULL_FOUND_H
#define HX_PULL_FOUND_H

#include "image/base/buf.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/store.h"

struct hx_found {
    char id[HX_DIGEST_TEXT_MAX];       /* the config's digest */
    char manifest[HX_DIGEST_TEXT_MAX]; /* its own, or made here */
    char root[HX_DIGEST_TEXT_MAX];     /* what the tag named, or "" */
    struct hx_manifest layers;
    struct hx_rootfs rootfs;
    char **references; /* canonical ones under which it is to be known */
};

struct hx_supply {
    const struct hx_store *store;
    int (*find)(struct hx_supply *supply, const struct hx_platform *wanted,
                struct hx_found *found_r, struct hx_err *err);
    /*
     * Gets all layers, so that `layer` need not wait; `object` names the image
     * in progress.  Who reads the blobs' temporary files meanwhile is told
     * that they have grown by bytes on the pipe `grown_fd`, which may be -1.
     * NULL: `layer` gets each one.
     */
    int (*prepare)(struct hx_supply *supply, const struct hx_found *found,
                   const char *object, int grown_fd, struct hx_err *err);
    /* A descriptor at offset 0, the caller's to close. */
    int (*layer)(struct hx_supply *supply, const struct hx_found *found,
                 size_t index, int *fd_r, struct hx_err *err);
    void (*free)(struct hx_supply *supply);
    /* Of an archive: goes to its first, then to the next image, which `find`
     * then finds: 1, or 0 when there is none.  NULL where there is but one. */
    int (*next)(struct hx_supply *supply, struct hx_err *err);
};

void hx_found_release(struct hx_found *found);

/*
 * Parses a config, checks it against the platform and the number of layers,
 * and fills id and rootfs.  HX_ERR_NOT_FOUND for another platform.
 */
int hx_found_set_config(struct hx_found *found, const char *data, size_t len,
                        const char *digest, const struct hx_platform *wanted,
                        struct hx_err *err);

#define _cleanup_found_ _cleanup_(hx_found_release)

static inline void hx_cleanup_supply(struct hx_supply **supply)
{
    if (*supply)
        (*supply)->free(*supply);
}
#define _cleanup_supply_ _cleanup_(hx_cleanup_supply)

#endif
