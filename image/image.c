/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/fill.h"
#include "image/manifest.h"
#include "image/record.h"

#define SHORT_ID_MIN 12

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image store");
}

/* Lists trust the record; who boots the disk wants it checked. */
enum how { TRUSTING, CHECKING };

/* The disk has the size it had, and the bytes: what looks as it did when they
 * were hashed is not hashed again. */
static int check_disk(const struct hx_store *store,
                      const struct hx_image_record *record, const char *path,
                      enum how how, struct hx_err *err)
{
    char stamp[HX_DISK_STAMP_MAX];
    struct stat st;

    if (stat(path, &st) < 0)
        return hx_err_sys(err, HX_ERR_NOT_FOUND, errno, "root disk %s", path);
    if ((uint64_t)st.st_size != record->disk_bytes)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "root disk %s: it has not the recorded size; pull "
                          "the image again",
                          path);
    hx_disk_stamp(&st, stamp);
    if (how == TRUSTING || strcmp(stamp, record->disk_stamp) == 0)
        return 0;
    return hx_fill_check_disk(store, record->id, err);
}

/* The config blob and the disk of a record; both must be there. */
static int load_files(const struct hx_store *store,
                      const struct hx_image_record *record, enum how how,
                      struct hx_image *image, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, record->id);
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc;

    image->root_disk = hx_store_disk_path(store, record->disk);
    if (!path || !image->root_disk)
        return no_memory(err);
    rc = check_disk(store, record, image->root_disk, how, err);
    if (rc < 0)
        return rc;
    rc = hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, err);
    if (rc == 0)
        rc = hx_config_parse(text.data ? text.data : "", text.len, path,
                             &image->config, NULL, err);
    return rc;
}

/* What it is called; without a reference, by its id. */
static int name_it(struct hx_image *image, const struct hx_ref_record *ref,
                   const struct hx_image_record *record, struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference parsed = { 0 };
    int rc;

    hx_digest_copy(image->id, record->id);
    if (!ref) {
        hx_digest_copy(image->digest, record->manifest);
        image->familiar = strndup(hx_digest_hex(record->id), SHORT_ID_MIN);
        return image->familiar ? 0 : no_memory(err);
    }
    rc = hx_reference_parse(ref->reference, &parsed, err);
    if (rc < 0)
        return rc;
    hx_digest_copy(image->digest, ref->digest);
    image->reference = strdup(ref->reference);
    image->familiar = hx_reference_familiar(&parsed);
    return image->reference && image->familiar ? 0 : no_memory(err);
}

/* `ref` may be NULL: the image is then known by its id alone. */
static int load(const struct hx_store *store, const char *id,
                const struct hx_ref_record *ref, enum how how,
                struct hx_image *image_r, struct hx_err *err)
{
    _cleanup_(hx_image_release) struct hx_image image = { 0 };
    struct hx_image_record record;
    int rc = hx_image_record_load(store, id, &record, err);

    if (rc == 0)
        rc = load_files(store, &record, how, &image, err);
    if (rc == 0)
        rc = name_it(&image, ref, &record, err);
    if (rc < 0)
        return rc;
    image.root_disk_bytes = record.disk_bytes;
    image.pulled_at_s = ref ? ref->pulled_at_s : record.pulled_at_s;
    *image_r = image;
    image = (struct hx_image){ 0 };
    return 0;
}

/* By id, with the first reference that names it. */
static int load_by_id(const struct hx_store *store, const char *id,
                      struct hx_image *image_r, struct hx_err *err)
{
    struct hx_ref_record *refs = NULL;
    const struct hx_ref_record *mine = NULL;
    size_t count = 0;
    int rc = hx_ref_record_list(store, &refs, &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && !mine; i++) {
        if (strcmp(refs[i].id, id) == 0)
            mine = &refs[i];
    }
    rc = load(store, id, mine, CHECKING, image_r, err);
    hx_ref_record_list_free(refs, count);
    return rc;
}

static int load_by_ref(const struct hx_store *store,
                       const struct hx_reference *ref, struct hx_image *image_r,
                       struct hx_err *err)
{
    _cleanup_ref_record_ struct hx_ref_record record = { 0 };
    int rc = hx_ref_record_load(store, ref, &record, err);

    return rc < 0 ? rc
                  : load(store, record.id, &record, CHECKING, image_r, err);
}

/* What was just pulled, whatever its name has come to mean since. */
static int load_pulled(const struct hx_store *store,
                       const struct hx_fill_result *result,
                       struct hx_image *image_r, struct hx_err *err)
{
    _cleanup_ref_record_ struct hx_ref_record record = { 0 };

    if (!result->has_ref ||
        hx_ref_record_load(store, &result->ref, &record, NULL) < 0 ||
        strcmp(record.id, result->id) != 0)
        return load_by_id(store, result->id, image_r, err);
    return load(store, result->id, &record, CHECKING, image_r, err);
}

/* "sha256:HEX", or 12 hex digits and more: the hex part, else NULL. */
static const char *id_prefix(const char *text)
{
    size_t len;

    if (strncmp(text, "sha256:", strlen("sha256:")) == 0)
        text += strlen("sha256:");
    len = strspn(text, "0123456789abcdef");
    return len >= SHORT_ID_MIN && len <= HX_DIGEST_HEX && text[len] == '\0'
               ? text
               : NULL;
}

int hx_image_id_of_prefix(const struct hx_store *store, const char *text,
                          char id_r[HX_DIGEST_TEXT_MAX], struct hx_err *err)
{
    _cleanup_free_ struct hx_image_record *records = NULL;
    const char *prefix = id_prefix(text);
    size_t count = 0, found = 0;
    int rc;

    if (!prefix)
        return hx_err_set(err, HX_ERR_NOT_FOUND, "'%.80s' is no image id",
                          text);
    rc = hx_image_record_list(store, &records, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(hx_digest_hex(records[i].id), prefix, strlen(prefix)) != 0)
            continue;
        hx_digest_copy(id_r, records[i].id);
        found++;
    }
    if (found > 1)
        return hx_err_set(err, HX_ERR_USAGE,
                          "'%.80s' begins the ids of %zu images; give more "
                          "digits",
                          text, found);
    if (found == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "no stored image has the id %.80s; 'xl hyper-images' "
                          "lists them",
                          text);
    return 0;
}

/* Whether `text` can be nothing but an id. */
static int only_id(const char *text)
{
    const char *hex = id_prefix(text);

    return hex && (hex != text || strlen(hex) == HX_DIGEST_HEX);
}

static int platform_fits(const struct hx_image *image,
                         const struct hx_platform *wanted)
{
    return hx_platform_matches(wanted, image->config.os,
                               image->config.architecture,
                               image->config.variant);
}

/*
 * What the store has.  1: found; 0: not here, and a pull may help; negative:
 * an error a pull cannot help.
 */
static int find_stored(const struct hx_store *store,
                       const struct hx_source *source,
                       const struct hx_platform *wanted,
                       enum hx_pull_policy pull, struct hx_image *image_r,
                       struct hx_err *err)
{
    _cleanup_(hx_image_release) struct hx_image image = { 0 };
    char id[HX_DIGEST_TEXT_MAX];
    int rc = load_by_ref(store, &source->ref, &image, err);

    if (rc < 0 && id_prefix(source->text)) {
        rc = hx_image_id_of_prefix(store, source->text, id, err);
        if (rc == -HX_ERR_USAGE)
            return rc;
        if (rc == 0)
            rc = load_by_id(store, id, &image, err);
    } else if (rc == 0 && !platform_fits(&image, wanted)) {
        return 0;
    }
    if (rc == -HX_ERR_CORRUPT && pull == HX_PULL_NEVER)
        return rc;
    if (rc < 0)
        return 0;
    hx_err_clear(err);
    *image_r = image;
    image = (struct hx_image){ 0 };
    return 1;
}

static int get_by_id(const struct hx_store *store, const char *text,
                     struct hx_image *image_r, struct hx_err *err)
{
    char id[HX_DIGEST_TEXT_MAX];
    int rc = hx_image_id_of_prefix(store, text, id, err);

    return rc < 0 ? rc : load_by_id(store, id, image_r, err);
}

static int not_stored(const char *reference, const char *platform,
                      struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "image %.200s is not stored here%s%s; fetch it with 'xl "
                      "hyper-pull %.200s'",
                      reference, platform ? " for " : "",
                      platform ? platform : "", reference);
}

int hx_image_get(struct hx_store *store, const char *reference,
                 const struct hx_image_options *options,
                 const struct hx_progress *progress, struct hx_image *image_r,
                 struct hx_err *err)
{
    static const struct hx_image_options defaults = HX_IMAGE_OPTIONS_DEFAULT;
    _cleanup_source_ struct hx_source source = { 0 };
    struct hx_fill_result result = { 0 };
    struct hx_platform wanted;
    int rc;

    if (!options)
        options = &defaults;
    if (only_id(reference))
        return get_by_id(store, reference, image_r, err);
    rc = hx_source_parse(reference, &source, err);
    if (rc == 0)
        rc = hx_platform_parse(options->platform, &wanted, err);
    if (rc < 0)
        return rc;
    if (source.kind == HX_SOURCE_REFERENCE && options->pull != HX_PULL_ALWAYS) {
        rc = find_stored(store, &source, &wanted, options->pull, image_r, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        if (options->pull == HX_PULL_NEVER)
            return not_stored(reference, options->platform, err);
    }
    rc = hx_fill(store, &source, options, progress, &result, err);
    if (rc < 0)
        return rc;
    rc = load_pulled(store, &result, image_r, err);
    hx_fill_result_release(&result);
    return rc;
}

int hx_image_check_disk(struct hx_store *store, const char *id,
                        struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    struct hx_image_record record;
    int rc = hx_image_record_load(store, id, &record, err);

    if (rc < 0)
        return rc;
    path = hx_store_disk_path(store, record.disk);
    return path ? check_disk(store, &record, path, CHECKING, err)
                : no_memory(err);
}

int hx_image_hold(struct hx_store *store, const struct hx_image *image,
                  int *fd_r, struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    struct hx_image_record record;
    int rc = hx_store_lock_shared(store, &fd, err);

    if (rc < 0)
        return rc;
    if (hx_image_record_load(store, image->id, &record, NULL) < 0 ||
        access(image->root_disk, F_OK) < 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "image %.200s was removed in this moment; try again",
                          image->familiar);
    hx_image_record_use(store, image->id);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

void hx_image_release(struct hx_image *image)
{
    if (!image)
        return;
    free(image->reference);
    free(image->familiar);
    free(image->root_disk);
    hx_config_release(&image->config);
    *image = (struct hx_image){ 0 };
}

void hx_image_list_free(struct hx_image *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hx_image_release(&images[i]);
    free(images);
}

static int is_named(const char *id, const struct hx_ref_record *refs,
                    size_t count)
{
    for (size_t i = 0; refs && i < count; i++) {
        if (strcmp(refs[i].id, id) == 0)
            return 1;
    }
    return 0;
}

/* Images that no reference names come last. */
static void add_unnamed(const struct hx_store *store,
                        const struct hx_image_record *records, size_t count,
                        const struct hx_ref_record *refs, size_t ref_count,
                        struct hx_image *images, size_t *filled)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_named(records[i].id, refs, ref_count) &&
            load(store, records[i].id, NULL, TRUSTING, &images[*filled],
                 NULL) == 0)
            (*filled)++;
    }
}

int hx_image_list(struct hx_store *store, struct hx_image **images_r,
                  size_t *count_r, struct hx_err *err)
{
    _cleanup_free_ struct hx_image_record *records = NULL;
    struct hx_ref_record *refs = NULL;
    struct hx_image *images = NULL;
    size_t count = 0, ref_count = 0, filled = 0;
    int rc = hx_image_record_list(store, &records, &count, err);

    if (rc == 0)
        rc = hx_ref_record_list(store, &refs, &ref_count, err);
    if (rc < 0)
        return rc;
    images = calloc(count + ref_count + 1, sizeof(*images));
    if (!images) {
        hx_ref_record_list_free(refs, ref_count);
        return no_memory(err);
    }
    /* What is removed meanwhile, or damaged, is not in the list. */
    for (size_t i = 0; i < ref_count; i++) {
        if (load(store, refs[i].id, &refs[i], TRUSTING, &images[filled],
                 NULL) == 0)
            filled++;
    }
    add_unnamed(store, records, count, refs, ref_count, images, &filled);
    hx_ref_record_list_free(refs, ref_count);
    *images_r = images;
    *count_r = filled;
    return 0;
}
