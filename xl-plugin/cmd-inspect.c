/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    /* It prints nothing else, but whoever asks for it shall have it. */
    { HX_OPT_JSON, "json", NULL, NULL },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    (void)opaque;
    (void)key;
    (void)value;
    (void)err;
    return 0;
}

static int inspect_one(struct hx_host *host, const char *name, json_t *list,
                       struct hx_err *err)
{
    _cleanup_pod_ struct hx_pod pod = { 0 };
    _cleanup_free_ char *log_path = NULL;
    struct hx_health_record health = { 0 };
    json_t *doc;
    int r;

    r = hx_pod_find(host, name, &pod, err);
    if (r == 0)
        r = hx_pod_log_path(host, &pod, 0, &log_path, err);
    if (r == 0)
        r = hx_pod_health(host, &pod, 0, &health, err);
    if (r < 0)
        return r;
    doc = hx_pod_inspect_json(&pod, log_path, &health);
    hx_health_record_release(&health);
    if (json_array_append_new(list, doc) < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "inspecting %s: no memory", name);
    return 0;
}

/* As docker: what was found is printed, and what was not is complained
 * about. */
static int inspect_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_err err = { 0 };
    int status = HX_STATUS_OK;
    json_t *list;
    int first = hx_options_parse(command, argc, argv, set_option, NULL, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (hx_session_pods(&host, &err) < 0)
        return hx_command_fail(command, &err);
    list = json_array();
    for (char **name = argv + first; list && *name; name++) {
        if (inspect_one(host, *name, list, &err) < 0)
            status = hx_command_fail(command, &err);
    }
    if (hx_print_json(list, &err) < 0)
        status = hx_command_fail(command, &err);
    return status;
}

const struct hx_command hx_cmd_inspect = {
    .name = "inspect",
    .operands = "POD...",
    .summary = "Print all that is known of pods, as a JSON array",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = inspect_main,
};
