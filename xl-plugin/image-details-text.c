/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-details-text.h"

#include "image/base/json.h"
#include "xl-plugin/output.h"
#include "xl-plugin/times.h"

#define MISSING "<missing>"

static json_t *layers_json(const struct hx_rootfs *rootfs)
{
    json_t *layers = json_array();

    for (size_t i = 0; layers && i < rootfs->count; i++)
        json_array_append_new(layers, json_string(rootfs->diff_ids[i]));
    return json_pack("{s:s, s:o}", "Type", "layers", "Layers", layers);
}

/* What the config has under `key`, when it is of that type; else `missing`,
 * which is taken over. */
static json_t *field_of(const struct hx_image_details *details, const char *key,
                        json_type type, json_t *missing)
{
    json_t *value = json_object_get(details->document, key);

    if (!value || json_typeof(value) != type)
        return missing;
    json_decref(missing);
    return json_incref(value);
}

json_t *hx_image_inspect_json(const struct hx_image_details *details,
                              const char *disk_path)
{
    const struct hx_image_record *record = &details->record;
    char tagged[HX_TIME_TEXT];
    json_t *doc;

    hx_time_print_rfc3339(details->tagged_at_s * 1000, tagged);
    doc = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:{s:s}}",
        "Id", record->id, "RepoTags", hx_json_from_strv(details->tags),
        "RepoDigests", hx_json_from_strv(details->digests), "Comment",
        field_of(details, "comment", JSON_STRING, json_string("")), "Created",
        hx_json_text(details->config.created), "Author",
        field_of(details, "author", JSON_STRING, json_string("")), "Config",
        field_of(details, "config", JSON_OBJECT, json_object()), "Architecture",
        hx_json_text(details->config.architecture), "Os",
        hx_json_text(details->config.os), "Size",
        (json_int_t)record->disk_bytes, "RootFS", layers_json(&details->rootfs),
        "Metadata", "LastTagTime", tagged);
    if (!doc)
        return NULL;
    if (details->config.variant)
        json_object_set_new(doc, "Variant",
                            hx_json_text(details->config.variant));
    json_object_set_new(doc, "Disk",
                        json_pack("{s:s, s:I, s:s, s:o}", "Key", record->disk,
                                  "Bytes", (json_int_t)record->disk_bytes,
                                  "Sha256", record->disk_sha256, "Path",
                                  hx_json_text(disk_path)));
    return doc;
}

static const char *text_of(const json_t *step, const char *key)
{
    const char *text = json_string_value(json_object_get(step, key));

    return text ? text : "";
}

/* The size of a step; *layer counts those that have made a layer. */
static json_t *size_of(const json_t *step, const struct hx_manifest *manifest,
                       size_t *layer)
{
    size_t index;

    if (json_is_true(json_object_get(step, "empty_layer")))
        return json_integer(0);
    index = (*layer)++;
    if (index >= manifest->layer_count)
        return json_null();
    return json_integer((json_int_t)manifest->layers[index].size_bytes);
}

json_t *hx_image_history_json(const struct hx_image_details *details)
{
    const json_t *history = json_object_get(details->document, "history");
    json_t *list = json_array(), *step;
    size_t i, layer = 0;

    json_array_foreach (history, i, step) {
        int last = i + 1 == json_array_size(history);
        json_t *row = json_pack(
            "{s:s, s:s, s:s, s:o, s:o, s:s}", "Id",
            last ? details->record.id : MISSING, "Created",
            text_of(step, "created"), "CreatedBy", text_of(step, "created_by"),
            "Tags", last ? hx_json_from_strv(details->tags) : json_null(),
            "Size", size_of(step, &details->manifest, &layer), "Comment",
            text_of(step, "comment"));

        if (!row || !list || json_array_insert_new(list, 0, row) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
