/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-use.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    { 'f', "force", NULL,
      "remove the name even of an image that pods still need" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)key;
    (void)value;
    (void)err;
    *(bool *)opaque = true;
    return 0;
}

static int rmi_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_err err = { 0 };
    bool force = false;
    int status = HX_STATUS_OK;
    int first = hx_options_parse(command, argc, argv, set_option, &force, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_store(&store, &err) < 0 || hx_session_pods(&host, &err) < 0)
        return hx_command_fail(command, &err);
    for (char **name = argv + first; *name; name++) {
        if (hx_image_remove(&store, *name, force, hx_image_in_use, host, &err) <
            0)
            status = hx_command_fail(command, &err);
        else
            hx_print_line(stdout, *name);
    }
    return status;
}

const struct hx_command hx_cmd_rmi = {
    .name = "rmi",
    .operands = "IMAGE...",
    .summary = "Remove images from the store",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = rmi_main,
};
