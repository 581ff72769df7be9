/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/derive.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/pull/blob.h"
#include "image/pull/change.h"
#include "image/pull/commit.h"
#include "image/pull/disk.h"
#include "image/pull/layer.h"
#include "image/pull/new-manifest.h"
#include "image/pull/refetch.h"
#include "image/pull/report.h"

#define TIME_TEXT 24 /* "2026-11-26T08:00:00Z" and the NUL */

struct job {
    const struct hx_store *store;
    const struct hx_derive *derive;
    struct hx_image_details base;
    struct hx_written_layer layer;
    struct hx_found found; /* the new image */
    char now[TIME_TEXT];
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "committing");
}

/* -- the config -------------------------------------------------------------
 */

/* The value of a field, made when it is missing or of another kind. */
static json_t *get_or_make(json_t *object, const char *field, json_t *made)
{
    json_t *value = json_object_get(object, field);

    if (value && made && json_typeof(value) == json_typeof(made)) {
        json_decref(made);
        return value;
    }
    return json_object_set_new(object, field, made) < 0 ? NULL : made;
}

static int set_text(json_t *object, const char *field, const char *text,
                    struct hx_err *err)
{
    if (!text)
        return 0;
    return json_object_set_new(object, field, json_string(text)) < 0
               ? hx_err_set(err, HX_ERR_USAGE, "%s: this is no text (UTF-8)",
                            field)
               : 0;
}

static int add_history(const struct job *job, json_t *config,
                       struct hx_err *err)
{
    const struct hx_derive *derive = job->derive;
    json_t *history = get_or_make(config, "history", json_array());
    json_t *line = json_pack("{s:s}", "created", job->now);
    int rc;

    if (json_array_append_new(history, line) < 0)
        return no_memory(err);
    rc = set_text(line, "created_by", derive->made_by, err);
    if (rc == 0)
        rc = set_text(line, "author", derive->author, err);
    return rc == 0 ? set_text(line, "comment", derive->message, err) : rc;
}

/* What the pod was given, then what the caller changes. */
static int change_process(const struct job *job, json_t *process,
                          struct hx_err *err)
{
    const struct hx_derive *derive = job->derive;
    _cleanup_json_ json_t *given = NULL;
    _cleanup_fclose_ FILE *file = NULL;
    int rc = 0;

    if (derive->config_fd >= 0) {
        file = fdopen(derive->config_fd, "re");
        given = file ? json_loadf(file, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_object(given))
            return hx_err_set(err, HX_ERR_USAGE,
                              "committing: the pod's config is no JSON object");
        rc = hx_change_merge(process, given, err);
    }
    return rc == 0 ? hx_change_apply(process, derive->changes, err) : rc;
}

/* "container" and its like tell of the build of the base. */
static int change_config(const struct job *job, json_t *config,
                         struct hx_err *err)
{
    json_t *process = get_or_make(config, "config", json_object());
    json_t *rootfs = json_object_get(config, "rootfs");
    json_t *diff_ids = get_or_make(rootfs, "diff_ids", json_array());
    int rc;

    json_object_del(config, "container");
    json_object_del(config, "container_config");
    if (!process ||
        json_array_append_new(diff_ids, json_string(job->layer.diff_id)) < 0)
        return no_memory(err);
    rc = change_process(job, process, err);
    if (rc == 0)
        rc = set_text(config, "created", job->now, err);
    if (rc == 0)
        rc = set_text(config, "author", job->derive->author, err);
    return rc == 0 ? add_history(job, config, err) : rc;
}

/* Puts a document into the store; *text_r is the caller's. */
static int put_document(const struct job *job, const json_t *document,
                        char digest_r[HX_DIGEST_TEXT_MAX], char **text_r,
                        struct hx_err *err)
{
    char *text = json_dumps(document, JSON_COMPACT);

    *text_r = text;
    if (!text || hx_hash_bytes(text, strlen(text), digest_r) < 0)
        return no_memory(err);
    if (strlen(text) > HX_MANIFEST_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the new image's config would have more than 4 MiB");
    return hx_blob_put(job->store, digest_r, text, strlen(text), err);
}

/* The layers of the base, and the new one. */
static int list_layers(struct job *job, struct hx_err *err)
{
    const struct hx_manifest *base = &job->base.manifest;
    struct hx_manifest *layers = &job->found.layers;

    layers->layers = calloc(base->layer_count + 1, sizeof(*layers->layers));
    if (!layers->layers)
        return no_memory(err);
    for (size_t i = 0; i < base->layer_count; i++)
        layers->layers[i] = base->layers[i];
    layers->layers[base->layer_count] = job->layer.blob;
    layers->layer_count = base->layer_count + 1;
    return 0;
}

static int put_documents(struct job *job, struct hx_err *err)
{
    _cleanup_json_ json_t *config = json_deep_copy(job->base.document);
    _cleanup_free_ char *text = NULL;
    int rc = config ? change_config(job, config, err) : no_memory(err);

    if (rc == 0)
        rc = put_document(job, config, job->found.id, &text, err);
    if (rc == 0)
        rc = hx_config_parse(text, strlen(text), "the new config", NULL,
                             &job->found.rootfs, err);
    if (rc == 0)
        rc = list_layers(job, err);
    return rc == 0
               ? hx_new_manifest_put(job->store, strlen(text), &job->found, err)
               : rc;
}

/* -- the image --------------------------------------------------------------
 */

static int open_layer(struct hx_supply *supply, const struct hx_found *found,
                      size_t index, int *fd_r, struct hx_err *err)
{
    return hx_blob_open(supply->store, found->layers.layers[index].digest, fd_r,
                        err);
}

static int check_reference(struct job *job, struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *canonical = NULL;
    int rc;

    if (!job->derive->reference)
        return 0;
    rc = hx_reference_parse(job->derive->reference, &ref, err);
    if (rc == 0 && ref.digest)
        rc = hx_err_set(err, HX_ERR_USAGE,
                        "%.200s: an image that is to be made has no digest "
                        "yet; give it a tag",
                        job->derive->reference);
    if (rc < 0)
        return rc;
    canonical = hx_reference_canonical(&ref);
    return canonical && hx_strv_add(&job->found.references, canonical) == 0
               ? 0
               : no_memory(err);
}

static int check_layers(const struct job *job, struct hx_err *err)
{
    return job->base.rootfs.count < HX_LAYERS_MAX
               ? 0
               : hx_err_set(err, HX_ERR_LIMIT,
                            "the image has %zu layers already, and no more "
                            "are supported",
                            job->base.rootfs.count);
}

static int derive(struct job *job, struct hx_err *err)
{
    struct hx_supply supply = { .store = job->store, .layer = open_layer };
    const char *object =
        job->derive->reference ? job->derive->reference : job->derive->base;
    struct hx_disk disk = { 0 };
    int rc = check_reference(job, err);

    if (rc == 0)
        rc = hx_refetch_load(job->store, job->derive->base, &job->derive->times,
                             &job->base, err);
    if (rc == 0)
        rc = check_layers(job, err);
    if (rc < 0)
        return rc;
    hx_report_progress("reading", object, 0, 0);
    rc = hx_layer_make(job->store, job->derive->disk_fd, job->derive->folder,
                       &job->layer, err);
    if (rc == 0)
        rc = put_documents(job, err);
    if (rc == 0)
        rc = hx_disk_get(&supply, &job->found, object, &disk, err);
    if (rc == 0)
        rc = hx_commit(job->store, &job->found, &disk, err);
    return rc;
}

int hx_derive_run(const struct hx_store *store, const struct hx_derive *what,
                  struct hx_err *err)
{
    struct job job = { .store = store, .derive = what };
    time_t now = time(NULL);
    struct tm utc;
    int lock = -1, rc;

    gmtime_r(&now, &utc);
    strftime(job.now, sizeof(job.now), "%Y-%m-%dT%H:%M:%SZ", &utc);
    rc = hx_store_join_pulls(store, &lock, err);
    if (rc == 0)
        rc = derive(&job, err);
    if (rc == 0)
        hx_report_line(json_pack("{s:{s:s, s:b}}", "committed", "id",
                                 job.found.id, "clean", job.layer.clean));
    hx_cleanup_close(&lock);
    hx_image_details_release(&job.base);
    hx_found_release(&job.found);
    /* What failed has left a layer that no image needs. */
    hx_store_sweep(store, NULL);
    return rc;
}
