/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/record.h"

#define RECORD_MAX_BYTES 65536
#define RECORD_VERSION   1

static char *record_path(const struct hx_store *store, const char *id)
{
    return hx_store_path(store, "images/%s.json", hx_digest_hex(id));
}

void hx_disk_stamp(const struct stat *st, char stamp_r[HX_DISK_STAMP_MAX])
{
    const uint64_t second = UINT64_C(1000000000);

    snprintf(
        stamp_r, HX_DISK_STAMP_MAX,
        "%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64,
        (uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
        (uint64_t)st->st_mtim.tv_sec * second + (uint64_t)st->st_mtim.tv_nsec,
        (uint64_t)st->st_ctim.tv_sec * second + (uint64_t)st->st_ctim.tv_nsec);
}

static int is_hex_key(const char *text)
{
    return strlen(text) == HX_DIGEST_HEX &&
           strspn(text, "0123456789abcdef") == HX_DIGEST_HEX;
}

/* The fields of a record, each checked, since paths are made of them. */
static int fill(const json_t *doc, const char *what,
                struct hx_image_record *out, struct hx_err *err)
{
    const char *id = "", *manifest = "", *disk = "", *sum = "", *stamp = "";
    uint64_t at = 0;
    int rc = hx_json_str(doc, "id", what, HX_JSON_REQUIRED, &id, err);

    if (rc == 0)
        rc = hx_json_str(doc, "manifest", what, HX_JSON_OPTIONAL, &manifest,
                         err);
    if (rc == 0)
        rc = hx_json_str(doc, "disk", what, HX_JSON_REQUIRED, &disk, err);
    if (rc == 0)
        rc = hx_json_str(doc, "disk_sha256", what, HX_JSON_OPTIONAL, &sum, err);
    if (rc == 0)
        rc =
            hx_json_str(doc, "disk_stamp", what, HX_JSON_OPTIONAL, &stamp, err);
    if (rc == 0)
        rc = hx_json_u64(doc, "disk_bytes", what, HX_JSON_REQUIRED,
                         &out->disk_bytes, err);
    if (rc == 0)
        rc = hx_json_u64(doc, "pulled_at_s", what, HX_JSON_OPTIONAL, &at, err);
    if (rc < 0)
        return rc;
    if (!hx_digest_valid(id) || (*manifest && !hx_digest_valid(manifest)) ||
        !is_hex_key(disk) || (*sum && !is_hex_key(sum)))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: damaged; remove the file and pull again", what);
    hx_digest_copy(out->id, id);
    hx_digest_copy(out->manifest, manifest);
    hx_hex_copy(out->disk, disk);
    hx_hex_copy(out->disk_sha256, sum);
    snprintf(out->disk_stamp, sizeof(out->disk_stamp), "%s", stamp);
    out->pulled_at_s = (int64_t)at;
    return 0;
}

static int load_path(const char *path, struct hx_image_record *record_r,
                     struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_json_ json_t *doc = NULL;
    struct hx_image_record record = { 0 };
    int rc = hx_file_read(path, RECORD_MAX_BYTES, &text, err);

    if (rc == 0)
        rc = hx_json_parse(text.data ? text.data : "", text.len, path, &doc,
                           err);
    if (rc == 0)
        rc = fill(doc, path, &record, err);
    if (rc == 0)
        *record_r = record;
    return rc;
}

int hx_image_record_load(const struct hx_store *store, const char *id,
                         struct hx_image_record *record_r, struct hx_err *err)
{
    _cleanup_free_ char *path = record_path(store, id);

    if (!path)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image %s", id);
    return load_path(path, record_r, err);
}

int hx_image_record_save(const struct hx_store *store,
                         const struct hx_image_record *record,
                         struct hx_err *err)
{
    _cleanup_free_ char *path = record_path(store, record->id);
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *doc = json_pack(
        "{s:i, s:s, s:s, s:s, s:I, s:s, s:s, s:I}", "version", RECORD_VERSION,
        "id", record->id, "manifest", record->manifest, "disk", record->disk,
        "disk_bytes", (json_int_t)record->disk_bytes, "disk_sha256",
        record->disk_sha256, "disk_stamp", record->disk_stamp, "pulled_at_s",
        (json_int_t)record->pulled_at_s);

    if (doc)
        text = json_dumps(doc, JSON_INDENT(2));
    if (!path || !text)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image %s", record->id);
    return hx_store_write(store, path, text, strlen(text), err);
}

int hx_image_record_remove(const struct hx_store *store, const char *id,
                           struct hx_err *err)
{
    _cleanup_free_ char *path = record_path(store, id);

    if (!path)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image %s", id);
    if (unlink(path) < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    return 0;
}

void hx_image_record_use(const struct hx_store *store, const char *id)
{
    _cleanup_free_ char *path = record_path(store, id);

    if (path)
        (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

int64_t hx_image_record_used_at_s(const struct hx_store *store, const char *id)
{
    _cleanup_free_ char *path = record_path(store, id);
    struct stat st;

    return path && lstat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

static int add_record(struct hx_image_record **records, size_t *count,
                      const struct hx_image_record *record)
{
    struct hx_image_record *more = *records;

    /* Room is doubled at each power of two. */
    if ((*count & (*count - 1)) == 0) {
        more = realloc(more, (*count ? *count * 2 : 1) * sizeof(*more));
        if (!more)
            return -1;
        *records = more;
    }
    more[(*count)++] = *record;
    return 0;
}

int hx_image_record_list(const struct hx_store *store,
                         struct hx_image_record **records_r, size_t *count_r,
                         struct hx_err *err)
{
    _cleanup_free_ char *folder = hx_store_path(store, "images");
    _cleanup_free_ struct hx_image_record *records = NULL;
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;
    size_t count = 0;

    dir = folder ? opendir(folder) : NULL;
    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s/images",
                          store->root);
    while ((entry = readdir(dir))) {
        _cleanup_free_ char *path = NULL;
        struct hx_image_record record;
        struct hx_err why;
        int rc;

        if (entry->d_name[0] == '.')
            continue;
        path = hx_store_path(store, "images/%s", entry->d_name);
        rc = path ? load_path(path, &record, &why) : -HX_ERR_SYSTEM;
        if (rc == -HX_ERR_NOT_FOUND || rc == -HX_ERR_CORRUPT)
            continue;
        /* A list that lacks an image would make its files garbage. */
        if (rc < 0 && path)
            return hx_err_set(err, why.code, "%s", why.msg);
        if (rc < 0 || add_record(&records, &count, &record) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading %s", folder);
    }
    *records_r = hx_steal_ptr(&records);
    *count_r = count;
    return 0;
}
