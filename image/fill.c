/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/fill.h"

#include <string.h>

#include "image/base/json.h"
#include "image/helper.h"

struct reader {
    const struct hx_progress *progress;
    struct hx_fill_result *result;
};

void hx_fill_progress(const json_t *line, const struct hx_progress *to)
{
    struct hx_progress_event event = { .stage = "", .object = "" };

    if (!to || !to->event ||
        hx_json_str(line, "stage", "pull", HX_JSON_REQUIRED, &event.stage,
                    NULL) < 0 ||
        hx_json_str(line, "object", "pull", HX_JSON_REQUIRED, &event.object,
                    NULL) < 0 ||
        hx_json_u64(line, "done_bytes", "pull", HX_JSON_OPTIONAL,
                    &event.done_bytes, NULL) < 0 ||
        hx_json_u64(line, "total_bytes", "pull", HX_JSON_OPTIONAL,
                    &event.total_bytes, NULL) < 0)
        return;
    to->event(&event, to->opaque);
}

static void take_image(const json_t *line, struct hx_fill_result *result)
{
    const char *id = NULL, *reference = NULL;

    if (hx_json_str(line, "id", "pull", HX_JSON_REQUIRED, &id, NULL) < 0 ||
        hx_json_str(line, "reference", "pull", HX_JSON_OPTIONAL, &reference,
                    NULL) < 0 ||
        !hx_digest_valid(id))
        return;
    hx_digest_copy(result->id, id);
    if (reference && !result->has_ref)
        result->has_ref =
            hx_reference_parse(reference, &result->ref, NULL) == 0;
}

static void take_line(const json_t *line, void *opaque)
{
    struct reader *reader = opaque;
    json_t *progress = json_object_get(line, "progress");
    json_t *image = json_object_get(line, "image");

    if (json_is_object(progress))
        hx_fill_progress(progress, reader->progress);
    if (json_is_object(image))
        take_image(image, reader->result);
}

static int make_args(char ***args, const struct hx_store *store,
                     const struct hx_source *source,
                     const struct hx_image_options *options)
{
    if (hx_strv_add(args, "--store") < 0 || hx_strv_add(args, store->root) < 0)
        return -1;
    if (options->platform && (hx_strv_add(args, "--platform") < 0 ||
                              hx_strv_add(args, options->platform) < 0))
        return -1;
    /* Who asks for a fresh one does not want the engine's old one. */
    if (options->pull == HX_PULL_ALWAYS && hx_strv_add(args, "--no-engine") < 0)
        return -1;
    if (hx_strv_add(args, "--") < 0)
        return -1;
    return hx_strv_add(args, source->text);
}

int hx_fill(const struct hx_store *store, const struct hx_source *source,
            const struct hx_image_options *options,
            const struct hx_progress *progress, struct hx_fill_result *result_r,
            struct hx_err *err)
{
    _cleanup_(hx_fill_result_release) struct hx_fill_result result = { 0 };
    struct reader reader = { progress, &result };
    struct hx_helper helper = { .program = "pull",
                                .line = take_line,
                                .opaque = &reader };
    _cleanup_strv_ char **args = NULL;
    int rc;

    if (make_args(&args, store, source, options) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "pulling %s",
                          source->text);
    helper.args = args;
    rc = hx_helper_run(&helper, err);
    if (rc == 0 && !*result.id)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'pull' named no image");
    if (rc < 0)
        return hx_err_prefix(err, "%s %s",
                             source->kind == HX_SOURCE_REFERENCE ? "pulling"
                                                                 : "loading",
                             source->text);
    *result_r = result;
    result = (struct hx_fill_result){ 0 };
    return 0;
}

int hx_fill_check_disk(const struct hx_store *store, const char *id,
                       struct hx_err *err)
{
    char *args[] = { (char *)"--store", store->root, (char *)"--check-disk",
                     (char *)id, NULL };
    const struct hx_helper helper = { .program = "pull", .args = args };

    return hx_helper_run(&helper, err);
}

void hx_fill_result_release(struct hx_fill_result *result)
{
    if (!result)
        return;
    hx_reference_release(&result->ref);
    *result = (struct hx_fill_result){ 0 };
}
