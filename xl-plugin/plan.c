/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/plan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "image/base/json.h"
#include "xl-plugin/env.h"
#include "xl-plugin/names.h"
#include "xl-plugin/signals.h"

#define DEFAULT_STOP_TIMEOUT_MS 10000

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "planning the pod");
}

/* The guest gets its configuration as JSON, which holds UTF-8 alone. */
static int check_text(const char *what, const char *text, struct hx_err *err)
{
    _cleanup_json_ json_t *string = json_string(text);

    if (!string)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' is not UTF-8, which is all that a pod "
                          "can be given",
                          what, text);
    return 0;
}

static int check_list(const char *what, char *const *list, struct hx_err *err)
{
    for (; list && *list; list++) {
        int r = check_text(what, *list, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static const char *image_title(const struct hx_create_options *o,
                               const struct hx_image *image)
{
    return image->familiar ? image->familiar : o->image;
}

static int plan_args(const struct hx_create_options *o,
                     const struct hx_image *image, struct hx_container_spec *c,
                     struct hx_err *err)
{
    const struct hx_image_config *config = &image->config;
    char ***args = &c->args;
    int r = 0;

    if (!o->entrypoint)
        r = hx_strv_add_all(args, config->entrypoint);
    else if (*o->entrypoint)
        r = hx_strv_add(args, o->entrypoint);
    c->entrypoint_count = hx_strv_len(*args);
    if (r == 0 && o->args && *o->args)
        r = hx_strv_add_all(args, o->args);
    else if (r == 0 && !o->entrypoint)
        r = hx_strv_add_all(args, config->cmd);
    if (r < 0)
        return no_memory(err);
    if (hx_strv_len(*args) == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "image %.200s names no command; write one after the "
                          "image, or use --entrypoint",
                          image_title(o, image));
    if (!(*args)[0][0])
        return hx_err_set(err, HX_ERR_USAGE,
                          "the command of image %.200s is an empty word; write "
                          "one after the image, or use --entrypoint",
                          image_title(o, image));
    return check_list("an argument", *args, err);
}

static int env_default(char ***env, const char *assignment, struct hx_err *err)
{
    size_t len = strcspn(assignment, "=");
    _cleanup_free_ char *name = strndup(assignment, len);

    if (!name)
        return no_memory(err);
    if (hx_env_get(*env, name))
        return 0;
    return hx_env_put(env, assignment) < 0 ? no_memory(err) : 0;
}

static int plan_env(const struct hx_create_options *o,
                    const struct hx_image *image, char *const *caller,
                    const char *hostname, struct hx_container_spec *c,
                    struct hx_err *err)
{
    char assignment[sizeof("HOSTNAME=") + HX_HOSTNAME_MAX];
    char ***env = &c->env;
    size_t asked_for;
    int r = 0;

    for (char **e = image->config.env; e && *e; e++) {
        /* An image may hold "NAME" alone, which sets nothing. */
        if (strchr(*e, '=') && **e != '=' && hx_env_put(env, *e) < 0)
            return no_memory(err);
    }
    for (char **file = o->env_files; r == 0 && file && *file; file++)
        r = hx_env_apply_file(env, *file, caller, err);
    for (char **e = o->env; r == 0 && e && *e; e++)
        r = hx_env_apply(env, *e, caller, err);
    asked_for = hx_strv_len(*env);
    snprintf(assignment, sizeof(assignment), "HOSTNAME=%s", hostname);
    if (r == 0)
        r = env_default(env, HX_ENV_DEFAULT_PATH, err);
    if (r == 0)
        r = env_default(env, assignment, err);
    if (r == 0 && o->tty)
        r = env_default(env, "TERM=xterm", err);
    c->default_env_count = hx_strv_len(*env) - asked_for;
    return r < 0 ? r : check_list("an environment variable", *env, err);
}

/* The image's may be relative, which docker takes to be below '/'. */
static int plan_cwd(const struct hx_create_options *o,
                    const struct hx_image *image, char **cwd,
                    struct hx_err *err)
{
    const char *path = o->workdir ? o->workdir : image->config.working_dir;

    if (!path || !*path)
        path = "/";
    if (asprintf(cwd, "%s%s", *path == '/' ? "" : "/", path) < 0) {
        *cwd = NULL;
        return no_memory(err);
    }
    return check_text("the working directory", *cwd, err);
}

static int plan_stop(const struct hx_create_options *o,
                     const struct hx_image *image, struct hx_container_spec *c,
                     struct hx_err *err)
{
    const char *signal = image->config.stop_signal;

    c->stop_timeout_ms = o->stop_timeout_ms < 0 ? DEFAULT_STOP_TIMEOUT_MS
                                                : (unsigned)o->stop_timeout_ms;
    c->stop_signal = o->stop_signal ? o->stop_signal : SIGTERM;
    if (o->stop_signal || !signal || !*signal)
        return 0;
    if (hx_signal_parse("StopSignal", signal, &c->stop_signal, err) < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "image %.200s: its stop signal '%.32s' is no signal; "
                          "give another with --stop-signal",
                          image_title(o, image), signal);
    return 0;
}

static int plan_container(const struct hx_create_options *o,
                          const struct hx_image *image, char *const *caller,
                          const struct hx_pod_spec *pod,
                          struct hx_container_spec *c, struct hx_err *err)
{
    const char *user = o->user ? o->user : image->config.user;
    int r;

    c->name = strdup(pod->name);
    c->image = strdup(image_title(o, image));
    c->image_id = strdup(image->id);
    c->root_disk = image->root_disk ? strdup(image->root_disk) : NULL;
    c->user = strdup(user ? user : "");
    c->writable = o->read_only ? HX_WRITABLE_NONE : HX_WRITABLE_DISK;
    c->tty = o->tty;
    c->open_stdin = o->open_stdin;
    c->confine = o->confine.spec;
    if (hx_confine_own(&c->confine) < 0)
        return no_memory(err);
    if (!c->name || !c->image || !c->image_id || !c->root_disk || !c->user)
        return no_memory(err);
    r = check_text("the user", c->user, err);
    if (r == 0)
        r = plan_args(o, image, c, err);
    if (r == 0)
        r = plan_env(o, image, caller, pod->hostname, c, err);
    if (r == 0)
        r = check_list("--sysctl", c->confine.sysctls, err);
    if (r == 0)
        r = check_list("--security-opt", c->confine.security_opt, err);
    if (r == 0)
        r = plan_cwd(o, image, &c->cwd, err);
    if (r == 0)
        r = plan_stop(o, image, c, err);
    if (r == 0)
        r = hx_health_plan(&o->health, &image->config, image_title(o, image),
                           &c->health, err);
    if (r == 0)
        r = check_list("the health check", c->health.args, err);
    return r;
}

static int plan_domain(const struct hx_create_options *o,
                       const struct hx_image *image, uint32_t random,
                       struct hx_pod_spec *spec, struct hx_err *err)
{
    const char *reference =
        image->reference ? image->reference : image->familiar;
    char name[HX_POD_NAME_MAX + 1], hostname[HX_HOSTNAME_MAX + 1];

    hx_pod_name_default(reference ? reference : o->image, random, name);
    spec->name = strdup(o->name ? o->name : name);
    if (!spec->name)
        return no_memory(err);
    hx_hostname_default(spec->name, hostname);
    spec->hostname = strdup(o->hostname ? o->hostname : hostname);
    spec->type = o->type;
    spec->mem_kib = o->mem_kib;
    spec->vcpus = o->vcpus;
    spec->scratch_bytes = o->read_only ? 0 : o->scratch_bytes;
    spec->auto_remove = o->auto_remove;
    spec->paused = o->paused;
    spec->restart = o->restart;
    spec->restart_max = o->restart_max;
    spec->net.none = o->network && strcmp(o->network, "none") == 0;
    if (o->network && !spec->net.none)
        spec->net.bridge = strdup(o->network);
    if (o->ip)
        spec->net.ip = strdup(o->ip);
    if (o->mac)
        spec->net.mac = strdup(o->mac);
    if (!spec->hostname || (o->ip && !spec->net.ip) ||
        (o->mac && !spec->net.mac) ||
        (o->network && !spec->net.none && !spec->net.bridge))
        return no_memory(err);
    return 0;
}

int hx_plan_pod(const struct hx_create_options *options,
                const struct hx_image *image, char *const *caller,
                uint32_t random, struct hx_pod_spec *spec_r, struct hx_err *err)
{
    struct hx_pod_spec spec = { 0 };
    int r;

    spec.containers = calloc(1, sizeof(*spec.containers));
    if (!spec.containers)
        return no_memory(err);
    spec.container_count = 1;
    r = plan_domain(options, image, random, &spec, err);
    if (r == 0)
        r = plan_container(options, image, caller, &spec, &spec.containers[0],
                           err);
    if (r < 0) {
        hx_pod_spec_release(&spec);
        return r;
    }
    *spec_r = spec;
    return 0;
}
