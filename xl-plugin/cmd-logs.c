/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "domain-builder/pod-state.h"
#include "xl-plugin/follow.h"
#include "xl-plugin/foreground.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

struct logs_options {
    bool follow;
    int64_t tail_lines;
};

static const struct hx_option options[] = {
    { 'f', "follow", NULL, "go on until the pod has ended" },
    { 'n', "tail", "N", "only the last N lines, or all (the default)" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct logs_options *o = opaque;
    long lines = 0;
    int r = 0;

    if (key == 'f') {
        o->follow = true;
    } else if (strcmp(value, "all") == 0) {
        o->tail_lines = HX_FOLLOW_ALL;
    } else {
        r = hx_options_number("--tail", value, 0, 1000000000, &lines, err);
        if (r == 0)
            o->tail_lines = lines;
    }
    return r;
}

static int print_log(struct hx_host *host, const struct hx_pod *pod,
                     int64_t tail_lines, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    struct hx_follow follow = { 0 };
    int r;

    r = hx_pod_log_path(host, pod, 0, &path, err);
    if (r == 0)
        r = hx_follow_open(path, tail_lines, &follow, err);
    if (r == 0)
        r = hx_follow_copy(&follow, STDOUT_FILENO, err);
    if (r == 0)
        r = hx_follow_check(&follow, err);
    hx_follow_close(&follow);
    return r;
}

/* We held it: one with --rm that has ended meanwhile is ours to remove. */
static void let_go(struct hx_host *host, struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    if (!pod->spec.auto_remove)
        return;
    hx_pod_let_go(pod);
    if (hx_pod_reconcile(host, pod->uuid, &err) < 0)
        hx_complain("%s", err.msg);
}

static int logs_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct logs_options o = { .tail_lines = HX_FOLLOW_ALL };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_pods(&host, &err);
    if (r == 0)
        r = hx_pod_find(host, argv[first], &pod, &err);
    if (r == 0 && o.follow && pod.state != HX_POD_EXITED) {
        struct hx_foreground how = { .tail_lines = o.tail_lines };

        r = hx_foreground_run(&how, &pod, &err);
    } else if (r == 0) {
        r = print_log(host, &pod, o.tail_lines, &err);
    }
    let_go(host, &pod);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_logs = {
    .name = "logs",
    .operands = "POD",
    .summary = "Print what a pod's processes have written",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = logs_main,
};
