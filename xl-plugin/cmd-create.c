/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/console.h"
#include "xl-plugin/launch.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    HX_CREATE_OPTION_TABLE{
        'c', "console", NULL,
        "attach to the domain's console after the start, as 'xl create -c'" },
    { 'd', "detach", NULL, NULL }, /* as it always is */
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct hx_create_options *o = opaque;

    if (key == 'd')
        return 0;
    if (key == 'c') {
        o->console = true;
        return 0;
    }
    return hx_create_option(opaque, key, value, err);
}

static int create(const struct hx_create_options *o, struct hx_err *err)
{
    _cleanup_pod_ struct hx_pod pod = { 0 };
    int r;

    r = hx_launch_detached(o, &pod, err);
    if (r == 0 && o->console && !o->dry_run)
        r = hx_console_exec(&pod, err);
    return r;
}

static int create_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_(hx_create_options_release) struct hx_create_options o;
    struct hx_err err = { 0 };
    int first;

    hx_create_options_init(&o);
    first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    if (first <= 0)
        return hx_options_status(command, first, &err);
    o.image = argv[first];
    o.args = argv + first + 1;
    if (create(&o, &err) < 0)
        return hx_launch_status(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_create = {
    .name = "create",
    .operands = "IMAGE [COMMAND [ARG...]]",
    .summary = "Start a pod from an image, in the background; print its name",
    .details = "COMMAND replaces the image's Cmd.",
    .min_operands = 1,
    .max_operands = -1,
    .options_first = true,
    .can_dry_run = true,
    .failure = HX_STATUS_LAUNCH,
    .options = options,
    .run = create_main,
};
