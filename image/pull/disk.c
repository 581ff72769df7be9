/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/pull/blob.h"
#include "image/pull/claim.h"
#include "image/pull/convert.h"
#include "image/record.h"

struct job {
    struct hx_layers layers;
    struct hx_disk disk;
    char *path;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "root disk");
}

/* The key: a hash of the disk format and of every diff_id in its order. */
static int make_key(const struct hx_rootfs *rootfs, char *key)
{
    _cleanup_hash_ struct hx_hash hash = { 0 };
    char format[32], digest[HX_DIGEST_TEXT_MAX];

    snprintf(format, sizeof(format), "hyper disk %d\n", HX_DISK_FORMAT);
    if (hx_hash_start(&hash) < 0 ||
        hx_hash_add(&hash, format, strlen(format)) < 0)
        return -1;
    for (size_t i = 0; i < rootfs->count; i++) {
        if (hx_hash_add(&hash, rootfs->diff_ids[i],
                        strlen(rootfs->diff_ids[i])) < 0 ||
            hx_hash_add(&hash, "\n", 1) < 0)
            return -1;
    }
    if (hx_hash_digest(&hash, digest) < 0)
        return -1;
    hx_hex_copy(key, hx_digest_hex(digest));
    return 0;
}

/* A record of a disk of this key, from whichever image: 1 when there is. */
static int recorded(const struct hx_store *store, struct hx_disk *disk,
                    struct hx_err *err)
{
    _cleanup_free_ struct hx_image_record *records = NULL;
    size_t count = 0;
    int rc = hx_image_record_list(store, &records, &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(records[i].disk, disk->key) != 0)
            continue;
        disk->bytes = records[i].disk_bytes;
        hx_hex_copy(disk->sha256, records[i].disk_sha256);
        memcpy(disk->stamp, records[i].disk_stamp, sizeof(disk->stamp));
        return 1;
    }
    return 0;
}

/* What the disk is, by reading all of it. */
static int measure(const char *path, struct hx_disk *disk, struct hx_err *err)
{
    _cleanup_hash_ struct hx_hash hash = { 0 };
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char digest[HX_DIGEST_TEXT_MAX];
    struct stat st;
    off_t bytes = 0;

    if (fd < 0 || fstat(fd, &st) < 0 || hx_hash_start(&hash) < 0 ||
        hx_hash_add_file(&hash, fd, &bytes) < 0 ||
        hx_hash_digest(&hash, digest) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
    disk->bytes = (uint64_t)bytes;
    hx_hex_copy(disk->sha256, hx_digest_hex(digest));
    hx_disk_stamp(&st, disk->stamp);
    return 0;
}

/* Whether the file still has the recorded bytes: 1 or 0.  It is read only when
 * it looks otherwise than it did. */
static int is_intact(const char *path, const struct stat *st,
                     struct hx_disk *disk, struct hx_err *err)
{
    struct hx_disk now = *disk;
    char stamp[HX_DISK_STAMP_MAX];
    int rc;

    if (disk->bytes != (uint64_t)st->st_size)
        return 0;
    hx_disk_stamp(st, stamp);
    if (strcmp(stamp, disk->stamp) == 0)
        return 1;
    rc = measure(path, &now, err);
    if (rc < 0)
        return rc;
    if (*disk->sha256 && strcmp(now.sha256, disk->sha256) != 0)
        return 0;
    *disk = now;
    return 1;
}

/* Records how it looks now; a store that cannot be written costs the next
 * launch its time, and no more. */
static void note_stamp(const struct hx_store *store, const char *id,
                       const struct hx_disk *disk)
{
    struct hx_image_record record;
    _cleanup_close_ int lock = -1;

    if (hx_store_lock(store, &lock, NULL) < 0 ||
        hx_image_record_load(store, id, &record, NULL) < 0 ||
        strcmp(record.disk, disk->key) != 0)
        return;
    memcpy(record.disk_stamp, disk->stamp, sizeof(record.disk_stamp));
    hx_image_record_save(store, &record, NULL);
}

int hx_disk_check(const struct hx_store *store, const char *id,
                  struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    struct hx_image_record record;
    struct hx_disk disk = { .bytes = 0 };
    int rc = hx_digest_valid(id)
                 ? hx_image_record_load(store, id, &record, err)
                 : hx_err_set(err, HX_ERR_USAGE, "'%.80s' is no image id", id);

    if (rc < 0)
        return rc;
    path = hx_store_disk_path(store, record.disk);
    if (!path)
        return no_memory(err);
    hx_hex_copy(disk.key, record.disk);
    rc = measure(path, &disk, err);
    if (rc < 0)
        return rc;
    if (*record.disk_sha256 && strcmp(disk.sha256, record.disk_sha256) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "root disk %s: its content has the digest sha256:%s, "
                          "and sha256:%s was recorded when it was made; pull "
                          "the image again",
                          path, disk.sha256, record.disk_sha256);
    note_stamp(store, id, &disk);
    return 0;
}

/* 1 when the store has the disk; then job->disk is filled. */
static int is_made(void *opaque, struct hx_err *err)
{
    struct job *job = opaque;
    struct stat st;
    int rc;

    if (stat(job->path, &st) < 0)
        return 0;
    rc = recorded(job->layers.supply->store, &job->disk, err);
    /* A killed pull had made it, but not yet recorded. */
    if (rc == 0)
        rc = measure(job->path, &job->disk, err);
    if (rc >= 0)
        rc = is_intact(job->path, &st, &job->disk, err);
    if (rc != 0)
        return rc;
    /* Damaged: make it anew.  Who has it open keeps what he has. */
    if (unlink(job->path) < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", job->path);
    return 0;
}

/*
 * Layers that the store had from before may have been damaged there: those
 * are removed, and 1 says that fetching them again may help.
 */
static int drop_damaged(const struct job *job, struct hx_err *err)
{
    const struct hx_manifest *layers = &job->layers.found->layers;
    int dropped = 0;

    for (size_t i = 0; i < layers->layer_count; i++) {
        struct hx_err why;
        int rc = hx_blob_remove_damaged(job->layers.supply->store,
                                        layers->layers[i].digest, &why);

        if (rc < 0 && rc != -HX_ERR_NOT_FOUND)
            return hx_err_set(err, why.code, "%s", why.msg);
        dropped |= rc == 1;
    }
    return dropped;
}

static int check_size(const struct job *job, int fd, struct hx_err *err)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && (uint64_t)st.st_size == job->disk.bytes)
        return 0;
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "root disk: 'mkroot' says it wrote %" PRIu64
                      " bytes, and it did not",
                      job->disk.bytes);
}

static int convert(struct job *job, int fd, struct hx_err *err)
{
    struct hx_converted converted = { 0 };
    int rc = hx_convert(&job->layers, fd, &converted, err);

    job->disk.bytes = converted.bytes;
    hx_hex_copy(job->disk.sha256, converted.sha256);
    return rc;
}

/* With layers that were damaged in the store, once more. */
static int convert_again(struct job *job, int fd, int rc, struct hx_err *err)
{
    struct hx_err why;
    int dropped = drop_damaged(job, &why);

    if (dropped == 0)
        return rc;
    if (dropped < 0)
        return hx_err_set(err, why.code, "%s", why.msg);
    rc = hx_layers_get(&job->layers, err);
    return rc < 0 ? rc : convert(job, fd, err);
}

static int make(struct job *job, const char *temp, int fd, struct hx_err *err)
{
    int rc = convert(job, fd, err);
    struct stat st;

    if (rc == -HX_ERR_CORRUPT)
        rc = convert_again(job, fd, rc, err);
    if (rc == 0)
        rc = check_size(job, fd, err);
    if (rc == 0 && (fchmod(fd, 0600) < 0 || fdatasync(fd) < 0 ||
                    rename(temp, job->path) < 0 || fstat(fd, &st) < 0))
        rc = hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", job->path);
    if (rc < 0)
        unlink(temp);
    else
        hx_disk_stamp(&st, job->disk.stamp); /* rename is a change, too */
    return rc;
}

/* Where another pull makes it, layers that it does not have come first: then
 * who waits for the disk waits for mkroot alone. */
static int take_claim(struct job *job, const struct hx_claim *claim, int *fd_r,
                      struct hx_err *err)
{
    int rc = hx_claim_try(claim, fd_r, err);

    if (rc != HX_CLAIM_HELD)
        return rc;
    rc = hx_layers_get(&job->layers, err);
    return rc < 0 ? rc : hx_claim_take(claim, fd_r, err);
}

static int make_once(struct job *job, struct hx_err *err)
{
    _cleanup_free_ char *temp =
        hx_store_path(job->layers.supply->store, "tmp/disk-%s", job->disk.key);
    struct hx_claim claim = { .temp = temp,
                              .object = job->layers.object,
                              .is_done = is_made,
                              .opaque = job };
    _cleanup_close_ int fd = -1;
    int rc;

    if (!temp)
        return no_memory(err);
    rc = take_claim(job, &claim, &fd, err);
    return rc == 0 ? make(job, temp, fd, err) : rc;
}

int hx_disk_get(struct hx_supply *supply, const struct hx_found *found,
                const char *object, struct hx_disk *disk_r, struct hx_err *err)
{
    struct job job = {
        .layers = { .supply = supply, .found = found, .object = object }
    };
    _cleanup_free_ char *path = NULL;
    int rc;

    if (make_key(&found->rootfs, job.disk.key) < 0)
        return no_memory(err);
    path = job.path = hx_store_disk_path(supply->store, job.disk.key);
    if (!path)
        return no_memory(err);
    rc = is_made(&job, err);
    if (rc == 0) {
        rc = make_once(&job, err);
        hx_layers_release(&job.layers);
    }
    if (rc < 0)
        return rc;
    *disk_r = job.disk;
    return 0;
}

int hx_disk_is_stored(const struct hx_store *store,
                      const struct hx_rootfs *rootfs)
{
    _cleanup_free_ char *path = NULL;
    char key[HX_DIGEST_HEX + 1];

    if (make_key(rootfs, key) == 0)
        path = hx_store_disk_path(store, key);
    return path && access(path, F_OK) == 0;
}
