/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static int tag_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_store(&store, &err) < 0 ||
        hx_image_add_name(&store, argv[first], argv[first + 1], &err) < 0)
        return hx_command_fail(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_tag = {
    .name = "tag",
    .operands = "IMAGE NAME[:TAG]",
    .summary = "Give an image of the store a further name",
    .min_operands = 2,
    .max_operands = 2,
    .failure = HX_STATUS_FAILED,
    .run = tag_main,
};
