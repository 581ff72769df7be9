/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the store remembers: one record for each image, and what each
 * reference names.
 *
 *     images/HEX.json   {"version": 1, "id": "sha256:...",
 *                        "manifest": "sha256:...", "disk": "KEY",
 *                        "disk_bytes": N, "disk_sha256": "HEX",
 *                        "disk_stamp": "DEV INODE BYTES MTIME CTIME",
 *                        "pulled_at_s": N}
 *     refs/...          {"version": 1, "reference": "docker.io/library/
 *                        nginx:latest", "id": "sha256:...",
 *                        "digest": "sha256:...", "pulled_at_s": N}
 *
 * The caller holds the store's lock to change them (hx_store_lock).  Readers
 * need none: a file is whole, or gone.
 */
#ifndef HX_RECORD_H
#define HX_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "image/base/err.h"
#include "image/digest.h"
#include "image/reference.h"
#include "image/store.h"

/*
 * What a disk's file looked like when its bytes had the recorded digest, so
 * that it is hashed again only when it looks otherwise: device, inode, size,
 * and the times of the last write and change in ns, in hex.
 */
#define HX_DISK_STAMP_MAX 96
void hx_disk_stamp(const struct stat *st, char stamp_r[HX_DISK_STAMP_MAX]);

struct hx_image_record {
    char id[HX_DIGEST_TEXT_MAX];       /* the config's digest */
    char manifest[HX_DIGEST_TEXT_MAX]; /* or "" */
    char disk[HX_DIGEST_HEX + 1];      /* key of the root disk */
    uint64_t disk_bytes;
    char disk_sha256[HX_DIGEST_HEX + 1]; /* of the disk's bytes */
    char disk_stamp[HX_DISK_STAMP_MAX];  /* or "": never looked at */
    int64_t pulled_at_s;
};

struct hx_ref_record {
    char *reference; /* canonical */
    char id[HX_DIGEST_TEXT_MAX];
    char digest[HX_DIGEST_TEXT_MAX]; /* what the registry's tag named, or "" */
    int64_t pulled_at_s;
};

/* HX_ERR_NOT_FOUND when there is none, HX_ERR_CORRUPT when it is damaged. */
int hx_image_record_load(const struct hx_store *store, const char *id,
                         struct hx_image_record *record_r, struct hx_err *err);
int hx_image_record_save(const struct hx_store *store,
                         const struct hx_image_record *record,
                         struct hx_err *err);
int hx_image_record_remove(const struct hx_store *store, const char *id,
                           struct hx_err *err);

/*
 * When a pod was last made of the image, or it was pulled: Unix time, 0 when
 * that is not known.  It is the time of the record's file, which costs a
 * launch next to nothing.
 */
void hx_image_record_use(const struct hx_store *store, const char *id);
int64_t hx_image_record_used_at_s(const struct hx_store *store, const char *id);

/* All records; damaged files are skipped.  The caller frees the array. */
int hx_image_record_list(const struct hx_store *store,
                         struct hx_image_record **records_r, size_t *count_r,
                         struct hx_err *err);

/* The file of a reference, the caller's to free; NULL without memory. */
char *hx_ref_record_path(const struct hx_store *store,
                         const struct hx_reference *ref);
int hx_ref_record_load(const struct hx_store *store,
                       const struct hx_reference *ref,
                       struct hx_ref_record *record_r, struct hx_err *err);
int hx_ref_record_save(const struct hx_store *store,
                       const struct hx_reference *ref,
                       const struct hx_ref_record *record, struct hx_err *err);
/* Removes the file and the folders above it that are empty by that. */
int hx_ref_record_remove(const struct hx_store *store, const char *canonical,
                         struct hx_err *err);
void hx_ref_record_release(struct hx_ref_record *record);

/*
 * Each file there is, in no order; `record` is NULL for one that is damaged or
 * not in its place, and else may be emptied by whom it is given to.  A
 * negative answer ends the walk and is what comes back.
 */
typedef int hx_ref_record_fn(const char *path, struct hx_ref_record *record,
                             void *opaque, struct hx_err *err);
int hx_ref_record_walk(const struct hx_store *store, hx_ref_record_fn *each,
                       void *opaque, struct hx_err *err);

/* All of them, sorted by reference; files that are damaged or not in their
 * place are skipped.  Freed with hx_ref_record_list_free. */
int hx_ref_record_list(const struct hx_store *store,
                       struct hx_ref_record **records_r, size_t *count_r,
                       struct hx_err *err);
void hx_ref_record_list_free(struct hx_ref_record *records, size_t count);

#define _cleanup_ref_record_ _cleanup_(hx_ref_record_release)

#endif
