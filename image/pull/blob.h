/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a blob into the store: hashed in the same pass, visible only when
 * size and digest are right.
 *
 *     tmp/blob-HEX  --- finish: size, digest, sync, rename --->  blobs/sha256/
 *
 * The temporary file is locked.  A second pull of the same blob waits and
 * then finds it done; what a killed or failed pull left is taken up and
 * continued.
 */
#ifndef HX_PULL_BLOB_H
#define HX_PULL_BLOB_H

#include <stdint.h>

#include "image/manifest.h"
#include "image/pull/hash.h"
#include "image/store.h"

struct hx_blob {
    const struct hx_store *store;
    struct hx_descriptor descriptor;
    struct hx_hash hash;
    int fd;
    char *temp;
    uint64_t have_bytes;
};

/*
 * 1: the store has it already and *blob_r is untouched; 0: *blob_r is open
 * and holds `have_bytes` of it, 0 or what a pull before left.  It ends with
 * hx_blob_finish, hx_blob_drop or hx_blob_leave.
 */
int hx_blob_begin(const struct hx_store *store,
                  const struct hx_descriptor *descriptor,
                  struct hx_blob *blob_r, struct hx_err *err);
/* HX_ERR_CORRUPT for more than the descriptor's size. */
int hx_blob_write(struct hx_blob *blob, const void *data, size_t len,
                  struct hx_err *err);
/* Forgets what was written. */
int hx_blob_restart(struct hx_blob *blob, struct hx_err *err);
/* Puts it into the store, or drops it: HX_ERR_CORRUPT for a wrong size or
 * digest. */
int hx_blob_finish(struct hx_blob *blob, struct hx_err *err);
/* Removes the temporary file.  Takes NULL and one that has ended. */
void hx_blob_drop(struct hx_blob *blob);
/* Leaves what there is of it to the next hx_blob_begin. */
void hx_blob_leave(struct hx_blob *blob);

/* A blob of the store for reading; HX_ERR_NOT_FOUND. */
int hx_blob_open(const struct hx_store *store, const char *digest, int *fd_r,
                 struct hx_err *err);
/* What there is of a blob by now: 0 and the whole of it from the store, or 1
 * and its temporary file, empty when nobody has begun it. */
int hx_blob_open_growing(const struct hx_store *store,
                         const struct hx_descriptor *descriptor, int *fd_r,
                         struct hx_err *err);
/* Writes a small one at once: a manifest or config whose digest is known. */
int hx_blob_put(const struct hx_store *store, const char *digest,
                const void *data, size_t len, struct hx_err *err);
/* Hashes a stored blob and removes it when it is damaged: 1 when it was. */
int hx_blob_remove_damaged(const struct hx_store *store, const char *digest,
                           struct hx_err *err);

#endif
