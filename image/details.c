/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/details.h"

#include <stdio.h>
#include <string.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/lookup.h"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading an image");
}

static int load_config(const struct hx_store *store,
                       struct hx_image_details *details, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, details->record.id);
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc;

    if (!path)
        return no_memory(err);
    rc = hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, err);
    if (rc == 0)
        rc = hx_config_parse(text.data ? text.data : "", text.len, path,
                             &details->config, &details->rootfs, err);
    return rc < 0 ? rc
                  : hx_json_parse(text.data, text.len, path, &details->document,
                                  err);
}

/* One that is gone or damaged leaves the sizes of the layers unknown. */
static void load_manifest(const struct hx_store *store,
                          struct hx_image_details *details)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_free_ char *path = NULL;

    if (!*details->record.manifest)
        return;
    path = hx_store_blob_path(store, details->record.manifest);
    if (path && hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, NULL) == 0)
        (void)hx_manifest_parse(text.data ? text.data : "", text.len, path,
                                &details->manifest, NULL);
}

static int has(char *const *list, const char *text)
{
    for (; list && *list; list++) {
        if (strcmp(*list, text) == 0)
            return 1;
    }
    return 0;
}

/* "nginx@sha256:...", once for all tags that name the same. */
static int add_digest(const struct hx_reference *ref, const char *digest,
                      char ***digests)
{
    struct hx_reference known = *ref;
    _cleanup_free_ char *text = NULL;

    if (!*digest)
        return 0;
    known.tag = NULL;
    known.digest = (char *)digest;
    text = hx_reference_familiar(&known);
    if (!text)
        return -1;
    return has(*digests, text) ? 0 : hx_strv_add(digests, text);
}

static int add_name(const struct hx_ref_record *record,
                    struct hx_image_details *details)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *familiar = NULL;

    if (hx_reference_parse(record->reference, &ref, NULL) < 0)
        return 0;
    if (record->pulled_at_s > details->tagged_at_s)
        details->tagged_at_s = record->pulled_at_s;
    if (!ref.digest) {
        familiar = hx_reference_familiar(&ref);
        if (!familiar || hx_strv_add(&details->tags, familiar) < 0)
            return -1;
    }
    return add_digest(&ref, ref.digest ? ref.digest : record->digest,
                      &details->digests);
}

static int load_names(const struct hx_store *store,
                      struct hx_image_details *details, struct hx_err *err)
{
    struct hx_ref_record *refs = NULL;
    size_t count = 0;
    int rc = hx_ref_record_list(store, &refs, &count, err);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (strcmp(refs[i].id, details->record.id) == 0 &&
            add_name(&refs[i], details) < 0)
            rc = no_memory(err);
    }
    hx_ref_record_list_free(refs, count);
    return rc;
}

int hx_image_details_load(const struct hx_store *store, const char *text,
                          struct hx_image_details *details_r,
                          struct hx_err *err)
{
    _cleanup_details_ struct hx_image_details details = { 0 };
    _cleanup_ref_record_ struct hx_ref_record ref = { 0 };
    char id[HX_DIGEST_TEXT_MAX];
    int rc = hx_image_lookup(store, text, id, &ref, err);

    if (rc == 0)
        rc = hx_image_record_load(store, id, &details.record, err);
    if (rc == 0)
        rc = load_config(store, &details, err);
    if (rc == 0)
        rc = load_names(store, &details, err);
    if (rc < 0)
        return rc;
    load_manifest(store, &details);
    *details_r = details;
    details = (struct hx_image_details){ 0 };
    return 0;
}

void hx_image_details_release(struct hx_image_details *details)
{
    if (!details)
        return;
    hx_strv_free(&details->tags);
    hx_strv_free(&details->digests);
    json_decref(details->document);
    hx_config_release(&details->config);
    hx_rootfs_release(&details->rootfs);
    hx_manifest_release(&details->manifest);
    *details = (struct hx_image_details){ 0 };
}
