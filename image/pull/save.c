/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/save.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/details.h"
#include "image/lookup.h"
#include "image/pull/blob.h"
#include "image/pull/refetch.h"
#include "image/pull/report.h"
#include "image/pull/tarout.h"
#include "image/pull/unpack.h"

#define NAME_NOTE "io.containerd.image.name"
#define TAG_NOTE  "org.opencontainers.image.ref.name"
#define OCI_TAR   "application/vnd.oci.image.layer.v1.tar"

/* One image, under the names that were asked for. */
struct item {
    struct hx_image_details details;
    char **names; /* canonical, each with a tag */
};

struct saving {
    const struct hx_store *store;
    const struct hx_save *save;
    struct item *items;
    size_t count;
    char **written;    /* digests of the blobs that are in the archive */
    json_t *index;     /* the entries of index.json */
    json_t *manifests; /* manifest.json */
    json_t *repos;     /* repositories */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "saving images");
}

/* -- what is to be saved ----------------------------------------------------
 */

/* The image's item, made when it is new. */
static int item_of(struct saving *saving, const char *id, struct item **item_r,
                   struct hx_err *err)
{
    struct item *item;
    int rc;

    for (size_t i = 0; i < saving->count; i++) {
        *item_r = &saving->items[i];
        if (strcmp((*item_r)->details.record.id, id) == 0)
            return 0;
    }
    item = realloc(saving->items, (saving->count + 1) * sizeof(*item));
    if (!item)
        return no_memory(err);
    saving->items = item;
    item += saving->count++;
    *item = (struct item){ 0 };
    rc = hx_refetch_load(saving->store, id, &saving->save->times,
                         &item->details, err);
    *item_r = item;
    return rc;
}

/* A name with a digest is no tag, and nothing is known by it in an archive. */
static int add_name(struct saving *saving, const char *name, struct hx_err *err)
{
    _cleanup_ref_record_ struct hx_ref_record ref = { 0 };
    char id[HX_DIGEST_TEXT_MAX];
    struct item *item = NULL;
    int rc = hx_image_lookup(saving->store, name, id, &ref, err);

    if (rc == 0)
        rc = item_of(saving, id, &item, err);
    if (rc < 0)
        return hx_err_prefix(err, "saving %.200s", name);
    if (!ref.reference || strchr(ref.reference, '@'))
        return 0;
    for (size_t i = 0; item->names && item->names[i]; i++) {
        if (strcmp(item->names[i], ref.reference) == 0)
            return 0;
    }
    return hx_strv_add(&item->names, ref.reference) < 0 ? no_memory(err) : 0;
}

/* -- blobs ------------------------------------------------------------------
 */

/* 1 when the archive has it already; else it is noted. */
static int note_written(struct saving *saving, const char *digest,
                        struct hx_err *err)
{
    for (size_t i = 0; saving->written && saving->written[i]; i++) {
        if (strcmp(saving->written[i], digest) == 0)
            return 1;
    }
    return hx_strv_add(&saving->written, digest) < 0 ? no_memory(err) : 0;
}

static void blob_name(const char *digest, char name[96])
{
    snprintf(name, 96, "blobs/sha256/%s", hx_digest_hex(digest));
}

static int write_bytes(struct saving *saving, const char *digest,
                       const void *data, size_t len, struct hx_err *err)
{
    char name[96];
    int rc = note_written(saving, digest, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    blob_name(digest, name);
    return hx_tarout_file(saving->save->fd, name, data, len, err);
}

/* A file from its start to its end; its bytes must have the digest. */
static int write_file(struct saving *saving, const char *digest, int from,
                      struct hx_err *err)
{
    static char chunk[262144];
    _cleanup_hash_ struct hx_hash hash = { 0 };
    char name[96], found[HX_DIGEST_TEXT_MAX], object[HX_SHORT_DIGEST];
    uint64_t done = 0, total;
    struct stat st;
    int rc;

    blob_name(digest, name);
    hx_short_digest(digest, object);
    if (fstat(from, &st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", object);
    if (hx_hash_start(&hash) < 0)
        return no_memory(err);
    total = (uint64_t)st.st_size;
    rc = hx_tarout_begin(saving->save->fd, name, total, err);
    while (rc == 0 && done < total) {
        ssize_t n = pread(from, chunk, sizeof(chunk), (off_t)done);

        if (n <= 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, n ? errno : EIO,
                              "reading blob %s", object);
        if (hx_hash_add(&hash, chunk, (size_t)n) < 0)
            return no_memory(err);
        if (hx_write_all(saving->save->fd, chunk, (size_t)n) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing the archive");
        done += (uint64_t)n;
        hx_report_progress("saving", object, done, total);
    }
    if (rc < 0)
        return rc;
    if (hx_hash_digest(&hash, found) < 0)
        return no_memory(err);
    if (strcmp(found, digest) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "blob %s is damaged in the store; 'xl "
                          "hyper-image-check --repair' removes it, and "
                          "hyper-pull fetches it again",
                          object);
    return hx_tarout_pad(saving->save->fd, total, err);
}

static int write_blob(struct saving *saving, const char *digest,
                      struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    int rc = note_written(saving, digest, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = hx_blob_open(saving->store, digest, &fd, err);
    return rc == 0 ? write_file(saving, digest, fd, err) : rc;
}

/* The size stands before the bytes, and is not known before they are
 * unpacked. */
static int write_unpacked(struct saving *saving, const char *digest,
                          const char *diff_id, uint64_t *size_r,
                          struct hx_err *err)
{
    _cleanup_close_ int from = -1, temp = -1;
    _cleanup_free_ char *path = NULL;
    struct stat st;
    int rc = hx_blob_open(saving->store, digest, &from, err);

    if (rc == 0)
        rc = hx_store_temp(saving->store, "save", &temp, &path, err);
    if (rc < 0)
        return rc;
    rc = hx_unpack(from, temp, digest, err);
    if (rc == 0 && fstat(temp, &st) < 0)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
    if (rc == 0)
        *size_r = (uint64_t)st.st_size;
    if (rc == 0)
        rc = note_written(saving, diff_id, err);
    if (rc == 0)
        rc = write_file(saving, diff_id, temp, err);
    unlink(path);
    return rc < 0 ? rc : 0;
}

/* -- documents --------------------------------------------------------------
 */

static json_t *descriptor(const char *type, const char *digest, uint64_t size)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest,
                     "size", (json_int_t)size);
}

static int read_blob(const struct saving *saving, const char *digest,
                     struct hx_buf *text, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(saving->store, digest);

    if (!path)
        return no_memory(err);
    return hx_file_read(path, HX_MANIFEST_MAX_BYTES, text, err);
}

static const char *tag_of(const char *name)
{
    return strrchr(name, ':') + 1;
}

/* One entry for each name; one without when there is none. */
static int add_to_index(struct saving *saving, const struct item *item,
                        const char *type, const char *digest, size_t size,
                        struct hx_err *err)
{
    size_t i = 0;

    do {
        const char *name = item->names ? item->names[i] : NULL;
        json_t *entry = descriptor(type, digest, size);

        if (name && entry &&
            json_object_set_new(entry, "annotations",
                                json_pack("{s:s, s:s}", NAME_NOTE, name,
                                          TAG_NOTE, tag_of(name))) < 0)
            return no_memory(err);
        if (json_array_append_new(saving->index, entry) < 0)
            return no_memory(err);
    } while (item->names && item->names[++i]);
    return 0;
}

static int save_oci(struct saving *saving, const struct item *item,
                    struct hx_err *err)
{
    const struct hx_image_details *details = &item->details;
    const struct hx_manifest *manifest = &details->manifest;
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_json_ json_t *doc = NULL;
    const char *type = HX_TYPE_OCI_MANIFEST;
    int rc = read_blob(saving, details->record.manifest, &text, err);

    if (rc == 0)
        rc = hx_json_parse(text.data, text.len, "manifest", &doc, err);
    if (rc == 0)
        rc = hx_json_str(doc, "mediaType", "manifest", HX_JSON_OPTIONAL, &type,
                         err);
    if (rc == 0)
        rc = write_blob(saving, details->record.manifest, err);
    if (rc == 0)
        rc = write_blob(saving, details->record.id, err);
    for (size_t i = 0; rc == 0 && i < manifest->layer_count; i++)
        rc = write_blob(saving, manifest->layers[i].digest, err);
    return rc == 0 ? add_to_index(saving, item, type, details->record.manifest,
                                  text.len, err)
                   : rc;
}

/* "nginx" and "latest" of what docker calls nginx:latest. */
static int add_to_repositories(struct saving *saving, const char *familiar,
                               const char *layer)
{
    const char *tag = tag_of(familiar);
    _cleanup_free_ char *name = strndup(familiar, (size_t)(tag - familiar) - 1);
    json_t *tags = name ? json_object_get(saving->repos, name) : NULL;

    if (name && !tags) {
        tags = json_object();
        json_object_set_new(saving->repos, name, tags);
    }
    return json_object_set_new(tags, tag, json_string(hx_digest_hex(layer)));
}

static json_t *repo_tags(struct saving *saving, const struct item *item,
                         const char *top_layer)
{
    json_t *tags = json_array();

    for (size_t i = 0; item->names && item->names[i]; i++) {
        _cleanup_reference_ struct hx_reference ref = { 0 };
        _cleanup_free_ char *familiar = NULL;

        if (hx_reference_parse(item->names[i], &ref, NULL) == 0)
            familiar = hx_reference_familiar(&ref);
        if (!familiar ||
            json_array_append_new(tags, json_string(familiar)) < 0 ||
            (top_layer &&
             add_to_repositories(saving, familiar, top_layer) < 0)) {
            json_decref(tags);
            return NULL;
        }
    }
    return tags;
}

static int add_manifest(struct saving *saving, const struct item *item,
                        struct hx_err *err)
{
    const struct hx_rootfs *rootfs = &item->details.rootfs;
    const char *top =
        rootfs->count ? rootfs->diff_ids[rootfs->count - 1] : NULL;
    json_t *layers = json_array(), *tags = repo_tags(saving, item, top);
    char name[96];

    for (size_t i = 0; i < rootfs->count; i++) {
        blob_name(rootfs->diff_ids[i], name);
        json_array_append_new(layers, json_string(name));
    }
    blob_name(item->details.record.id, name);
    if (json_array_append_new(saving->manifests,
                              json_pack("{s:s, s:o, s:o}", "Config", name,
                                        "RepoTags", tags, "Layers", layers)) <
        0)
        return no_memory(err);
    return 0;
}

static int save_layers(struct saving *saving, const struct item *item,
                       json_t *layers, struct hx_err *err)
{
    const struct hx_rootfs *rootfs = &item->details.rootfs;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rootfs->count; i++) {
        uint64_t size = 0;

        rc = write_unpacked(saving, item->details.manifest.layers[i].digest,
                            rootfs->diff_ids[i], &size, err);
        if (rc == 0 &&
            json_array_append_new(
                layers, descriptor(OCI_TAR, rootfs->diff_ids[i], size)) < 0)
            rc = no_memory(err);
    }
    return rc;
}

static int save_docker(struct saving *saving, const struct item *item,
                       struct hx_err *err)
{
    const char *id = item->details.record.id;
    _cleanup_buf_ struct hx_buf config = HX_BUF_INIT(0);
    _cleanup_json_ json_t *layers = json_array(), *doc = NULL;
    _cleanup_free_ char *text = NULL;
    char digest[HX_DIGEST_TEXT_MAX];
    int rc = read_blob(saving, id, &config, err);

    if (rc == 0)
        rc = write_blob(saving, id, err);
    if (rc == 0)
        rc = save_layers(saving, item, layers, err);
    if (rc < 0)
        return rc;
    doc = json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType",
                    HX_TYPE_OCI_MANIFEST, "config",
                    descriptor(HX_TYPE_OCI_CONFIG, id, config.len), "layers",
                    layers);
    text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    if (!text || hx_hash_bytes(text, strlen(text), digest) < 0)
        return no_memory(err);
    rc = write_bytes(saving, digest, text, strlen(text), err);
    if (rc == 0)
        rc = add_to_index(saving, item, HX_TYPE_OCI_MANIFEST, digest,
                          strlen(text), err);
    return rc == 0 ? add_manifest(saving, item, err) : rc;
}

static int write_json(const struct saving *saving, const char *name,
                      json_t *document, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = document;
    _cleanup_free_ char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

    if (!text)
        return no_memory(err);
    return hx_tarout_file(saving->save->fd, name, text, strlen(text), err);
}

static int write_ends(const struct saving *saving, struct hx_err *err)
{
    int rc = write_json(saving, "oci-layout",
                        json_pack("{s:s}", "imageLayoutVersion", "1.0.0"), err);

    if (rc == 0)
        rc = write_json(saving, "index.json",
                        json_pack("{s:i, s:s, s:O}", "schemaVersion", 2,
                                  "mediaType", HX_TYPE_OCI_INDEX, "manifests",
                                  saving->index),
                        err);
    if (rc == 0 && !saving->save->oci)
        rc = write_json(saving, "manifest.json", json_incref(saving->manifests),
                        err);
    if (rc == 0 && !saving->save->oci && json_object_size(saving->repos))
        rc =
            write_json(saving, "repositories", json_incref(saving->repos), err);
    return rc == 0 ? hx_tarout_end(saving->save->fd, err) : rc;
}

static void release(struct saving *saving)
{
    for (size_t i = 0; i < saving->count; i++) {
        hx_image_details_release(&saving->items[i].details);
        hx_strv_free(&saving->items[i].names);
    }
    free(saving->items);
    hx_strv_free(&saving->written);
    json_decref(saving->index);
    json_decref(saving->manifests);
    json_decref(saving->repos);
}

/* All is looked up before anything is written. */
static int save_all(struct saving *saving, struct hx_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && saving->save->names[i]; i++)
        rc = add_name(saving, saving->save->names[i], err);
    for (size_t i = 0; rc == 0 && i < saving->count; i++) {
        const struct item *item = &saving->items[i];

        rc = saving->save->oci ? save_oci(saving, item, err)
                               : save_docker(saving, item, err);
        if (rc < 0)
            hx_err_prefix(err, "saving %.200s",
                          item->names ? item->names[0]
                                      : item->details.record.id);
    }
    return rc == 0 ? write_ends(saving, err) : rc;
}

int hx_save_run(const struct hx_store *store, const struct hx_save *save,
                struct hx_err *err)
{
    struct saving saving = { .store = store,
                             .save = save,
                             .index = json_array(),
                             .manifests = json_array(),
                             .repos = json_object() };
    /* No pull's end removes what we have fetched. */
    int lock = -1, rc = hx_store_join_pulls(store, &lock, err);

    if (rc == 0)
        rc = save_all(&saving, err);
    release(&saving);
    hx_cleanup_close(&lock);
    return rc;
}
