/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/host.h"
#include "image/base/cleanup.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"

static const struct hx_option options[] = {
    { HX_OPT_JSON, "json", NULL, "print JSON" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)key;
    (void)value;
    (void)err;
    *(int *)opaque = 1;
    return 0;
}

static int version_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    int json = 0;
    int first = hx_options_parse(command, argc, argv, set_option, &json, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (!json) {
        printf("xl-hyper %s (guest ABI %d)\n", HX_VERSION, hx_host_guest_abi());
        return HX_STATUS_OK;
    }
    if (hx_print_json(json_pack("{s:s, s:i}", "Version", HX_VERSION, "GuestAbi",
                                hx_host_guest_abi()),
                      &err) < 0)
        return hx_command_fail(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_version = {
    .name = "version",
    .operands = "",
    .summary = "Print the version",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = version_main,
};
