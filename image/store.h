/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store: content-addressed files below one folder, /var/lib/hyper.
 *
 *     blobs/sha256/HEX       manifests, configs, compressed layers
 *     disks/KEY.squashfs     root disks; KEY is the hash of the layers'
 *                            diff_ids and of the disk format's version
 *     images/HEX.json        one record for each image id (see record.h)
 *     refs/HOST/PATH/_tags/TAG
 *     refs/HOST/PATH/_digests/sha256:HEX
 *                            what a reference names (see record.h)
 *     tmp/                   files that are being written, each with a flock
 *     store.lock             exclusive while records or references change;
 *                            shared from when an image is chosen for a pod
 *                            until the pod's own record names it
 *     pulls.lock             shared by every pull for its whole life;
 *                            exclusive while unreferenced files are removed
 *
 * Files appear by rename, whole and synced, and never change after that.  A
 * command killed anywhere leaves at most a file in tmp/ that nobody has
 * locked, or a blob or disk that no record names.  Blobs, and tmp/blob-HEX,
 * the beginning of one, serve the next pull that wants them, for a day; all
 * else goes with the end of the next pull (see hx_store_sweep).
 *
 * pods/ in the same folder is domain-builder's.
 */
#ifndef HX_STORE_H
#define HX_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "image/base/err.h"

#define HX_STORE_DEFAULT "/var/lib/hyper"

/*
 * Part of each root disk's key.  To be raised when mkroot writes other bytes
 * for the same layers: old disks are then no longer found, and the next pull
 * makes new ones from the blobs.
 */
#define HX_DISK_FORMAT 1

struct hx_store {
    char *root; /* absolute path */
};

/*
 * Opens the store below `root` (NULL: HX_STORE_DEFAULT), making its folders
 * when they are missing.  Release with hx_store_close.  HX_ERR_PRIVILEGE when
 * they cannot be made.
 */
int hx_store_open(const char *root, struct hx_store *store, struct hx_err *err);
/* Takes NULL and a zeroed store. */
void hx_store_close(struct hx_store *store);

/* A path inside the store, the caller's to free; NULL without memory. */
char *hx_store_path(const struct hx_store *store, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* `digest` and `key` must have passed hx_digest_check / be hex. */
char *hx_store_blob_path(const struct hx_store *store, const char *digest);
char *hx_store_disk_path(const struct hx_store *store, const char *key);

/*
 * Locks of the store (see above); *fd_r is the caller's to close.  A changer
 * waits up to 30 s, HX_ERR_STATE after that.
 */
int hx_store_lock(const struct hx_store *store, int *fd_r, struct hx_err *err);
int hx_store_lock_shared(const struct hx_store *store, int *fd_r,
                         struct hx_err *err);
int hx_store_join_pulls(const struct hx_store *store, int *fd_r,
                        struct hx_err *err);

/* Writes a small file below the store by temporary file, sync and rename;
 * the folders above it are made. */
int hx_store_write(const struct hx_store *store, const char *path,
                   const void *data, size_t len, struct hx_err *err);

/*
 * A new temporary file in tmp/, open for reading and writing and locked for
 * as long as the descriptor lives.  *path_r is the caller's to free.
 */
int hx_store_temp(const struct hx_store *store, const char *prefix, int *fd_r,
                  char **path_r, struct hx_err *err);

/* The same for a folder; who made it removes it with its content. */
int hx_store_temp_folder(const struct hx_store *store, const char *prefix,
                         int *fd_r, char **path_r, struct hx_err *err);

/* How long what a failed pull has fetched is kept for the next one. */
#define HX_LEFTOVERS_S 86400

/*
 * Removes the temporary files that no living process has locked, but no
 * beginning of a blob that was written to in the last `spare_s` seconds.  What
 * that freed is added to *freed_bytes.
 */
int hx_store_sweep_temps(const struct hx_store *store, int64_t spare_s,
                         uint64_t *freed_bytes, struct hx_err *err);

/*
 * Removes temporary files as above and, when no pull is under way, the blobs
 * and disks that no image needs: all of them, as after a removal, or what
 * failed pulls have left only when it is old, as at the end of each pull.
 */
int hx_store_sweep(const struct hx_store *store, struct hx_err *err);
int hx_store_sweep_old(const struct hx_store *store, struct hx_err *err);

/* Whether a file was written to in the last `spare_s` seconds, and not in the
 * future, as after a jump of the clock. */
int hx_store_is_young(const struct stat *st, int64_t spare_s);

#define _cleanup_store_ _cleanup_(hx_store_close)

#endif
