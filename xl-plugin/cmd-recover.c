/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "domain-builder/pod-recover.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

static void tell(void *opaque, const struct hx_pod *pod, enum hx_recovered what,
                 const struct hx_err *err)
{
    static const char *const words[] = {
        [HX_RECOVERED_ADOPTED] = "runs, and has a monitor again",
        [HX_RECOVERED_RESTARTING] = "restarts in a moment",
        [HX_RECOVERED_STARTED] = "started",
        [HX_RECOVERED_REMOVED] = "removed",
    };
    char line[256];

    if (what == HX_RECOVERED_FAILED) {
        *(int *)opaque = HX_STATUS_FAILED;
        hx_complain("%s", err->msg);
        return;
    }
    if (what == HX_RECOVERED_ENDED)
        snprintf(line, sizeof(line), "%s: has ended (%s)", pod->spec.name,
                 hx_pod_end_name(pod->end));
    else
        snprintf(line, sizeof(line), "%s: %s", pod->spec.name, words[what]);
    hx_print_line(stdout, line);
}

/* Without hx_session_pods(), which would do silently what is told here. */
static int recover_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_host(&host, &err) < 0)
        return hx_command_fail(command, &err);
    if (hx_pod_recover(host, tell, &status, &err) < 0)
        return hx_command_fail(command, &err);
    return status;
}

const struct hx_command hx_cmd_recover = {
    .name = "recover",
    .operands = "",
    .summary = "Put all pods right after a crash or a reboot of dom0",
    .details = "Pods that run get a monitor, ends are recorded, and pods come "
               "back whose restart policy says so.",
    .failure = HX_STATUS_FAILED,
    .run = recover_main,
};
