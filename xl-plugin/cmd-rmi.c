/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

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

static int uses(const struct hx_pod_spec *spec, const char *id)
{
    for (size_t c = 0; c < spec->container_count; c++) {
        const char *used = spec->containers[c].image_id;

        if (used && strcmp(used, id) == 0)
            return 1;
    }
    return 0;
}

/* The pods of this moment: a list made earlier may lack one. */
static int in_use(const char *id, void *opaque, struct hx_err *err)
{
    struct hx_pod *pods = NULL;
    size_t count = 0;
    int r = hx_pod_list(opaque, &pods, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = uses(&pods[i].spec, id);
    hx_pod_list_free(pods, count);
    return r;
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
        if (hx_image_remove(&store, *name, force, in_use, host, &err) < 0)
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
