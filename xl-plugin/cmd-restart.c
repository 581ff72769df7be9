/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    { 't', "time", "SECONDS",
      "wait so long before KILL (default: the pod's own, mostly 10)" },
    { 't', "timeout", "SECONDS", NULL },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    long seconds = 0;
    int r;

    (void)key;
    r = hx_options_number("--time", value, 0, 86400, &seconds, err);
    if (r == 0)
        *(int *)opaque = (int)seconds * 1000;
    return r;
}

static int restart(struct hx_host *host, struct hx_pod *pod, const void *opaque,
                   struct hx_err *err)
{
    int r = hx_session_check_disks(pod, err);

    return r == 0 ? hx_pod_restart(host, pod, *(const int *)opaque, err) : r;
}

static int restart_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    int timeout_ms = -1;
    int first =
        hx_options_parse(command, argc, argv, set_option, &timeout_ms, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, restart, &timeout_ms);
}

const struct hx_command hx_cmd_restart = {
    .name = "restart",
    .operands = "POD...",
    .summary = "Stop pods and start them again",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = restart_main,
};
