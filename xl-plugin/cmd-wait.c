/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "domain-builder/pod-state.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"

/* One after the other, as docker: those that end meanwhile are held. */
static int wait_for(struct hx_host *host, struct hx_pod *pod,
                    struct hx_err *err)
{
    struct hx_err more = { 0 };
    int r;

    if (pod->state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE,
                          "waiting for %s: it is being created",
                          pod->spec.name);
    r = hx_pod_wait(host, pod, -1, err);
    if (r < 0)
        return r;
    printf("%d\n", hx_pod_exit_status(pod));
    r = hx_finish_output(err);
    if (pod->spec.auto_remove) {
        hx_pod_let_go(pod);
        if (hx_pod_reconcile(host, pod->uuid, &more) < 0)
            hx_complain("%s", more.msg);
    }
    return r;
}

/* All are found before the first is waited for, so that an --rm pod which ends
 * meanwhile still has its exit code for us. */
static int wait_for_all(struct hx_host *host, char *const *names,
                        struct hx_pod *pods)
{
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;

    for (size_t i = 0; names[i]; i++) {
        if (hx_pod_find(host, names[i], &pods[i], &err) < 0) {
            hx_complain("%s", err.msg);
            status = HX_STATUS_FAILED;
        }
    }
    for (size_t i = 0; names[i]; i++) {
        if (pods[i].spec.name && wait_for(host, &pods[i], &err) < 0) {
            hx_complain("%s", err.msg);
            status = HX_STATUS_FAILED;
        }
    }
    return status;
}

static int wait_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    struct hx_pod *pods;
    int first = hx_options_parse(command, argc, argv, NULL, NULL, &err);
    int status;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    pods = calloc((size_t)(argc - first) + 1, sizeof(*pods));
    if (!pods) {
        hx_complain("out of memory");
        return HX_STATUS_FAILED;
    }
    if (hx_session_pods(&host, &err) < 0)
        status = hx_command_fail(command, &err);
    else
        status = wait_for_all(host, argv + first, pods);
    hx_pod_list_free(pods, (size_t)(argc - first));
    return status;
}

const struct hx_command hx_cmd_wait = {
    .name = "wait",
    .operands = "POD...",
    .summary = "Wait until pods have ended, and print their exit codes",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .run = wait_main,
};
