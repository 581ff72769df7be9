/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/strv.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"

/* Pods that are stopped at a time: each waits for its guest most of the time.
 */
#define AT_ONCE 32

struct stop_options {
    int timeout_ms;
    bool all;
    bool for_shutdown;
};

enum { FOR_SHUTDOWN = HX_OPT_OWN };

static const struct hx_option options[] = {
    { 't', "time", "SECONDS",
      "wait so long before KILL (default: the pod's own, mostly 10)" },
    { 't', "timeout", "SECONDS", NULL },
    { 'a', "all", NULL, "stop all running pods, at once" },
    { FOR_SHUTDOWN, "for-shutdown", NULL,
      "because dom0 goes down: their restart policy starts them again with "
      "it" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct stop_options *o = opaque;
    long seconds = 0;
    int r;

    if (key == 'a') {
        o->all = true;
        return 0;
    }
    if (key == FOR_SHUTDOWN) {
        o->for_shutdown = true;
        return 0;
    }
    r = hx_options_number("--time", value, 0, 86400, &seconds, err);
    if (r == 0)
        o->timeout_ms = (int)seconds * 1000;
    return r;
}

static int stop(struct hx_host *host, struct hx_pod *pod, const void *opaque,
                struct hx_err *err)
{
    const struct stop_options *o = opaque;

    /* As docker: stopping what has stopped is no failure. */
    if (pod->state == HX_POD_EXITED && !hx_pod_restarting(pod))
        return 0;
    return o->for_shutdown ? hx_pod_stop_for_host(host, pod, o->timeout_ms, err)
                           : hx_pod_stop(host, pod, o->timeout_ms, err);
}

/* -- all of them ----------------------------------------------------------- */

/* By their UUIDs: a name may be another's by the time it is used. */
static int find_running(char ***uuids, struct hx_err *err)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_pod *pods = NULL;
    size_t count = 0;
    int r = hx_session_pods(&host, err);

    if (r == 0)
        r = hx_pod_list(host, &pods, &count, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (pods[i].state == HX_POD_EXITED && !hx_pod_restarting(&pods[i]))
            continue;
        if (hx_strv_add(uuids, pods[i].uuid) < 0)
            r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "stopping the pods");
    }
    hx_pod_list_free(pods, count);
    return r;
}

/* In a process of its own, with connections of its own to Xen. */
static int stop_one(const char *uuid, const struct stop_options *o)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct hx_err err = { 0 };
    int r = hx_session_host(&host, &err);

    if (r == 0)
        r = hx_pod_find(host, uuid, &pod, &err);
    if (r == -HX_ERR_NOT_FOUND)
        return HX_STATUS_OK;
    if (r == 0)
        r = stop(host, &pod, o, &err);
    if (r == 0) {
        hx_print_line(stdout, pod.spec.name);
        r = hx_finish_output(&err);
    }
    if (r < 0)
        hx_complain("%s", err.msg);
    return r < 0 ? HX_STATUS_FAILED : HX_STATUS_OK;
}

/* Waits for one of the children; 0 when it has done well. */
static int wait_for_one(void)
{
    int status = 0;

    while (wait(&status) < 0)
        if (errno != EINTR)
            return 0;
    return status;
}

static int stop_all(const struct stop_options *o, struct hx_err *err)
{
    _cleanup_strv_ char **uuids = NULL;
    int running = 0, failed = 0;
    int r = find_running(&uuids, err);

    if (r < 0)
        return r;
    fflush(NULL);
    for (size_t i = 0; uuids && uuids[i]; i++) {
        pid_t pid;

        if (running == AT_ONCE) {
            failed |= wait_for_one();
            running--;
        }
        pid = fork();
        if (pid == 0)
            _exit(stop_one(uuids[i], o));
        if (pid < 0)
            failed |= stop_one(uuids[i], o);
        else
            running++;
    }
    for (; running > 0; running--)
        failed |= wait_for_one();
    return failed ? HX_STATUS_FAILED : HX_STATUS_OK;
}

static int stop_main(const struct hx_command *command, int argc, char **argv)
{
    struct hx_err err = { 0 };
    struct stop_options o = { .timeout_ms = -1 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first > 0 && o.all != (first == argc))
        first = hx_err_set(&err, HX_ERR_USAGE,
                           "stop needs POD... or --all, and not both; see "
                           "'%sstop --help'",
                           hx_command_prefix());
    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (!o.all)
        return hx_session_each_pod(argv + first, stop, &o);
    r = stop_all(&o, &err);
    return r < 0 ? hx_command_fail(command, &err) : r;
}

const struct hx_command hx_cmd_stop = {
    .name = "stop",
    .operands = "POD...",
    .summary = "Stop pods: their stop signal, then KILL",
    .min_operands = 0, /* --all */
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = stop_main,
};
