/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no image needs is removed here, and nowhere else.  Records and
 * references are the roots; a manifest names its layers.
 */
#include "image/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/manifest.h"
#include "image/record.h"

/* Names of files to keep: hex digests and disk keys, sorted. */
struct keep {
    char (*names)[HX_DIGEST_HEX + 1];
    size_t count, room;
};

static int keep_add(struct keep *keep, const char *hex)
{
    if (keep->count == keep->room) {
        size_t room = keep->room ? keep->room * 2 : 64;
        void *more = realloc(keep->names, room * sizeof(*keep->names));

        if (!more)
            return -1;
        keep->names = more;
        keep->room = room;
    }
    snprintf(keep->names[keep->count++], sizeof(*keep->names), "%s", hex);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* A manifest and what it names; one that is gone or damaged keeps nothing. */
static int keep_manifest(const struct hx_store *store, const char *digest,
                         struct keep *keep)
{
    _cleanup_manifest_ struct hx_manifest manifest = { 0 };
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_free_ char *path = hx_store_blob_path(store, digest);

    if (!path || keep_add(keep, hx_digest_hex(digest)) < 0)
        return -1;
    if (hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, NULL) < 0 ||
        hx_manifest_parse(text.data ? text.data : "", text.len, path, &manifest,
                          NULL) < 0)
        return 0;
    for (size_t i = 0; i < manifest.layer_count; i++) {
        if (keep_add(keep, hx_digest_hex(manifest.layers[i].digest)) < 0)
            return -1;
    }
    return 0;
}

static int keep_images(const struct hx_store *store,
                       const struct hx_image_record *records, size_t count,
                       struct keep *keep, struct hx_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct hx_image_record *record = &records[i];

        if (keep_add(keep, hx_digest_hex(record->id)) < 0 ||
            keep_add(keep, record->disk) < 0 ||
            (*record->manifest &&
             keep_manifest(store, record->manifest, keep) < 0))
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "cleaning the image store");
    }
    if (keep->count)
        qsort(keep->names, keep->count, sizeof(*keep->names), by_name);
    return 0;
}

static int collect(const struct hx_store *store, struct keep *keep,
                   struct hx_err *err)
{
    _cleanup_free_ struct hx_image_record *records = NULL;
    size_t count = 0;
    int rc = hx_image_record_list(store, &records, &count, err);

    return rc < 0 ? rc : keep_images(store, records, count, keep, err);
}

static uint64_t size_of(const struct hx_store *store, const char *folder,
                        const char *name, const char *suffix)
{
    _cleanup_free_ char *path =
        hx_store_path(store, "%s/%s%s", folder, name, suffix);
    struct stat st;

    return path && lstat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int hx_store_needed_bytes(const struct hx_store *store,
                          const struct hx_image_record *records, size_t count,
                          uint64_t *bytes_r, struct hx_err *err)
{
    struct keep keep = { 0 };
    uint64_t bytes = 0;
    int rc = keep_images(store, records, count, &keep, err);

    for (size_t i = 0; rc == 0 && i < keep.count; i++) {
        if (i && strcmp(keep.names[i], keep.names[i - 1]) == 0)
            continue;
        bytes += size_of(store, "blobs/sha256", keep.names[i], "") +
                 size_of(store, "disks", keep.names[i], ".squashfs");
    }
    free(keep.names);
    if (rc == 0)
        *bytes_r = bytes;
    return rc;
}

/* Whether a name is HEX followed by `suffix`, and is not to be kept. */
static int is_garbage(const struct keep *keep, const char *name,
                      const char *suffix)
{
    char hex[HX_DIGEST_HEX + 1];

    if (strspn(name, "0123456789abcdef") < HX_DIGEST_HEX ||
        strcmp(name + HX_DIGEST_HEX, suffix) != 0)
        return 0;
    memcpy(hex, name, HX_DIGEST_HEX);
    hex[HX_DIGEST_HEX] = '\0';
    return !keep->count || !bsearch(hex, keep->names, keep->count,
                                    sizeof(*keep->names), by_name);
}

/* Names that are not ours are left alone. */
static int clean_folder(const struct hx_store *store, const char *folder,
                        const char *suffix, const struct keep *keep,
                        int64_t spare_s, uint64_t *freed_bytes,
                        struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(store, "%s", folder);
    _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
    struct dirent *entry;

    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/%s",
                          store->root, folder);
    while ((entry = readdir(dir))) {
        struct stat st = { 0 };

        if (!is_garbage(keep, entry->d_name, suffix))
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            if (hx_store_is_young(&st, spare_s))
                continue;
            *freed_bytes += (uint64_t)st.st_size;
        }
        if (unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s/%s", path,
                              entry->d_name);
    }
    return 0;
}

/* A disk is made from blobs in no time: only these are spared. */
static int sweep(const struct hx_store *store, int64_t spare_s,
                 uint64_t *freed_bytes, struct hx_err *err)
{
    _cleanup_free_ char *lock = hx_store_path(store, "pulls.lock");
    _cleanup_close_ int alone = -1, changer = -1;
    struct keep keep = { 0 };
    int rc = hx_store_sweep_temps(store, spare_s, freed_bytes, err);

    if (rc < 0)
        return rc;
    /* A running pull has blobs that no record names yet. */
    if (!lock || hx_lock(lock, 1, 0, &alone, NULL) < 0)
        return 0;
    rc = hx_store_lock(store, &changer, err);
    if (rc == 0)
        rc = collect(store, &keep, err);
    if (rc == 0)
        rc = clean_folder(store, "blobs/sha256", "", &keep, spare_s,
                          freed_bytes, err);
    if (rc == 0)
        rc = clean_folder(store, "disks", ".squashfs", &keep, 0, freed_bytes,
                          err);
    free(keep.names);
    return rc;
}

int hx_store_sweep(const struct hx_store *store, struct hx_err *err)
{
    uint64_t freed_bytes = 0;

    return sweep(store, 0, &freed_bytes, err);
}

int hx_store_sweep_old(const struct hx_store *store, struct hx_err *err)
{
    uint64_t freed_bytes = 0;

    return sweep(store, HX_LEFTOVERS_S, &freed_bytes, err);
}

int hx_store_sweep_freed(const struct hx_store *store, uint64_t *freed_bytes,
                         struct hx_err *err)
{
    return sweep(store, 0, freed_bytes, err);
}

int hx_store_stored_bytes(const struct hx_store *store, uint64_t *bytes_r,
                          struct hx_err *err)
{
    static const char *const folders[] = { "blobs/sha256", "disks", "tmp" };
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        _cleanup_free_ char *path = hx_store_path(store, "%s", folders[i]);
        _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
        struct dirent *entry;

        if (!dir)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/%s",
                              store->root, folders[i]);
        while ((entry = readdir(dir)))
            bytes += size_of(store, folders[i], entry->d_name, "");
    }
    *bytes_r = bytes;
    return 0;
}
