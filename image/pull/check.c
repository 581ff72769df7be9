/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "image/base/escape.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/manifest.h"
#include "image/pull/hash.h"
#include "image/pull/report.h"
#include "image/record.h"

#define BLOBS    "blobs/sha256"
#define DISKS    "disks"
#define PULLS_MS 30000

/* A blob or disk whose bytes are wrong. */
struct damage {
    char file[HX_DIGEST_HEX + 40]; /* below the store */
    const char *what;
    dev_t dev;
    ino_t ino;
};

struct check {
    const struct hx_store *store;
    int repair;
    struct hx_image_record *records;
    size_t record_count;
    struct damage *damages;
    size_t damage_count;
    uint64_t blobs, disks, images, names;
    uint64_t done_bytes, total_bytes;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "checking the image store");
}

/* Names within the store may be anything; what is shown of them is not. */
static void say(const char *file, const char *what, const char *state)
{
    char safe[512];

    snprintf(safe, sizeof(safe), "%s", file);
    hx_escape_in_place(safe);
    hx_report_line(json_pack("{s:{s:s, s:s, s:s}}", "found", "file", safe,
                             "what", what, "state", state));
}

/* Says it, and removes the file when that is wanted. */
static int wrong(const struct check *check, const char *file, const char *what,
                 struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(check->store, "%s", file);

    if (!path)
        return no_memory(err);
    if (check->repair && unlink(path) < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    say(file, what, check->repair ? "removed" : "wrong");
    return 0;
}

/* -- bytes ------------------------------------------------------------------
 */

static int add_damage(struct check *check, const char *folder, const char *name,
                      const char *what, const struct stat *st,
                      struct hx_err *err)
{
    struct damage *more =
        realloc(check->damages, (check->damage_count + 1) * sizeof(*more));
    struct damage *damage;

    if (!more)
        return no_memory(err);
    check->damages = more;
    damage = &more[check->damage_count++];
    *damage =
        (struct damage){ .what = what, .dev = st->st_dev, .ino = st->st_ino };
    snprintf(damage->file, sizeof(damage->file), "%s/%.*s", folder,
             HX_DIGEST_HEX + 16, name);
    return 0;
}

/* "HEX" and `suffix`; other names are not ours, and left alone. */
static int is_ours(const char *name, const char *suffix)
{
    return strspn(name, "0123456789abcdef") == HX_DIGEST_HEX &&
           strcmp(name + HX_DIGEST_HEX, suffix) == 0;
}

/* What is wrong with a blob's bytes, or NULL. */
static const char *blob_fault(const struct check *check, const char *name,
                              const char *digest, const struct stat *st)
{
    (void)check;
    if (strcmp(hx_digest_hex(digest), name) == 0)
        return NULL;
    return st->st_size ? "its bytes have another digest" : "it is empty";
}

/* A disk is as one of the records that name it says; unnamed ones, which a
 * pull may be about to record, are not known. */
static const char *disk_fault(const struct check *check, const char *name,
                              const char *digest, const struct stat *st)
{
    const char *fault = NULL;

    for (size_t i = 0; i < check->record_count; i++) {
        const struct hx_image_record *record = &check->records[i];

        if (strncmp(record->disk, name, HX_DIGEST_HEX) != 0)
            continue;
        if (record->disk_bytes != (uint64_t)st->st_size)
            fault = "it has not the recorded size";
        else if (*record->disk_sha256 &&
                 strcmp(record->disk_sha256, hx_digest_hex(digest)) != 0)
            fault = "its bytes have another digest than was recorded";
        else
            return NULL;
    }
    return fault;
}

typedef const char *fault_fn(const struct check *check, const char *name,
                             const char *digest, const struct stat *st);

static int check_bytes(struct check *check, int dir, const char *folder,
                       const char *name, fault_fn *fault_of, struct hx_err *err)
{
    _cleanup_close_ int fd =
        openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    _cleanup_hash_ struct hx_hash hash = { 0 };
    char digest[HX_DIGEST_TEXT_MAX];
    const char *fault;
    struct stat st;
    off_t bytes;

    /* Removed meanwhile. */
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/%s", folder,
                          name);
    if (hx_hash_start(&hash) < 0)
        return no_memory(err);
    if (hx_hash_add_file(&hash, fd, &bytes) < 0)
        fault = "it cannot be read";
    else if (hx_hash_digest(&hash, digest) < 0)
        return no_memory(err);
    else
        fault = fault_of(check, name, digest, &st);
    check->done_bytes += (uint64_t)st.st_size;
    hx_report_progress("checking", "image store", check->done_bytes,
                       check->total_bytes);
    return fault ? add_damage(check, folder, name, fault, &st, err) : 0;
}

/* With `fault_of`, checks the files of a folder; without, adds up their
 * sizes. */
static int each_file(struct check *check, const char *folder,
                     const char *suffix, fault_fn *fault_of, uint64_t *count,
                     struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(check->store, "%s", folder);
    _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
    struct dirent *entry;
    struct stat st;
    int rc = 0;

    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/%s",
                          check->store->root, folder);
    while (rc == 0 && (entry = readdir(dir))) {
        if (!is_ours(entry->d_name, suffix))
            continue;
        if (fault_of) {
            rc = check_bytes(check, dirfd(dir), folder, entry->d_name, fault_of,
                             err);
            *count += 1;
        } else if (fstatat(dirfd(dir), entry->d_name, &st,
                           AT_SYMLINK_NOFOLLOW) == 0) {
            check->total_bytes += (uint64_t)st.st_size;
        }
    }
    return rc;
}

static int check_all_bytes(struct check *check, struct hx_err *err)
{
    int rc = hx_image_record_list(check->store, &check->records,
                                  &check->record_count, err);

    if (rc == 0)
        rc = each_file(check, BLOBS, "", NULL, NULL, err);
    if (rc == 0)
        rc = each_file(check, DISKS, ".squashfs", NULL, NULL, err);
    if (rc == 0)
        rc = each_file(check, BLOBS, "", blob_fault, &check->blobs, err);
    if (rc == 0)
        rc = each_file(check, DISKS, ".squashfs", disk_fault, &check->disks,
                       err);
    return rc;
}

/* Under the lock: what others have replaced or removed is no longer wrong. */
static int take_damages(const struct check *check, struct hx_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < check->damage_count; i++) {
        const struct damage *damage = &check->damages[i];
        _cleanup_free_ char *path =
            hx_store_path(check->store, "%s", damage->file);
        struct stat st;

        if (!path)
            return no_memory(err);
        if (lstat(path, &st) == 0 && st.st_ino == damage->ino &&
            st.st_dev == damage->dev)
            rc = wrong(check, damage->file, damage->what, err);
    }
    return rc;
}

/* -- records ----------------------------------------------------------------
 */

/* Whether the config can be read, and is one. */
static const char *config_fault(const struct check *check, const char *id)
{
    _cleanup_free_ char *path = hx_store_blob_path(check->store, id);
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_config_ struct hx_image_config config = { 0 };
    _cleanup_rootfs_ struct hx_rootfs rootfs = { 0 };

    if (!path || access(path, F_OK) < 0)
        return "its config is not there";
    if (hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, NULL) < 0 ||
        hx_config_parse(text.data ? text.data : "", text.len, path, &config,
                        &rootfs, NULL) < 0)
        return "its config cannot be read";
    return NULL;
}

static const char *record_fault(const struct check *check,
                                const struct hx_image_record *record)
{
    _cleanup_free_ char *path = hx_store_disk_path(check->store, record->disk);
    const char *fault = config_fault(check, record->id);

    if (!fault && (!path || access(path, F_OK) < 0))
        fault = "its root disk is not there";
    return fault;
}

/* The manifest only names the layers, which are not needed any more: without
 * it the image is like one from an archive. */
static int check_manifest(const struct check *check, const char *file,
                          struct hx_image_record *record, struct hx_err *err)
{
    _cleanup_manifest_ struct hx_manifest manifest = { 0 };
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_free_ char *path = NULL;
    int rc = 0;

    if (!*record->manifest)
        return 0;
    path = hx_store_blob_path(check->store, record->manifest);
    if (!path)
        return no_memory(err);
    if (hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, NULL) == 0 &&
        hx_manifest_parse(text.data ? text.data : "", text.len, path, &manifest,
                          NULL) == 0)
        return 0;
    if (check->repair) {
        hx_digest_copy(record->manifest, "");
        rc = hx_image_record_save(check->store, record, err);
    }
    if (rc == 0)
        say(file, "its manifest is not there or cannot be read",
            check->repair ? "removed" : "wrong");
    return rc;
}

static int check_record(struct check *check, const char *name,
                        struct hx_err *err)
{
    char id[HX_DIGEST_TEXT_MAX], file[300];
    struct hx_image_record record;
    const char *fault;

    snprintf(file, sizeof(file), "images/%s", name);
    if (!is_ours(name, ".json"))
        return wrong(check, file, "it is no record of an image", err);
    snprintf(id, sizeof(id), "sha256:%.*s", HX_DIGEST_HEX, name);
    if (hx_image_record_load(check->store, id, &record, NULL) < 0 ||
        strcmp(record.id, id) != 0)
        return wrong(check, file, "the record cannot be read", err);
    check->images++;
    fault = record_fault(check, &record);
    return fault ? wrong(check, file, fault, err)
                 : check_manifest(check, file, &record, err);
}

static int check_records(struct check *check, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(check->store, "images");
    _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/images",
                          check->store->root);
    while (rc == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            rc = check_record(check, entry->d_name, err);
    }
    return rc;
}

static int check_ref(const char *path, struct hx_ref_record *record,
                     void *opaque, struct hx_err *err)
{
    struct check *check = opaque;
    const char *file = path + strlen(check->store->root) + 1;
    struct hx_image_record image;

    if (!record)
        return wrong(check, file, "the name cannot be read", err);
    check->names++;
    if (hx_image_record_load(check->store, record->id, &image, NULL) == 0)
        return 0;
    if (!check->repair)
        return wrong(check, file, "the image that it names is not there", err);
    say(file, "the image that it names is not there", "removed");
    return hx_ref_record_remove(check->store, record->reference, err);
}

/* -- left over ---------------------------------------------------------------
 */

/* Whose writer lives is locked. */
static int check_temps(const struct check *check, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(check->store, "tmp");
    _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
    struct dirent *entry;
    uint64_t freed_bytes = 0;

    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/tmp",
                          check->store->root);
    while ((entry = readdir(dir))) {
        _cleanup_close_ int fd = -1;
        char file[300];

        if (entry->d_name[0] == '.')
            continue;
        fd = openat(dirfd(dir), entry->d_name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
            continue;
        snprintf(file, sizeof(file), "tmp/%s", entry->d_name);
        say(file, "a command that was killed or failed has left it",
            check->repair ? "removed" : "left over");
    }
    return check->repair
               ? hx_store_sweep_temps(check->store, 0, &freed_bytes, err)
               : 0;
}

/* Repairs want no pull beside them, whose blobs no record names yet. */
static int take_locks(const struct check *check, int *pulls_r, int *store_r,
                      struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(check->store, "pulls.lock");

    if (!path)
        return no_memory(err);
    if (!check->repair)
        return hx_store_lock_shared(check->store, store_r, err);
    if (hx_lock(path, 1, PULLS_MS, pulls_r, NULL) < 0)
        return hx_err_set(err, HX_ERR_STATE,
                          "repairing the image store: a pull is under way; try "
                          "again when it has ended");
    return hx_store_lock(check->store, store_r, err);
}

static int check_locked(struct check *check, struct hx_err *err)
{
    _cleanup_close_ int pulls = -1, lock = -1;
    int rc = take_locks(check, &pulls, &lock, err);

    if (rc == 0)
        rc = take_damages(check, err);
    if (rc == 0)
        rc = check_records(check, err);
    if (rc == 0)
        rc = hx_ref_record_walk(check->store, check_ref, check, err);
    return rc == 0 ? check_temps(check, err) : rc;
}

int hx_check_run(const struct hx_store *store, int repair, struct hx_err *err)
{
    struct check check = { .store = store, .repair = repair };
    int rc = check_all_bytes(&check, err);

    if (rc == 0)
        rc = check_locked(&check, err);
    free(check.records);
    free(check.damages);
    /* What only a removed record named is needed by nobody. */
    if (rc == 0 && repair)
        rc = hx_store_sweep(store, err);
    if (rc == 0)
        hx_report_line(json_pack(
            "{s:{s:I, s:I, s:I, s:I}}", "checked", "blobs",
            (json_int_t)check.blobs, "disks", (json_int_t)check.disks, "images",
            (json_int_t)check.images, "names", (json_int_t)check.names));
    return rc;
}
