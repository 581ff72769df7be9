/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manifests and indexes: one document, read as each of them.
 */
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_manifest(const char *text, size_t len)
{
    struct hx_manifest manifest = { 0 };
    struct hx_err err;

    if (hx_manifest_parse(text, len, "m", &manifest, &err) < 0)
        return;
    if (!hx_digest_valid(manifest.config.digest) ||
        manifest.layer_count > HX_LAYERS_MAX)
        abort();
    for (size_t i = 0; i < manifest.layer_count; i++) {
        if (!hx_digest_valid(manifest.layers[i].digest))
            abort();
    }
    hx_manifest_release(&manifest);
}

static void try_index(const char *text, size_t len)
{
    static const struct hx_platform wanted = { "linux", "amd64", "" };
    struct hx_descriptor *entries = NULL;
    struct hx_err err;
    size_t count = 0;

    if (hx_index_choose(text, len, "i", &wanted, &entries, &count, &err) < 0)
        return;
    if (count == 0 || count > HX_INDEX_ENTRIES_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (!hx_digest_valid(entries[i].digest))
            abort();
    }
    free(entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    enum hx_media media;
    struct hx_err err;

    hx_manifest_kind(text, size, NULL, "m", &media, &err);
    hx_manifest_kind(text, size, HX_TYPE_OCI_INDEX, "m", &media, &err);
    try_manifest(text, size);
    try_index(text, size);
    return 0;
}
