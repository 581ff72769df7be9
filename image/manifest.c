/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include <string.h>

#include "image/base/buf.h"
#include "image/base/json.h"

static int out_of_memory(const char *what, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
}

/* Schema 1 has no mediaType, but says schemaVersion 1. */
static int refuse_schema1(const char *what, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_UNSUPPORTED,
                      "%s: it is of docker's image format of before 2016 "
                      "(schema 1); push it again with a current docker",
                      what);
}

/* What a document without a mediaType is, by its fields. */
static enum hx_media kind_by_fields(const json_t *doc)
{
    int config = json_is_object(json_object_get(doc, "config"));
    int manifests = json_is_array(json_object_get(doc, "manifests"));

    if (config == manifests)
        return HX_MEDIA_UNKNOWN;
    return config ? HX_MEDIA_MANIFEST : HX_MEDIA_INDEX;
}

int hx_manifest_kind(const char *data, size_t len, const char *content_type,
                     const char *what, enum hx_media *media_r,
                     struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    enum hx_media media, announced;
    const char *own = NULL;
    uint64_t version = 2;
    int rc;

    announced =
        content_type ? hx_media_of(content_type, NULL) : HX_MEDIA_UNKNOWN;
    if (announced == HX_MEDIA_SCHEMA1)
        return refuse_schema1(what, err);
    rc = hx_json_parse(data, len, what, &doc, err);
    if (rc < 0)
        return rc;
    rc = hx_json_str(doc, "mediaType", what, HX_JSON_OPTIONAL, &own, err);
    if (rc == 0)
        rc = hx_json_u64(doc, "schemaVersion", what, HX_JSON_OPTIONAL, &version,
                         err);
    if (rc < 0)
        return rc;
    if (version == 1)
        return refuse_schema1(what, err);
    if (version != 2)
        return hx_err_set(err, HX_ERR_UNSUPPORTED, "%s: schemaVersion is not 2",
                          what);
    if (own && content_type && strcasecmp(own, content_type) != 0 &&
        !(strncasecmp(own, content_type, strlen(own)) == 0 &&
          content_type[strcspn(content_type, "; \t")] != '\0'))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: it came as %.100s and calls itself %.100s", what,
                          content_type, own);
    media = own ? hx_media_of(own, NULL)
                : (content_type ? announced : kind_by_fields(doc));
    if (media != HX_MEDIA_MANIFEST && media != HX_MEDIA_INDEX)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%s: '%.100s' is no image manifest and no index",
                          what,
                          own            ? own
                          : content_type ? content_type
                                         : "");
    /* One document must not be read as the one kind here and as the other
     * elsewhere (CVE-2021-41190). */
    if (media != kind_by_fields(doc))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: its fields are not those of %s", what,
                          media == HX_MEDIA_INDEX ? "an index" : "a manifest");
    *media_r = media;
    return 0;
}

static int parse_descriptor(const json_t *obj, const char *what,
                            struct hx_descriptor *out, struct hx_err *err)
{
    const char *digest = NULL, *type = NULL;
    int rc = hx_json_str(obj, "digest", what, HX_JSON_REQUIRED, &digest, err);

    if (rc == 0)
        rc = hx_digest_check(digest, what, err);
    if (rc == 0)
        rc = hx_json_str(obj, "mediaType", what, HX_JSON_REQUIRED, &type, err);
    if (rc == 0)
        rc = hx_json_u64(obj, "size", what, HX_JSON_REQUIRED, &out->size_bytes,
                         err);
    if (rc < 0)
        return rc;
    hx_digest_copy(out->digest, digest);
    out->media = hx_media_of(type, &out->foreign);
    return 0;
}

static const char *type_of(const json_t *descriptor)
{
    const char *type =
        json_string_value(json_object_get(descriptor, "mediaType"));

    return type ? type : "";
}

static int parse_config_descriptor(const json_t *doc, const char *what,
                                   struct hx_descriptor *out,
                                   struct hx_err *err)
{
    json_t *config = NULL;
    int rc = hx_json_obj(doc, "config", what, HX_JSON_REQUIRED, &config, err);

    if (rc == 0)
        rc = parse_descriptor(config, what, out, err);
    if (rc < 0)
        return rc;
    if (out->media != HX_MEDIA_CONFIG)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%s: it holds '%.100s' and not a container image",
                          what, type_of(config));
    if (out->size_bytes > HX_MANIFEST_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: its config is larger than 4 MiB", what);
    return 0;
}

static int parse_layer(const json_t *layer, size_t i, const char *what,
                       struct hx_descriptor *out, struct hx_err *err)
{
    int rc;

    if (!json_is_object(layer))
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: layer %zu is no object",
                          what, i + 1);
    rc = parse_descriptor(layer, what, out, err);
    if (rc < 0)
        return rc;
    if (out->media != HX_MEDIA_LAYER_TAR && out->media != HX_MEDIA_LAYER_GZIP &&
        out->media != HX_MEDIA_LAYER_ZSTD)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%s: layer %zu is of the type '%.100s'; tar, gzip "
                          "and zstd layers are supported",
                          what, i + 1, type_of(layer));
    return 0;
}

int hx_manifest_parse(const char *data, size_t len, const char *what,
                      struct hx_manifest *manifest_r, struct hx_err *err)
{
    _cleanup_manifest_ struct hx_manifest manifest = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    json_t *layers = NULL, *layer;
    uint64_t left = HX_LAYERS_MAX_BYTES;
    size_t i;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = parse_config_descriptor(doc, what, &manifest.config, err);
    if (rc == 0)
        rc = hx_json_arr(doc, "layers", what, HX_JSON_REQUIRED, &layers, err);
    if (rc < 0)
        return rc;
    if (json_array_size(layers) > HX_LAYERS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: it has %zu layers; at most %d are supported",
                          what, json_array_size(layers), HX_LAYERS_MAX);
    manifest.layers =
        calloc(json_array_size(layers) + 1, sizeof(*manifest.layers));
    if (!manifest.layers)
        return out_of_memory(what, err);
    json_array_foreach (layers, i, layer) {
        rc = parse_layer(layer, i, what, &manifest.layers[i], err);
        if (rc < 0)
            return rc;
        if (manifest.layers[i].size_bytes > left)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "%s: its layers are larger than %llu GiB", what,
                              (unsigned long long)(HX_LAYERS_MAX_BYTES >> 30));
        left -= manifest.layers[i].size_bytes;
    }
    manifest.layer_count = i;
    *manifest_r = manifest;
    manifest = (struct hx_manifest){ 0 };
    return 0;
}

void hx_manifest_release(struct hx_manifest *manifest)
{
    if (!manifest)
        return;
    free(manifest->layers);
    *manifest = (struct hx_manifest){ 0 };
}

struct choice {
    const struct hx_platform *wanted;
    struct hx_descriptor *entries;
    size_t count;
    struct hx_buf offered; /* "linux/arm64, linux/s390x" */
};

static void note_offer(struct choice *choice, const char *os, const char *arch,
                       const char *variant)
{
    /* A list that is too long is cut: it only helps to choose. */
    (void)hx_buf_addf(&choice->offered, "%s%.16s/%.16s%s%.16s",
                      choice->offered.len ? ", " : "", os, arch,
                      variant ? "/" : "", variant ? variant : "");
}

/* Notes an entry that may lead to the wanted image; skips all others. */
static int consider(struct choice *choice, const json_t *entry,
                    const char *what, struct hx_err *err)
{
    const char *os = NULL, *arch = NULL, *variant = NULL;
    struct hx_descriptor found = { 0 };
    json_t *platform = NULL;
    int rc;

    if (!json_is_object(entry))
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: an entry is no object",
                          what);
    found.media = hx_media_of(type_of(entry), NULL);
    if (found.media != HX_MEDIA_MANIFEST && found.media != HX_MEDIA_INDEX)
        return 0;
    rc = hx_json_obj(entry, "platform", what, HX_JSON_OPTIONAL, &platform, err);
    if (rc == 0 && platform) {
        rc = hx_json_str(platform, "os", what, HX_JSON_OPTIONAL, &os, err);
        if (rc == 0)
            rc = hx_json_str(platform, "architecture", what, HX_JSON_OPTIONAL,
                             &arch, err);
        if (rc == 0)
            rc = hx_json_str(platform, "variant", what, HX_JSON_OPTIONAL,
                             &variant, err);
    }
    if (rc < 0)
        return rc;
    /* buildkit's attestations are manifests of the platform unknown/unknown. */
    if (os && arch && strcmp(os, "unknown") == 0 &&
        strcmp(arch, "unknown") == 0)
        return 0;
    if (platform && os && arch) {
        note_offer(choice, os, arch, variant);
        if (!hx_platform_matches(choice->wanted, os, arch, variant))
            return 0;
    }
    rc = parse_descriptor(entry, what, &found, err);
    if (rc == 0)
        choice->entries[choice->count++] = found;
    return rc;
}

int hx_index_choose(const char *data, size_t len, const char *what,
                    const struct hx_platform *wanted,
                    struct hx_descriptor **entries_r, size_t *count_r,
                    struct hx_err *err)
{
    struct choice choice = { .wanted = wanted, .offered = HX_BUF_INIT(400) };
    _cleanup_json_ json_t *doc = NULL;
    char text[HX_PLATFORM_TEXT_MAX];
    json_t *manifests = NULL, *entry;
    size_t i;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = hx_json_arr(doc, "manifests", what, HX_JSON_REQUIRED, &manifests,
                         err);
    if (rc < 0)
        return rc;
    if (json_array_size(manifests) > HX_INDEX_ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT, "%s: it has more than %d entries",
                          what, HX_INDEX_ENTRIES_MAX);
    choice.entries =
        calloc(json_array_size(manifests) + 1, sizeof(*choice.entries));
    if (!choice.entries)
        return out_of_memory(what, err);
    json_array_foreach (manifests, i, entry) {
        rc = consider(&choice, entry, what, err);
        if (rc < 0)
            break;
    }
    if (rc == 0 && choice.count == 0)
        rc = hx_err_set(err, HX_ERR_NOT_FOUND,
                        "%s: it has no image for %s, but for %s; name one of "
                        "these with --platform",
                        what, hx_platform_text(wanted, text),
                        choice.offered.len ? choice.offered.data : "none");
    hx_buf_release(&choice.offered);
    if (rc < 0) {
        free(choice.entries);
        return rc;
    }
    *entries_r = choice.entries;
    *count_r = choice.count;
    return 0;
}
