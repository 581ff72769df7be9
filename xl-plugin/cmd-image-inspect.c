/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-details-text.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    /* It prints nothing else, but whoever asks for it shall have it. */
    { HX_OPT_JSON, "json", NULL, NULL },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)opaque;
    (void)key;
    (void)value;
    (void)err;
    return 0;
}

static int inspect_one(const struct hx_store *store, const char *name,
                       json_t *list, struct hx_err *err)
{
    _cleanup_details_ struct hx_image_details details = { 0 };
    _cleanup_free_ char *path = NULL;
    int r = hx_image_details_load(store, name, &details, err);

    if (r < 0)
        return r;
    path = hx_store_disk_path(store, details.record.disk);
    if (json_array_append_new(list, hx_image_inspect_json(&details, path)) < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "inspecting %s: no memory", name);
    return 0;
}

/* As docker: what was found is printed, and what was not is complained
 * about. */
static int image_inspect_main(const struct hx_command *command, int argc,
                              char **argv)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;
    json_t *list;
    int first = hx_options_parse(command, argc, argv, set_option, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_store(&store, &err) < 0)
        return hx_command_fail(command, &err);
    list = json_array();
    for (char **name = argv + first; list && *name; name++) {
        if (inspect_one(&store, *name, list, &err) < 0)
            status = hx_command_fail(command, &err);
    }
    if (hx_print_json(list, &err) < 0)
        status = hx_command_fail(command, &err);
    return status;
}

const struct hx_command hx_cmd_image_inspect = {
    .name = "image-inspect",
    .operands = "IMAGE...",
    .summary = "Print all that is known of images, as a JSON array",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = image_inspect_main,
};
