/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static int unpause(struct hx_host *host, struct hx_pod *pod, const void *opaque,
                   struct hx_err *err)
{
    (void)opaque;
    return hx_pod_resume(host, pod, err);
}

static int unpause_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, unpause, NULL);
}

const struct hx_command hx_cmd_unpause = {
    .name = "unpause",
    .operands = "POD...",
    .summary = "Let the processes of paused pods go on",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .run = unpause_main,
};
