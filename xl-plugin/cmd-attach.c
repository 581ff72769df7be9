/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "domain-builder/pod-state.h"
#include "xl-plugin/foreground.h"
#include "xl-plugin/input.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

enum {
    ATTACH_NO_STDIN = HX_OPT_OWN,
    ATTACH_SIG_PROXY,
    ATTACH_CONTAINER,
    ATTACH_DETACH_KEYS
};

struct attach_options {
    const char *container;
    struct hx_foreground how;
};

static const struct hx_option options[] = {
    { ATTACH_NO_STDIN, "no-stdin", NULL, "pass no standard input on" },
    { ATTACH_SIG_PROXY, "sig-proxy", "BOOL",
      "pass signals on to the process (default true)" },
    { ATTACH_CONTAINER, "container", "NAME",
      "to this container (default: the first)" },
    { ATTACH_DETACH_KEYS, "detach-keys", "KEYS",
      "keys that leave the pod alone (default ctrl-p,ctrl-q)" },
    { 0 },
};

static int set_proxy(struct attach_options *o, const char *value,
                     struct hx_err *err)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--sig-proxy: '%.64s' is neither true nor false",
                          value);
    o->how.forward_signals = strcmp(value, "true") == 0;
    return 0;
}

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct attach_options *o = opaque;

    switch (key) {
    case ATTACH_NO_STDIN:
        o->how.no_stdin = true;
        return 0;
    case ATTACH_SIG_PROXY:
        return set_proxy(o, value, err);
    case ATTACH_CONTAINER:
        o->container = value;
        return 0;
    default:
        return hx_detach_keys_parse(value, &o->how.keys, err);
    }
}

static int check(const struct hx_pod *pod, struct attach_options *o,
                 struct hx_err *err)
{
    const struct hx_container_spec *container;
    int r = 0;

    if (pod->state == HX_POD_EXITED || pod->state == HX_POD_CREATING)
        return hx_err_set(err, HX_ERR_STATE,
                          "attaching to the pod %s: it does not run; 'xl "
                          "hyper-start %s' starts it",
                          pod->spec.name, pod->spec.name);
    if (o->container)
        r = hx_pod_spec_container(&pod->spec, o->container, &o->how.container,
                                  err);
    if (r < 0)
        return r;
    container = &pod->spec.containers[o->how.container];
    return hx_input_check(container->tty,
                          container->open_stdin && !o->how.no_stdin, err);
}

static int attach_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct attach_options o = { .how = { .forward_signals = true,
                                         .attach = true } };
    struct hx_err err = { 0 };
    bool left = false;
    int first, r;

    hx_detach_keys_parse("", &o.how.keys, NULL);
    first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_pods(&host, &err);
    if (r == 0)
        r = hx_pod_find(host, argv[first], &pod, &err);
    if (r == 0)
        r = check(&pod, &o, &err);
    if (r == 0 && o.how.forward_signals)
        r = hx_foreground_catch(&err);
    if (r == 0)
        r = hx_foreground_attend(&o.how, &pod, &left, &err);
    if (left)
        return HX_STATUS_OK;
    hx_session_let_go(host, &pod);
    return r < 0 ? hx_command_fail(command, &err) : r;
}

const struct hx_command hx_cmd_attach = {
    .name = "attach",
    .operands = "POD",
    .summary = "Follow a running pod, and type into it",
    .details = "What the process writes from now on, until the pod has ended; "
               "its exit status is the process's. Standard input goes to a pod "
               "that was created with -i.",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = attach_main,
};
