/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `docker save` writes, and the engine's own export of an image:
 *
 *     manifest.json   [{"Config": "HEX.json", "RepoTags": ["nginx:latest"],
 *                       "Layers": ["HEX/layer.tar", ...]}, ...]
 *
 * Since docker 25 the same names lead into an OCI layout (blobs/sha256/HEX).
 * Layers lie there without compression most often: they are compressed for the
 * store, and a manifest is made of them, so that the image is like any other.
 */
#include "image/pull/docker-archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/details.h"
#include "image/pull/archive.h"
#include "image/pull/blob.h"
#include "image/pull/disk.h"
#include "image/pull/hash.h"
#include "image/pull/new-manifest.h"
#include "image/pull/refetch.h"
#include "image/pull/supply.h"
#include "image/pull/unpack.h"

#define TAGS_MAX 1000 /* of one image */

struct docker_archive {
    struct hx_supply supply; /* first */
    char *what;
    int fd;
    char *reference; /* the wanted image, canonical, or NULL */
    struct hx_archive *archive;
    char **layers; /* names of members, lowest first */
    size_t number; /* with `next`: of the image, from 1; else 0 */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "docker archive");
}

/* The canonical form of what a tag says, or NULL.  A name with a digest is
 * none: nothing here could prove it. */
static char *canonical(const char *text)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };

    if (hx_reference_parse(text, &ref, NULL) < 0 || ref.digest)
        return NULL;
    return hx_reference_canonical(&ref);
}

/* The canonical names of an image; those that are none are left out. */
static int read_tags(const json_t *image, const char *what, char ***tags,
                     struct hx_err *err)
{
    _cleanup_strv_ char **list = NULL;
    int rc =
        hx_json_strv(image, "RepoTags", what, HX_JSON_OPTIONAL, &list, err);

    if (rc == 0 && hx_strv_len(list) > TAGS_MAX)
        rc = hx_err_set(err, HX_ERR_LIMIT, "%s: an image of more than %d names",
                        what, TAGS_MAX);
    for (size_t i = 0; rc == 0 && list && list[i]; i++) {
        _cleanup_free_ char *name = canonical(list[i]);

        if (name && hx_strv_add(tags, name) < 0)
            rc = no_memory(err);
    }
    return rc;
}

static int has(char *const *list, const char *name)
{
    for (size_t i = 0; list && list[i]; i++) {
        if (strcmp(list[i], name) == 0)
            return 1;
    }
    return 0;
}

static int ambiguous(const struct docker_archive *d, const json_t *images,
                     struct hx_err *err)
{
    struct hx_buf names = HX_BUF_INIT(400);
    json_t *image;
    size_t i;

    json_array_foreach (images, i, image) {
        _cleanup_strv_ char **tags = NULL;

        (void)read_tags(image, "manifest.json", &tags, NULL);
        for (size_t k = 0; tags && tags[k]; k++)
            (void)hx_buf_addf(&names, "%s%s", names.len ? ", " : "", tags[k]);
    }
    hx_err_set(err, d->reference ? HX_ERR_NOT_FOUND : HX_ERR_USAGE,
               "%s: %s; it holds %s", d->what,
               d->reference ? "no image of that name is in it"
                            : "several images are in it: name one of them "
                              "behind a ':'",
               names.len ? names.data : "no named image");
    hx_buf_release(&names);
    return d->reference ? -HX_ERR_NOT_FOUND : -HX_ERR_USAGE;
}

static int choose(const struct docker_archive *d, const json_t *images,
                  const json_t **image_r, char ***tags_r, struct hx_err *err)
{
    json_t *image;
    size_t i;

    if (d->number) {
        *image_r = json_array_get(images, d->number - 1);
        return read_tags(*image_r, d->what, tags_r, err);
    }
    if (!d->reference && json_array_size(images) != 1)
        return ambiguous(d, images, err);
    json_array_foreach (images, i, image) {
        _cleanup_strv_ char **tags = NULL;
        int rc = read_tags(image, d->what, &tags, err);

        if (rc < 0)
            return rc;
        if (d->reference && !has(tags, d->reference))
            continue;
        *image_r = image;
        *tags_r = hx_steal_ptr(&tags);
        return 0;
    }
    return ambiguous(d, images, err);
}

static int read_images(struct docker_archive *d, json_t **images_r,
                       struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    json_error_t why;
    int rc;

    if (!hx_archive_has(d->archive, "manifest.json"))
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: it is no docker archive%s",
                          d->what,
                          hx_archive_has(d->archive, "oci-layout")
                              ? " but an OCI one; name it as oci-archive:PATH"
                              : ", or is not whole: it holds no manifest.json");
    rc = hx_archive_read(d->archive, "manifest.json", HX_MANIFEST_MAX_BYTES,
                         &text, err);
    if (rc < 0)
        return rc;
    *images_r = json_loadb(text.data ? text.data : "", text.len,
                           JSON_REJECT_DUPLICATES, &why);
    if (!json_is_array(*images_r))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: its manifest.json is no list of images",
                          d->what);
    return 0;
}

/* A config whose name is a digest must have that digest. */
static int check_name(const struct docker_archive *d, const char *name,
                      const char *digest, struct hx_err *err)
{
    const char *base = strrchr(name, '/');
    const char *hex = hx_digest_hex(digest);
    size_t len;

    base = base ? base + 1 : name;
    len = strspn(base, "0123456789abcdef");
    if (len != HX_DIGEST_HEX ||
        (strcmp(base + len, "") != 0 && strcmp(base + len, ".json") != 0) ||
        strncmp(base, hex, len) == 0)
        return 0;
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "%s: the config %.19s... has another digest than its "
                      "name says (%.19s)",
                      d->what, base, digest);
}

static int take_config(struct docker_archive *d, const char *name,
                       const struct hx_platform *wanted, struct hx_found *found,
                       size_t *bytes_r, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    char digest[HX_DIGEST_TEXT_MAX];
    const char *data;
    int rc =
        hx_archive_read(d->archive, name, HX_MANIFEST_MAX_BYTES, &text, err);

    if (rc < 0)
        return rc;
    data = text.data ? text.data : "";
    if (hx_hash_bytes(data, text.len, digest) < 0)
        return no_memory(err);
    rc = check_name(d, name, digest, err);
    if (rc == 0)
        rc = hx_found_set_config(found, data, text.len, digest, wanted, err);
    if (rc == 0)
        rc = hx_blob_put(d->supply.store, digest, data, text.len, err);
    *bytes_r = text.len;
    return rc;
}

/* With all its layers the image stays as it is in the store: a registry that
 * it came from compresses otherwise, and knows it by another manifest. */
static int is_stored(const struct docker_archive *d, struct hx_found *found)
{
    _cleanup_details_ struct hx_image_details details = { 0 };

    if (hx_image_details_load(d->supply.store, found->id, &details, NULL) < 0 ||
        !hx_refetch_has_layers(d->supply.store, &details))
        return 0;
    hx_digest_copy(found->manifest, details.record.manifest);
    hx_manifest_release(&found->layers);
    found->layers = details.manifest;
    details.manifest = (struct hx_manifest){ 0 };
    return 1;
}

/* Of what was compressed before.  mkroot looks at it, too, but only when it
 * makes a disk of it. */
static int find_diff_id(const struct docker_archive *d,
                        const struct hx_found *found, struct hx_packed *packed,
                        struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    int rc;

    if (!hx_disk_is_stored(d->supply.store, &found->rootfs))
        return 0;
    rc = hx_blob_open(d->supply.store, packed->blob.digest, &fd, err);
    return rc < 0 ? rc
                  : hx_unpack_digest(fd, packed->blob.digest, packed->diff_id,
                                     err);
}

static int take_layer(const struct docker_archive *d, size_t index,
                      struct hx_found *found, struct hx_err *err)
{
    const char *diff_id = found->rootfs.diff_ids[index];
    struct hx_packed packed;
    int rc = hx_archive_layer(d->archive, d->layers[index], &packed, err);

    if (rc == 0 && !*packed.diff_id)
        rc = find_diff_id(d, found, &packed, err);
    if (rc < 0)
        return rc;
    if (*packed.diff_id && strcmp(packed.diff_id, diff_id) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: layer %zu has the digest %s, and its config "
                          "says %s",
                          d->what, index + 1, packed.diff_id, diff_id);
    found->layers.layers[index] = packed.blob;
    return 0;
}

static int take_layers(const struct docker_archive *d, size_t config_bytes,
                       struct hx_found *found, struct hx_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < found->layers.layer_count; i++)
        rc = take_layer(d, i, found, err);
    return rc == 0
               ? hx_new_manifest_put(d->supply.store, config_bytes, found, err)
               : rc;
}

static int take_image(struct docker_archive *d, const json_t *image,
                      const struct hx_platform *wanted, struct hx_found *found,
                      struct hx_err *err)
{
    const char *config = NULL;
    size_t config_bytes = 0;
    int rc =
        hx_json_str(image, "Config", d->what, HX_JSON_REQUIRED, &config, err);

    hx_strv_free(&d->layers);
    if (rc == 0)
        rc = hx_json_strv(image, "Layers", d->what, HX_JSON_REQUIRED,
                          &d->layers, err);
    if (rc < 0)
        return rc;
    found->layers.layer_count = hx_strv_len(d->layers);
    if (found->layers.layer_count > HX_LAYERS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: it has %zu layers; at most %d are supported",
                          d->what, found->layers.layer_count, HX_LAYERS_MAX);
    found->layers.layers =
        calloc(found->layers.layer_count + 1, sizeof(*found->layers.layers));
    if (!found->layers.layers)
        return no_memory(err);
    rc = take_config(d, config, wanted, found, &config_bytes, err);
    if (rc < 0 || is_stored(d, found))
        return rc;
    return take_layers(d, config_bytes, found, err);
}

static int find(struct hx_supply *supply, const struct hx_platform *wanted,
                struct hx_found *found_r, struct hx_err *err)
{
    struct docker_archive *d = (struct docker_archive *)supply;
    _cleanup_found_ struct hx_found found = { 0 };
    _cleanup_json_ json_t *images = NULL;
    const json_t *image = NULL;
    int rc = 0;

    if (!d->archive)
        rc = hx_archive_open(supply->store, d->fd, d->what, &d->archive, err);
    if (rc == 0)
        rc = read_images(d, &images, err);
    if (rc == 0)
        rc = choose(d, images, &image, &found.references, err);
    if (rc == 0)
        rc = take_image(d, image, wanted, &found, err);
    if (rc < 0)
        return rc;
    *found_r = found;
    found = (struct hx_found){ 0 };
    return 0;
}

static int next(struct hx_supply *supply, struct hx_err *err)
{
    struct docker_archive *d = (struct docker_archive *)supply;
    _cleanup_json_ json_t *images = NULL;
    int rc = read_images(d, &images, err);

    return rc < 0 ? rc : d->number++ < json_array_size(images);
}

/* One that was damaged in the store and is gone may be in the archive. */
static int layer(struct hx_supply *supply, const struct hx_found *found,
                 size_t index, int *fd_r, struct hx_err *err)
{
    const struct docker_archive *d = (const struct docker_archive *)supply;
    const char *digest = found->layers.layers[index].digest;
    struct hx_packed packed;
    int rc = hx_blob_open(supply->store, digest, fd_r, err);

    if (rc != -HX_ERR_NOT_FOUND)
        return rc;
    rc = hx_archive_layer(d->archive, d->layers[index], &packed, err);
    if (rc < 0)
        return rc;
    if (strcmp(packed.blob.digest, digest) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: the stored layer %.19s was damaged and is "
                          "removed now; try again",
                          d->what, digest);
    return hx_blob_open(supply->store, digest, fd_r, err);
}

static void release(struct hx_supply *supply)
{
    struct docker_archive *d = (struct docker_archive *)supply;

    hx_archive_free(d->archive);
    hx_cleanup_close(&d->fd);
    hx_strv_free(&d->layers);
    free(d->reference);
    free(d->what);
    free(d);
}

int hx_docker_archive_new(const struct hx_store *store, int fd,
                          const char *what, const char *reference,
                          struct hx_supply **supply_r, struct hx_err *err)
{
    struct docker_archive *d = calloc(1, sizeof(*d));

    if (!d) {
        close(fd);
        return no_memory(err);
    }
    d->supply = (struct hx_supply){ .store = store,
                                    .find = find,
                                    .layer = layer,
                                    .free = release,
                                    .next = next };
    d->fd = fd;
    d->what = strdup(what);
    if (reference)
        d->reference = strdup(reference);
    if (!d->what || (reference && !d->reference)) {
        release(&d->supply);
        return no_memory(err);
    }
    *supply_r = &d->supply;
    return 0;
}

int hx_docker_archive_opened(const struct hx_store *store,
                             struct hx_archive *archive, const char *what,
                             struct hx_supply **supply_r, struct hx_err *err)
{
    int rc = hx_docker_archive_new(store, -1, what, NULL, supply_r, err);

    if (rc == 0)
        ((struct docker_archive *)*supply_r)->archive = archive;
    else
        hx_archive_free(archive);
    return rc;
}

int hx_supply_docker_archive(const struct hx_store *store, const char *path,
                             const char *reference, struct hx_supply **supply_r,
                             struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *name = NULL;
    int fd, rc;

    if (reference) {
        rc = hx_reference_parse(reference, &ref, err);
        if (rc < 0)
            return rc;
        name = hx_reference_canonical(&ref);
        if (!name)
            return no_memory(err);
    }
    rc = hx_archive_open_path(path, &fd, err);
    return rc < 0 ? rc
                  : hx_docker_archive_new(store, fd, path, name, supply_r, err);
}
