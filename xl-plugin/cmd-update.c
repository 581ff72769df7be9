/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/create-options.h"
#include "xl-plugin/options.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    { HX_CREATE_RESTART, "restart", "POLICY",
      "no, on-failure[:N], always or unless-stopped" },
    { 'm', "memory", "SIZE",
      "memory of the domain; while it runs at most what it was started with" },
    { HX_CREATE_VCPUS, "vcpus", "N",
      "virtual CPUs; while it runs at most those it was started with" },
    { 0 },
};

/* Read as those of hyper-create are. */
static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct hx_pod_update *update = opaque;
    _cleanup_(hx_create_options_release) struct hx_create_options o;
    int r;

    hx_create_options_init(&o);
    r = hx_create_option(&o, key, value, err);
    if (r < 0)
        return r;
    if (key == 'm') {
        update->mem_kib = o.mem_kib;
    } else if (key == HX_CREATE_VCPUS) {
        update->vcpus = o.vcpus;
    } else {
        update->set_restart = true;
        update->restart = o.restart;
        update->restart_max = o.restart_max;
    }
    return 0;
}

static int update_pod(struct hx_host *host, struct hx_pod *pod,
                      const void *opaque, struct hx_err *err)
{
    return hx_pod_update(host, pod, opaque, err);
}

static int update_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_pod_update update = { 0 };
    struct hx_err err = { 0 };
    int first =
        hx_options_parse(command, argc, argv, set_option, &update, &err);

    if (first > 0 && !update.set_restart && !update.mem_kib && !update.vcpus)
        first = hx_err_set(&err, HX_ERR_USAGE,
                           "update needs something to change; see '%supdate "
                           "--help'",
                           hx_command_prefix());
    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, update_pod, &update);
}

const struct hx_command hx_cmd_update = {
    .name = "update",
    .operands = "POD...",
    .summary = "Change the restart policy, memory or CPUs of pods",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = update_main,
};
