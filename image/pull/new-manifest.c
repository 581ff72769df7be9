/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/new-manifest.h"

#include <string.h>

#include "image/base/json.h"
#include "image/pull/blob.h"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "the manifest");
}

static json_t *descriptor(const char *type, const char *digest, uint64_t bytes)
{
    return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest,
                     "size", (json_int_t)bytes);
}

/* NULL without memory. */
static char *write_manifest(const struct hx_found *found, size_t config_bytes)
{
    json_t *layers = json_array();
    _cleanup_json_ json_t *doc =
        json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType",
                  HX_TYPE_OCI_MANIFEST, "config",
                  descriptor(HX_TYPE_OCI_CONFIG, found->id, config_bytes),
                  "layers", layers);

    for (size_t i = 0; doc && i < found->layers.layer_count; i++) {
        const struct hx_descriptor *layer = &found->layers.layers[i];

        if (json_array_append_new(
                layers, descriptor(hx_media_layer_type(layer->media),
                                   layer->digest, layer->size_bytes)) < 0)
            return NULL;
    }
    return doc ? json_dumps(doc, JSON_COMPACT) : NULL;
}

int hx_new_manifest_put(const struct hx_store *store, size_t config_bytes,
                        struct hx_found *found, struct hx_err *err)
{
    _cleanup_free_ char *text = write_manifest(found, config_bytes);
    _cleanup_manifest_ struct hx_manifest manifest = { 0 };
    char digest[HX_DIGEST_TEXT_MAX];
    int rc;

    if (!text || hx_hash_bytes(text, strlen(text), digest) < 0)
        return no_memory(err);
    /* What cannot be read again is not kept. */
    rc = hx_manifest_parse(text, strlen(text), "the new manifest", &manifest,
                           err);
    if (rc == 0)
        rc = hx_blob_put(store, digest, text, strlen(text), err);
    if (rc < 0)
        return rc;
    hx_digest_copy(found->manifest, digest);
    hx_manifest_release(&found->layers);
    found->layers = manifest;
    manifest = (struct hx_manifest){ 0 };
    return 0;
}
