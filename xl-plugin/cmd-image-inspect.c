/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-details-text.h"
#include "xl-plugin/inspect.h"
#include "xl-plugin/session.h"

static int document_of(void *store, const char *name, json_t **document_r,
                       struct hx_err *err)
{
    _cleanup_details_ struct hx_image_details details = { 0 };
    _cleanup_free_ char *path = NULL;
    int r = hx_image_details_load(store, name, &details, err);

    if (r < 0)
        return r;
    path = hx_store_disk_path(store, details.record.disk);
    *document_r = hx_image_inspect_json(&details, path);
    return 0;
}

static int image_inspect_main(const struct hx_command *command, int argc,
                              char **argv)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_err err = { 0 };
    int first =
        hx_options_parse(command, argc, argv, hx_inspect_set, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_store(&store, &err) < 0)
        return hx_command_fail(command, &err);
    return hx_inspect_print(command, argv + first, document_of, &store);
}

const struct hx_command hx_cmd_image_inspect = {
    .name = "image-inspect",
    .operands = "IMAGE...",
    .summary = "Print all that is known of images, as a JSON array",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = hx_inspect_options,
    .run = image_inspect_main,
};
