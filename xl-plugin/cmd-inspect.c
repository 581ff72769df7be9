/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/inspect.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"

static int document_of(void *host, const char *name, json_t **document_r,
                       struct hx_err *err)
{
    _cleanup_pod_ struct hx_pod pod = { 0 };
    _cleanup_free_ char *log_path = NULL;
    struct hx_health_record health = { 0 };
    int r;

    r = hx_pod_find(host, name, &pod, err);
    if (r == 0)
        r = hx_pod_log_path(host, &pod, 0, &log_path, err);
    if (r == 0)
        r = hx_pod_health(host, &pod, 0, &health, err);
    if (r < 0)
        return r;
    *document_r = hx_pod_inspect_json(&pod, log_path, &health);
    hx_health_record_release(&health);
    return 0;
}

static int inspect_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    int first =
        hx_options_parse(command, argc, argv, hx_inspect_set, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_pods(&host, &err) < 0)
        return hx_command_fail(command, &err);
    return hx_inspect_print(command, argv + first, document_of, host);
}

const struct hx_command hx_cmd_inspect = {
    .name = "inspect",
    .operands = "POD...",
    .summary = "Print all that is known of pods, as a JSON array",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = hx_inspect_options,
    .run = inspect_main,
};
