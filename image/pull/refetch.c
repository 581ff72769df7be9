/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/refetch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/strv.h"
#include "image/pull/supply.h"

static void platform_of(const struct hx_image_config *config,
                        struct hx_platform *platform)
{
    *platform = (struct hx_platform){ 0 };
    snprintf(platform->os, sizeof(platform->os), "%s",
             config->os ? config->os : "");
    snprintf(platform->arch, sizeof(platform->arch), "%s",
             config->architecture ? config->architecture : "");
    snprintf(platform->variant, sizeof(platform->variant), "%s",
             config->variant ? config->variant : "");
}

static int record_manifest(const struct hx_store *store,
                           const struct hx_found *found, struct hx_err *err)
{
    struct hx_image_record record;
    _cleanup_close_ int lock = -1;
    int rc = hx_store_lock(store, &lock, err);

    if (rc == 0)
        rc = hx_image_record_load(store, found->id, &record, err);
    if (rc < 0)
        return rc;
    hx_digest_copy(record.manifest, found->manifest);
    return hx_image_record_save(store, &record, err);
}

static int take_layers(const struct hx_store *store, struct hx_supply *supply,
                       const struct hx_image_details *details,
                       struct hx_err *err)
{
    _cleanup_found_ struct hx_found found = { 0 };
    struct hx_platform platform;
    int rc;

    platform_of(&details->config, &platform);
    rc = supply->find(supply, &platform, &found, err);
    if (rc == 0 && strcmp(found.id, details->record.id) != 0)
        rc = hx_err_set(err, HX_ERR_NOT_FOUND,
                        "its registry has another image of that name by now");
    if (rc == 0 && supply->prepare)
        rc = supply->prepare(supply, &found, details->record.id, -1, err);
    for (size_t i = 0; rc == 0 && i < found.layers.layer_count; i++) {
        _cleanup_close_ int fd = -1;

        rc = supply->layer(supply, &found, i, &fd, err);
    }
    return rc == 0 ? record_manifest(store, &found, err) : rc;
}

/* By `digest`, if the name has none and it is not empty. */
static int try_name(const struct hx_store *store, const char *name,
                    const char *digest, const struct hx_image_details *details,
                    const struct hx_http_times *times, struct hx_err *err)
{
    _cleanup_daemon_config_ struct hx_daemon_config config = { 0 };
    _cleanup_http_ struct hx_http *http = hx_http_new(times);
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_supply_ struct hx_supply *supply = NULL;
    int rc = hx_reference_parse(name, &ref, err);

    if (rc == 0 && !ref.digest && *digest) {
        ref.digest = strdup(digest);
        if (!ref.digest)
            rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", name);
    }
    if (rc == 0 && !http)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting libcurl");
    if (rc == 0)
        rc = hx_daemon_config_load(&config, err);
    if (rc == 0)
        rc = hx_supply_registry(store, http, &config, &ref, &supply, err);
    return rc == 0 ? take_layers(store, supply, details, err) : rc;
}

static int refetch(const struct hx_store *store,
                   const struct hx_image_details *details,
                   const struct hx_http_times *times, struct hx_err *err)
{
    _cleanup_strv_ char **names = NULL;
    struct hx_err why;
    int rc = -HX_ERR_UNSUPPORTED;

    if (hx_strv_add_all(&names, details->digests) < 0 ||
        hx_strv_add_all(&names, details->tags) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "layers");
    hx_err_set(&why, HX_ERR_UNSUPPORTED, "it has no name to ask for");
    for (size_t i = 0; rc < 0 && names && names[i]; i++) {
        /* What a tag names may have changed; but a manifest that was made
         * here is not known elsewhere. */
        rc = try_name(store, names[i], details->record.manifest, details, times,
                      &why);
        if (rc == -HX_ERR_NOT_FOUND && *details->record.manifest &&
            !strchr(names[i], '@'))
            rc = try_name(store, names[i], "", details, times, &why);
        if (rc == -HX_ERR_NO_SPACE)
            break;
    }
    if (rc == 0)
        return 0;
    return hx_err_set(err, why.code,
                      "the store has not kept its layers, and no registry "
                      "gives them (%.500s); 'xl hyper-pull' it from its "
                      "registry, or 'xl hyper-load' it, first",
                      why.msg);
}

int hx_refetch_has_layers(const struct hx_store *store,
                          const struct hx_image_details *details)
{
    if (details->manifest.layer_count != details->rootfs.count)
        return 0;
    for (size_t i = 0; i < details->manifest.layer_count; i++) {
        const struct hx_descriptor *layer = &details->manifest.layers[i];
        _cleanup_free_ char *path = hx_store_blob_path(store, layer->digest);
        struct stat st;

        if (!path || lstat(path, &st) < 0 ||
            (uint64_t)st.st_size != layer->size_bytes)
            return 0;
    }
    return 1;
}

int hx_refetch_load(const struct hx_store *store, const char *id,
                    const struct hx_http_times *times,
                    struct hx_image_details *details_r, struct hx_err *err)
{
    int rc = hx_image_details_load(store, id, details_r, err);

    if (rc < 0 || hx_refetch_has_layers(store, details_r))
        return rc;
    rc = refetch(store, details_r, times, err);
    if (rc < 0)
        return rc;
    hx_image_details_release(details_r);
    rc = hx_image_details_load(store, id, details_r, err);
    if (rc == 0 && !hx_refetch_has_layers(store, details_r))
        rc = hx_err_set(err, HX_ERR_CORRUPT,
                        "its layers are not those that its config names");
    return rc;
}
