/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "domain-builder/pod-state.h"
#include "image/base/clock.h"
#include "image/base/file.h"
#include "xl-plugin/follow.h"
#include "xl-plugin/foreground.h"
#include "xl-plugin/log-print.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/times.h"

#define CONSOLE_PART_MAX ((size_t)4 << 20)

enum {
    LOGS_SINCE = HX_OPT_OWN,
    LOGS_UNTIL,
    LOGS_STDOUT,
    LOGS_STDERR,
    LOGS_CONTAINER,
    LOGS_CONSOLE
};

struct logs_options {
    bool follow;
    bool only_stdout, only_stderr;
    bool console;
    const char *container;
    struct hx_foreground how;
};

static const struct hx_option options[] = {
    { 'f', "follow", NULL, "go on until the pod has ended" },
    { 'n', "tail", "N", "only the last N lines, or all (the default)" },
    { LOGS_SINCE, "since", "TIME",
      "only what was written since then: 10m (ago), or "
      "2026-01-31T12:00:00" },
    { LOGS_UNTIL, "until", "TIME", "only what was written until then" },
    { 't', "timestamps", NULL, "begin each line with its time" },
    { LOGS_STDOUT, "stdout", NULL, "standard output alone" },
    { LOGS_STDERR, "stderr", NULL, "standard error alone" },
    { LOGS_CONTAINER, "container", "NAME",
      "of this container (default: the first)" },
    { LOGS_CONSOLE, "console", NULL,
      "what the domain's kernel and its PID 1 have said" },
    { 0 },
};

static int set_tail(struct logs_options *o, const char *value,
                    struct hx_err *err)
{
    long lines = 0;
    int r;

    if (strcmp(value, "all") == 0) {
        o->how.tail_lines = HX_FOLLOW_ALL;
        return 0;
    }
    r = hx_options_number("--tail", value, 0, 1000000000, &lines, err);
    if (r == 0)
        o->how.tail_lines = lines;
    return r;
}

/* To the nanosecond, so that the time of a line can be given back. */
static int set_time(const char *what, const char *value, int64_t *ns_r,
                    struct hx_err *err)
{
    int64_t ns = hx_time_parse_rfc3339_ns(value), ms = 0;
    int r = 0;

    if (ns == 0)
        r = hx_time_parse_point(what, value, hx_clock_unix_ms(), &ms, err);
    if (r == 0)
        *ns_r = ns ? ns : ms * 1000000;
    return r;
}

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct logs_options *o = opaque;

    switch (key) {
    case 'f':
        o->follow = true;
        return 0;
    case 't':
        o->how.timestamps = true;
        return 0;
    case LOGS_STDOUT:
        o->only_stdout = true;
        return 0;
    case LOGS_STDERR:
        o->only_stderr = true;
        return 0;
    case LOGS_CONTAINER:
        o->container = value;
        return 0;
    case LOGS_CONSOLE:
        o->console = true;
        return 0;
    case LOGS_SINCE:
        return set_time("--since", value, &o->how.filter.since_ns, err);
    case LOGS_UNTIL:
        return set_time("--until", value, &o->how.filter.until_ns, err);
    default:
        return set_tail(o, value, err);
    }
}

static int print_log(struct hx_host *host, const struct hx_pod *pod,
                     const struct hx_foreground *how, struct hx_err *err)
{
    struct hx_log_printer printer = { .fd = { STDOUT_FILENO, STDERR_FILENO },
                                      .timestamps = how->timestamps };
    const struct hx_follow_what what = { .tail_lines = how->tail_lines,
                                         .filter = how->filter,
                                         .sink = hx_log_print,
                                         .opaque = &printer };
    _cleanup_free_ char *path = NULL;
    struct hx_follow follow = { 0 };
    int r;

    r = hx_pod_log_path(host, pod, how->container, &path, err);
    if (r == 0)
        r = hx_follow_open(path, &what, &follow, err);
    if (r == 0)
        r = hx_follow_read(&follow, err);
    if (r == 0)
        r = hx_follow_check(&follow, err);
    hx_follow_close(&follow);
    return r;
}

/* -- the console ----------------------------------------------------------- */

/* A kernel's words are for a screen, and made safe for it. */
static int print_console_part(const char *folder, const char *name,
                              struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_free_ char *path = NULL;
    char *line, *rest;
    int r;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading %s", name);
    }
    r = hx_file_read(path, CONSOLE_PART_MAX, &text, err);
    if (r < 0)
        return r == -HX_ERR_NOT_FOUND ? 0 : r;
    rest = text.data;
    while (rest && (line = strsep(&rest, "\n")) && (*line || rest)) {
        line[strcspn(line, "\r")] = '\0';
        hx_print_line(stdout, line);
    }
    return 0;
}

static int print_console(struct hx_host *host, const struct hx_pod *pod,
                         struct hx_err *err)
{
    _cleanup_free_ char *folder = NULL;
    int r;

    if (asprintf(&folder, "%s/pods/%s", hx_host_state_dir(host), pod->uuid) <
        0) {
        folder = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the console");
    }
    r = print_console_part(folder, "console.log.1", err);
    return r < 0 ? r : print_console_part(folder, "console.log", err);
}

/* -- the command ----------------------------------------------------------- */

static int check(struct logs_options *o, struct hx_err *err)
{
    struct hx_log_filter *filter = &o->how.filter;

    if (o->console && (o->follow || o->only_stdout || o->only_stderr ||
                       o->container || o->how.timestamps || filter->since_ns ||
                       filter->until_ns || o->how.tail_lines != HX_FOLLOW_ALL))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--console: it is printed as a whole; leave the "
                          "other options out, or use 'xl console' to follow "
                          "it");
    if (o->only_stdout != o->only_stderr) {
        filter->no_stdout = o->only_stderr;
        filter->no_stderr = o->only_stdout;
    }
    return 0;
}

static int print(struct hx_host *host, struct hx_pod *pod,
                 struct logs_options *o, struct hx_err *err)
{
    int r = 0;

    if (o->console)
        return print_console(host, pod, err);
    if (o->container)
        r = hx_pod_spec_container(&pod->spec, o->container, &o->how.container,
                                  err);
    if (r < 0)
        return r;
    if (o->follow && pod->state != HX_POD_EXITED)
        return hx_foreground_run(&o->how, pod, NULL, err);
    return print_log(host, pod, &o->how, err);
}

static int logs_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct logs_options o = { .how.tail_lines = HX_FOLLOW_ALL };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first > 0 && check(&o, &err) < 0)
        first = -(int)err.code;
    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_pods(&host, &err);
    if (r == 0)
        r = hx_pod_find(host, argv[first], &pod, &err);
    if (r == 0)
        r = print(host, &pod, &o, &err);
    hx_session_let_go(host, &pod);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_logs = {
    .name = "logs",
    .operands = "POD",
    .summary = "Print what a pod's processes have written",
    .details = "Standard output and standard error go to where they came "
               "from, byte for byte.",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = logs_main,
};
