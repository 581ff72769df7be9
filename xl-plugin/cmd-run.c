/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-state.h"
#include "xl-plugin/follow.h"
#include "xl-plugin/foreground.h"
#include "xl-plugin/input.h"
#include "xl-plugin/launch.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

static const struct hx_option options[] = {
    HX_CREATE_OPTION_TABLE{ 'd', "detach", NULL,
                            "run in the background and print the pod's name" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct hx_create_options *o = opaque;

    if (key == 'd') {
        o->detach = true;
        return 0;
    }
    return hx_create_option(opaque, key, value, err);
}

/* As long as we hold it nobody else removes an --rm pod. */
static void remove_ended(struct hx_host *host, struct hx_pod *pod)
{
    struct hx_err err = { 0 };

    if (hx_pod_destroy(host, pod, false, &err) < 0)
        hx_complain("%s", err.msg);
}

/* After an error of ours: the pod is there, and an --rm pod that has ended goes
 * only when nobody holds it. */
static int leave(struct hx_host *host, struct hx_pod *pod, struct hx_err *err)
{
    struct hx_err more = { 0 };

    if (pod->state != HX_POD_EXITED)
        hx_err_prefix(err, "the pod %s runs on", pod->spec.name);
    hx_pod_let_go(pod);
    if (hx_pod_reconcile(host, pod->uuid, &more) < 0)
        hx_complain("%s", more.msg);
    return -(int)err->code;
}

static int run(const struct hx_create_options *o, struct hx_err *err)
{
    _cleanup_(hx_pod_spec_release) struct hx_pod_spec spec = { 0 };
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    _cleanup_close_ int hold = -1;
    struct hx_foreground how = { .tail_lines = HX_FOLLOW_ALL,
                                 .forward_signals = true,
                                 .attach = o->tty || o->open_stdin };
    bool left = false;
    int r;

    if (o->detach || o->dry_run)
        return hx_launch_detached(o, &pod, err);
    if (o->json)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--json: the process's output would stand in the "
                          "JSON; use -d too, or leave it out");
    hx_detach_keys_parse("", &how.keys, NULL);
    r = hx_input_check(o->tty, o->open_stdin, err);
    if (r == 0)
        r = hx_launch_plan(o, &spec, &hold, err);
    if (r == 0)
        r = hx_session_pods(&host, err);
    if (r == 0)
        r = hx_foreground_catch(err);
    if (r == 0)
        r = hx_pod_create(host, &spec, &pod, err);
    hx_cleanup_close(&hold);
    hold = -1;
    if (r < 0)
        return r;
    r = hx_foreground_attend(&how, &pod, &left, err);
    if (r < 0)
        return leave(host, &pod, err);
    if (left)
        return HX_STATUS_OK;
    if (pod.spec.auto_remove)
        remove_ended(host, &pod);
    return r;
}

static int run_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_(hx_create_options_release) struct hx_create_options o;
    struct hx_err err = { 0 };
    int first, status;

    hx_create_options_init(&o);
    first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    if (first <= 0)
        return hx_options_status(command, first, &err);
    o.image = argv[first];
    o.args = argv + first + 1;
    status = run(&o, &err);
    return status < 0 ? hx_launch_status(command, &err) : status;
}

const struct hx_command hx_cmd_run = {
    .name = "run",
    .operands = "IMAGE [COMMAND [ARG...]]",
    .summary = "Run an image's process and end as it ends",
    .details = "The exit status is the process's, 128 + N when signal N ended "
               "it, 127 when it was not found, 126 when it could not be "
               "executed, 125 when the pod could not be started.",
    .min_operands = 1,
    .max_operands = -1,
    .options_first = true,
    .can_dry_run = true,
    .failure = HX_STATUS_LAUNCH,
    .options = options,
    .run = run_main,
};
