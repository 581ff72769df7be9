/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static int start(struct hx_host *host, struct hx_pod *pod, const void *opaque,
                 struct hx_err *err)
{
    int r = hx_session_check_disks(pod, err);

    (void)opaque;
    return r == 0 ? hx_pod_start(host, pod, err) : r;
}

static int start_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, start, NULL);
}

const struct hx_command hx_cmd_start = {
    .name = "start",
    .operands = "POD...",
    .summary = "Start pods that have ended, with their disk and log",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .run = start_main,
};
