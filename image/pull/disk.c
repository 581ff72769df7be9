/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "image/base/json.h"
#include "image/base/rest.h"
#include "image/helper.h"
#include "image/pull/blob.h"
#include "image/pull/claim.h"
#include "image/pull/report.h"
#include "image/record.h"

#define SPARE_FDS 64 /* beside one for each layer */

struct job {
    struct hx_supply *supply;
    const struct hx_found *found;
    const char *object;
    struct hx_disk disk;
    char *path;
    int *fds; /* one for each layer, -1 when closed; room for the output */
    int has_result;
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
    rc = recorded(job->supply->store, &job->disk, err);
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

/* How a layer is called while it is converted: as while it was downloaded. */
static const char *name_of_layer(const struct hx_found *found, uint64_t layer)
{
    return *found->manifest ? found->layers.layers[layer].digest
                            : found->rootfs.diff_ids[layer];
}

static void take_progress(const json_t *line, const struct job *job)
{
    uint64_t layer = 0, done = 0, total = 0;
    char object[HX_SHORT_DIGEST];

    if (hx_json_u64(line, "layer", "", HX_JSON_REQUIRED, &layer, NULL) < 0 ||
        hx_json_u64(line, "done_bytes", "", HX_JSON_REQUIRED, &done, NULL) <
            0 ||
        hx_json_u64(line, "total_bytes", "", HX_JSON_REQUIRED, &total, NULL) <
            0 ||
        layer >= job->found->rootfs.count)
        return;
    hx_report_progress(
        "converting", hx_short_digest(name_of_layer(job->found, layer), object),
        done, total);
}

static void take_line(const json_t *line, void *opaque)
{
    struct job *job = opaque;
    json_t *progress = json_object_get(line, "progress");
    const char *sha256 = NULL;

    if (json_is_object(progress)) {
        take_progress(progress, job);
        return;
    }
    if (hx_json_str(line, "sha256", "", HX_JSON_REQUIRED, &sha256, NULL) < 0 ||
        hx_json_u64(line, "bytes", "", HX_JSON_REQUIRED, &job->disk.bytes,
                    NULL) < 0 ||
        strlen(sha256) != HX_DIGEST_HEX ||
        strspn(sha256, "0123456789abcdef") != HX_DIGEST_HEX)
        return;
    hx_hex_copy(job->disk.sha256, sha256);
    job->has_result = 1;
}

static void close_layers(const struct job *job)
{
    for (size_t i = 0; i < job->found->rootfs.count; i++) {
        hx_cleanup_close(&job->fds[i]);
        job->fds[i] = -1;
    }
}

static int open_layers(const struct job *job, struct hx_err *err)
{
    struct hx_supply *supply = job->supply;
    int rc = 0;

    close_layers(job);
    if (supply->prepare)
        rc = supply->prepare(supply, job->found, job->object, err);
    for (size_t i = 0; rc == 0 && i < job->found->rootfs.count; i++)
        rc = supply->layer(supply, job->found, i, &job->fds[i], err);
    return rc;
}

static int add_layer_args(char ***args, const struct job *job)
{
    for (size_t i = 0; i < job->found->rootfs.count; i++) {
        _cleanup_free_ char *layer = NULL;

        if (asprintf(&layer, "%d:%s:%s", job->fds[i],
                     hx_media_layer_type(job->found->layers.layers[i].media),
                     job->found->rootfs.diff_ids[i]) < 0) {
            layer = NULL;
            return -1;
        }
        if (hx_strv_add(args, "--layer") < 0 || hx_strv_add(args, layer) < 0)
            return -1;
    }
    return 0;
}

static int run_mkroot(struct job *job, int output, struct hx_err *err)
{
    size_t count = job->found->rootfs.count;
    struct hx_helper helper = { .program = "mkroot",
                                .fds = job->fds,
                                .fd_count = count + 1,
                                .line = take_line,
                                .opaque = job };
    _cleanup_strv_ char **args = NULL;
    char text[16];
    int rc;

    job->fds[count] = output;
    snprintf(text, sizeof(text), "%d", output);
    if (hx_strv_add(&args, "--output-fd") < 0 || hx_strv_add(&args, text) < 0 ||
        add_layer_args(&args, job) < 0)
        return no_memory(err);
    helper.args = args;
    job->has_result = 0;
    hx_report_progress("converting", job->object, 0, 0);
    hx_rest();
    rc = hx_helper_run(&helper, err);
    if (rc == 0 && !job->has_result)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'mkroot' gave no result");
    return rc;
}

/*
 * Layers that the store had from before may have been damaged there: those
 * are removed, and 1 says that fetching them again may help.
 */
static int drop_damaged(const struct job *job, struct hx_err *err)
{
    const struct hx_manifest *layers = &job->found->layers;
    int dropped = 0;

    if (!*job->found->manifest)
        return 0;
    for (size_t i = 0; i < layers->layer_count; i++) {
        struct hx_err why;
        int rc = hx_blob_remove_damaged(job->supply->store,
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

/* What a killed pull left in the file is of no use. */
static int convert(struct job *job, int fd, struct hx_err *err)
{
    if (ftruncate(fd, 0) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "root disk");
    return run_mkroot(job, fd, err);
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
    rc = open_layers(job, err);
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

/* One descriptor for each layer must fit. */
static void raise_fd_limit(size_t layers)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur >= layers + SPARE_FDS)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* The layers come first: who waits for the disk waits for mkroot alone. */
static int make_once(struct job *job, struct hx_err *err)
{
    _cleanup_free_ char *temp =
        hx_store_path(job->supply->store, "tmp/disk-%s", job->disk.key);
    struct hx_claim claim = {
        .temp = temp, .object = job->object, .is_done = is_made, .opaque = job
    };
    _cleanup_close_ int fd = -1;
    int rc;

    if (!temp)
        return no_memory(err);
    rc = open_layers(job, err);
    if (rc == 0)
        rc = hx_claim_take(&claim, &fd, err);
    return rc == 0 ? make(job, temp, fd, err) : rc;
}

int hx_disk_get(struct hx_supply *supply, const struct hx_found *found,
                const char *object, struct hx_disk *disk_r, struct hx_err *err)
{
    size_t count = found->rootfs.count;
    _cleanup_free_ int *fds = calloc(count + 1, sizeof(*fds));
    struct job job = {
        .supply = supply, .found = found, .object = object, .fds = fds
    };
    _cleanup_free_ char *path = NULL;
    int rc;

    if (!fds || make_key(&found->rootfs, job.disk.key) < 0)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        fds[i] = -1;
    path = job.path = hx_store_disk_path(supply->store, job.disk.key);
    if (!path)
        return no_memory(err);
    raise_fd_limit(count);
    rc = is_made(&job, err);
    if (rc == 0) {
        rc = make_once(&job, err);
        close_layers(&job);
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
