/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "xl-plugin/options.h"
#include "xl-plugin/session.h"
#include "xl-plugin/signals.h"

static const struct hx_option options[] = {
    { 's', "signal", "SIGNAL", "the signal: HUP, SIGHUP or 1 (default KILL)" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)key;
    return hx_signal_parse("--signal", value, opaque, err);
}

static int send_signal(struct hx_host *host, struct hx_pod *pod,
                       const void *opaque, struct hx_err *err)
{
    if (pod->state == HX_POD_EXITED && !hx_pod_restarting(pod))
        return hx_err_set(err, HX_ERR_STATE,
                          "killing %s: it is not running; see '%slist -a'",
                          pod->spec.name, hx_command_prefix());
    if (hx_pod_kill(host, pod, *(const int *)opaque, err) < 0)
        return hx_err_prefix(err, "killing %s", pod->spec.name);
    return 0;
}

static int kill_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    int signum = SIGKILL;
    int first =
        hx_options_parse(command, argc, argv, set_option, &signum, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return hx_session_each_pod(argv + first, send_signal, &signum);
}

const struct hx_command hx_cmd_kill = {
    .name = "kill",
    .operands = "POD...",
    .summary = "Send a signal to the processes of pods",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = kill_main,
};
