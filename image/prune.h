/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing many images at once: those that nobody needs, or those used
 * longest ago when the store is larger than it may be.  Images that a pod
 * uses are never removed.
 */
#ifndef HX_PRUNE_H
#define HX_PRUNE_H

#include "image/manifest.h"
#include "image/store.h"

struct hx_prune {
    int all; /* those that have a name, too */
    /* Whether a pod needs the image; or fails.  Asked under the store's
     * lock. */
    int (*in_use)(const char *id, void *opaque, struct hx_err *err);
    /* Whether an image may go at all; NULL: each may. */
    int (*wanted)(const struct hx_image_config *config, void *opaque);
    /* Each name (canonical) and then the id (name is NULL) that is gone. */
    void (*removed)(const char *name, const char *id, void *opaque);
    void *opaque;
};

/* *freed_bytes_r: of the files that went away. */
int hx_image_prune(struct hx_store *store, const struct hx_prune *prune,
                   uint64_t *freed_bytes_r, struct hx_err *err);

struct hx_store_cap {
    uint64_t max_bytes;
    const char *keep_id; /* an image that stays in any case; or NULL */
    int (*in_use)(const char *id, void *opaque, struct hx_err *err);
    /* As above; when the image was last used, in Unix time. */
    void (*removed)(const char *name, const char *id, int64_t used_at_s,
                    void *opaque);
    void *opaque;
};

/*
 * Removes images, the one used longest ago first, until the files that the
 * others need are no larger than max_bytes together, and what failed pulls
 * have left when that is above it with them.  *needed_bytes_r is their
 * size afterwards: more than that when pods need them.
 */
int hx_image_cap(struct hx_store *store, const struct hx_store_cap *cap,
                 uint64_t *needed_bytes_r, struct hx_err *err);

#endif
