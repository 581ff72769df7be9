/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    { 'f', "force", NULL, "destroy running pods, too" },
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

static int destroy(struct hx_host *host, struct hx_pod *pod, const void *opaque,
                   struct hx_err *err)
{
    bool force = *(const bool *)opaque;

    if (!force && pod->state != HX_POD_EXITED)
        return hx_err_set(err, HX_ERR_STATE,
                          "destroying %s: it is running; stop it first with "
                          "'%sstop', or use -f",
                          pod->spec.name, hx_command_prefix());
    return hx_pod_destroy(host, pod, force, err);
}

static int destroy_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    bool force = false;
    int first = hx_options_parse(command, argc, argv, set_option, &force, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, destroy, &force);
}

const struct hx_command hx_cmd_destroy = {
    .name = "destroy",
    .aliases = "rm",
    .operands = "POD...",
    .summary = "Remove pods: domain, disk, log and address",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = destroy_main,
};
