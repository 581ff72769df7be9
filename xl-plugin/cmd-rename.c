/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static int rename_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_pods(&host, &err) < 0 ||
        hx_pod_find(host, argv[first], &pod, &err) < 0 ||
        hx_pod_rename(host, &pod, argv[first + 1], &err) < 0)
        return hx_command_fail(command, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_rename = {
    .name = "rename",
    .operands = "POD NAME",
    .summary = "Give a pod, and its domain, another name",
    .details = "The host name in the pod stays.",
    .min_operands = 2,
    .max_operands = 2,
    .failure = HX_STATUS_FAILED,
    .run = rename_main,
};
