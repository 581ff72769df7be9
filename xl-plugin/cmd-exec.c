/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-exec.h"
#include "domain-builder/pod-spec.h"
#include "image/base/strv.h"
#include "xl-plugin/detach-keys.h"
#include "xl-plugin/env.h"
#include "xl-plugin/exec-event.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/tend.h"
#include "xl-plugin/tty.h"

/* As docker's when the container ends before the process, and ours when
 * nobody knows how it ended. */
#define STATUS_POD_ENDED 137
#define STATUS_LOST      255

enum {
    EXEC_ENV_FILE = HX_OPT_OWN,
    EXEC_PRIVILEGED,
    EXEC_VM,
    EXEC_CONTAINER,
    EXEC_DETACH_KEYS
};

struct exec_options {
    struct hx_exec_spec spec;
    char **env;
    const char *container;
    struct hx_detach_keys keys;
    int died_by; /* a signal that came */
    struct hx_pod pod;
    struct hx_exec_events events;
};

static const struct hx_option options[] = {
    { 'i', "interactive", NULL, "pass standard input on to the process" },
    { 't', "tty", NULL, "give the process a terminal" },
    { 'd', "detach", NULL, "do not wait for the process" },
    { 'e', "env", "NAME[=VALUE]",
      "set an environment variable, or pass on the caller's" },
    { EXEC_ENV_FILE, "env-file", "FILE",
      "read environment variables from a file" },
    { 'u', "user", "USER[:GROUP]", "run as this user, by name or number" },
    { 'w', "workdir", "PATH", "working directory" },
    { EXEC_PRIVILEGED, "privileged", NULL, "with all capabilities" },
    { EXEC_VM, "vm", NULL,
      "in the domain itself, beside its PID 1, and not in a container" },
    { EXEC_CONTAINER, "container", "NAME",
      "in this container (default: the first)" },
    { EXEC_DETACH_KEYS, "detach-keys", "KEYS",
      "keys that leave the process alone (default ctrl-p,ctrl-q)" },
    { 0 },
};

static int set_text(struct exec_options *o, int key, const char *value,
                    struct hx_err *err)
{
    switch (key) {
    case 'e':
        return hx_env_apply(&o->env, value, environ, err);
    case EXEC_ENV_FILE:
        return hx_env_apply_file(&o->env, value, environ, err);
    case 'u':
        o->spec.user = value;
        return 0;
    case 'w':
        if (*value != '/')
            return hx_err_set(err, HX_ERR_USAGE,
                              "--workdir: '%.64s' does not begin with '/'; "
                              "give the whole path",
                              value);
        o->spec.cwd = value;
        return 0;
    case EXEC_CONTAINER:
        o->container = value;
        return 0;
    default:
        return hx_detach_keys_parse(value, &o->keys, err);
    }
}

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct exec_options *o = opaque;

    switch (key) {
    case 'i':
        o->spec.with_stdin = true;
        return 0;
    case 't':
        o->spec.tty = true;
        return 0;
    case 'd':
        o->spec.detach = true;
        return 0;
    case EXEC_PRIVILEGED:
        o->spec.privileged = true;
        return 0;
    case EXEC_VM:
        o->spec.vm = true;
        return 0;
    default:
        return set_text(o, key, value, err);
    }
}

static int check(const struct exec_options *o, struct hx_err *err)
{
    if (o->spec.vm && o->container)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--vm and --container: a process is in one or the "
                          "other; leave one out");
    if (o->spec.tty && o->spec.with_stdin && !o->spec.detach &&
        !isatty(STDIN_FILENO))
        return hx_err_set(err, HX_ERR_STATE, "the input device is not a TTY");
    return 0;
}

/* -- the pod --------------------------------------------------------------- */

/* Mostly by a look at a link: Xen is asked when that says nothing. */
static int find_pod(const struct hx_pod_dirs *dirs, const char *name,
                    char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    if (hx_exec_find(dirs, name, uuid_r, NULL) == 0)
        return 0;
    return hx_tend(name, uuid_r, err);
}

/* Of a pod whose folder cannot be read nothing is known but that it runs. */
static int load_pod(const struct hx_pod_dirs *dirs, const char *uuid,
                    struct exec_options *o, struct hx_err *err)
{
    struct hx_pod_dir dir;
    size_t index = 0;
    int r = hx_pod_dir_open(dirs, uuid, &dir, err);

    if (r == 0) {
        r = hx_pod_dir_load(&dir, &o->pod, err);
        hx_pod_dir_release(&dir);
    }
    hx_exec_events_init(&o->events, dirs, r == 0 ? &o->pod : NULL,
                        o->spec.args);
    if (!o->container)
        return 0;
    if (r == 0)
        r = hx_pod_spec_container(&o->pod.spec, o->container, &index, err);
    o->spec.container = (unsigned)index;
    return r;
}

/* -- the session ----------------------------------------------------------- */

static void started(void *opaque)
{
    const struct exec_options *o = opaque;

    hx_exec_events_start(&o->events);
}

static bool woken(void *opaque, struct hx_exec *exec)
{
    struct exec_options *o = opaque;
    unsigned rows, columns;
    int signum;

    while ((signum = hx_tty_caught()) != 0) {
        if (signum != SIGWINCH) {
            o->died_by = signum;
            return false;
        }
        if (o->spec.tty && hx_tty_size(&rows, &columns))
            hx_exec_resize(exec, rows, columns);
    }
    return true;
}

static bool typed(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                  size_t *out_len_r)
{
    struct exec_options *o = opaque;

    return hx_detach_keys_pass(&o->keys, data, len, out, out_len_r);
}

static int attend(struct hx_exec *exec, struct exec_options *o, int wake,
                  int *status_r, struct hx_err *err)
{
    bool terminal = o->spec.tty && o->spec.with_stdin && !o->spec.detach;
    struct hx_exec_io io = { .in = o->spec.with_stdin ? STDIN_FILENO : -1,
                             .out = STDOUT_FILENO,
                             .err = STDERR_FILENO,
                             .wake = wake,
                             .started = started,
                             .woken = woken,
                             .typed = terminal ? typed : NULL,
                             .opaque = o };
    int r = terminal ? hx_tty_raw(err) : 0;

    if (r == 0)
        r = hx_exec_run(exec, &io, status_r, err);
    hx_tty_restore();
    return r;
}

/* The exit status, with a sentence when it is not the process's. */
static int status_of(const struct hx_exec *exec, const struct exec_options *o,
                     int r, int status, const struct hx_err *err)
{
    if (r < 0 && err->sys == EPIPE)
        hx_tty_die(SIGPIPE);
    if (r < 0) {
        hx_complain("%s", err->msg);
        if (!hx_exec_started(exec))
            return HX_STATUS_FAILED;
        return err->code == HX_ERR_STATE || err->code == HX_ERR_NOT_FOUND
                   ? STATUS_POD_ENDED
                   : STATUS_LOST;
    }
    if (o->died_by)
        hx_tty_die(o->died_by);
    if (status == HX_EXEC_LEFT) /* by its keys */
        return HX_STATUS_OK;
    if (*hx_exec_message(exec))
        hx_complain("%s", hx_exec_message(exec));
    return status;
}

static int exec_in(const char *name, struct exec_options *o, struct hx_err *err)
{
    struct hx_exec_pod pod = { .name = name,
                               .dirs = { HX_STATE_DIR_DEFAULT,
                                         HX_RUN_DIR_DEFAULT },
                               .tend = hx_tend_by_uuid };
    char uuid[HX_POD_UUID_TEXT];
    struct hx_exec *exec = NULL;
    int status = 0, wake = -1, r;

    pod.uuid = uuid;
    r = find_pod(&pod.dirs, name, uuid, err);
    if (r == 0)
        r = load_pod(&pod.dirs, uuid, o, err);
    if (r == 0)
        r = hx_tty_catch(&wake, err);
    if (r == 0 && o->spec.tty)
        hx_tty_size(&o->spec.rows, &o->spec.columns);
    if (r == 0)
        r = hx_exec_open(&pod, &o->spec, &exec, err);
    if (r < 0)
        return r;
    hx_exec_events_create(&o->events);
    r = attend(exec, o, wake, &status, err);
    /* Before that, since a signal may end us there. */
    fflush(stdout);
    if (r == 0 && status != HX_EXEC_LEFT &&
        !(o->spec.detach && hx_exec_started(exec)))
        hx_exec_events_die(&o->events, status);
    status = status_of(exec, o, r, status, err);
    hx_exec_free(exec);
    return status;
}

static int exec_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_strv_ char **env = NULL;
    struct exec_options o = { 0 };
    struct hx_err err = { 0 };
    int first, status;

    hx_detach_keys_parse("", &o.keys, NULL);
    first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    env = o.env;
    if (first <= 0)
        return hx_options_status(command, first, &err);
    o.spec.args = argv + first + 1;
    o.spec.env = env;
    status = check(&o, &err);
    if (status == 0)
        status = exec_in(argv[first], &o, &err);
    hx_pod_release(&o.pod);
    if (status >= 0)
        return status;
    hx_complain("%s", err.msg);
    return err.code == HX_ERR_USAGE ? (int)command->failure : HX_STATUS_FAILED;
}

const struct hx_command hx_cmd_exec = {
    .name = "exec",
    .operands = "POD COMMAND [ARG...]",
    .summary = "Run a further process in a pod",
    .details = "The exit status is the process's, 128 + N when signal N ended "
               "it, 127 when it was not found, 126 when it could not be "
               "executed; 1 when the pod does not run, 137 when it ended "
               "before the process.",
    .min_operands = 2,
    .max_operands = -1,
    .options_first = true,
    .failure = HX_STATUS_LAUNCH,
    .options = options,
    .run = exec_main,
};
