/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/commit-config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "image/base/json.h"
#include "xl-plugin/health-options.h"
#include "xl-plugin/signals.h"

#define NS_PER_MS 1000000

/* All return 0 or -1; jansson refuses what is not UTF-8. */
static int put(json_t *config, const char *field, json_t *value)
{
    return json_object_set_new(config, field, value);
}

/* A part of a list of the pod's; null when it is empty. */
static int put_list(json_t *config, const char *field, char *const *list,
                    size_t from, size_t to, char *const *images)
{
    json_t *array;
    bool same = hx_strv_len(images) == to - from;
    int r = 0;

    for (size_t i = from; same && i < to; i++)
        same = strcmp(list[i], images[i - from]) == 0;
    if (same)
        return 0;
    if (from == to)
        return put(config, field, json_null());
    array = json_array();
    for (size_t i = from; i < to; i++)
        r |= json_array_append_new(array, json_string(list[i]));
    return put(config, field, array) | r;
}

static int put_text(json_t *config, const char *field, const char *text,
                    const char *images)
{
    text = text ? text : "";
    return strcmp(text, images ? images : "") == 0
               ? 0
               : put(config, field, json_string(text));
}

/* The image's may be relative, which is below '/', and none is '/' itself. */
static int put_cwd(json_t *config, const char *cwd, const char *images)
{
    const char *path = cwd ? cwd : "/", *before = images ? images : "";

    return strcmp(path + (*path == '/'), before + (*before == '/')) == 0
               ? 0
               : put(config, "WorkingDir", json_string(path));
}

static int put_stop_signal(json_t *config, int signum, const char *images)
{
    const char *name = hx_signal_name(signum);
    int before = SIGTERM;

    if (images && *images &&
        hx_signal_parse("StopSignal", images, &before, NULL) < 0)
        before = 0;
    if (before == signum)
        return 0;
    return put(config, "StopSignal",
               strchr(name, '?') ? json_sprintf("%d", signum)
                                 : json_string(name));
}

static bool same_health(const struct hx_health_spec *a,
                        const struct hx_health_spec *b)
{
    size_t count = hx_strv_len(a->test);

    if (hx_strv_len(b->test) != count || a->interval_ms != b->interval_ms ||
        a->timeout_ms != b->timeout_ms || a->retries != b->retries ||
        a->start_period_ms != b->start_period_ms)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(a->test[i], b->test[i]) != 0)
            return false;
    return true;
}

static int put_health(json_t *config, const struct hx_health_spec *health,
                      const struct hx_image_config *image)
{
    const struct hx_health_options no_options = { 0 };
    const char *images = image->health.test ? image->health.test[0] : NULL;
    struct hx_health_spec before = { 0 };
    bool same;

    if (!health->test)
        return !images || strcmp(images, "NONE") == 0
                   ? 0
                   : put(config, "Healthcheck",
                         json_pack("{s:[s]}", "Test", "NONE"));
    /* An image's that makes no sense is none like ours. */
    same = hx_health_plan(&no_options, image, "", &before, NULL) == 0 &&
           same_health(health, &before);
    hx_health_release(&before);
    return same ? 0
                : put(config, "Healthcheck",
                      json_pack("{s:o, s:I, s:I, s:I, s:I}", "Test",
                                hx_json_from_strv(health->test), "Interval",
                                (json_int_t)health->interval_ms * NS_PER_MS,
                                "Timeout",
                                (json_int_t)health->timeout_ms * NS_PER_MS,
                                "StartPeriod",
                                (json_int_t)health->start_period_ms * NS_PER_MS,
                                "Retries", (json_int_t)health->retries));
}

int hx_commit_config(const struct hx_container_spec *c,
                     const struct hx_image_config *image, json_t **config_r,
                     struct hx_err *err)
{
    _cleanup_json_ json_t *config = json_object();
    size_t env = hx_strv_len(c->env) - c->default_env_count;
    size_t command = c->entrypoint_count, end = hx_strv_len(c->args);
    int r = put_list(config, "Env", c->env, 0, env, image->env);

    r |= put_list(config, "Entrypoint", c->args, 0, command, image->entrypoint);
    r |= put_list(config, "Cmd", c->args, command, end, image->cmd);
    r |= put_text(config, "User", c->user, image->user);
    r |= put_cwd(config, c->cwd, image->working_dir);
    r |= put_stop_signal(config, c->stop_signal, image->stop_signal);
    r |= put_health(config, &c->health, image);
    if (r)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "reading the pod's config");
    *config_r = hx_steal_ptr(&config);
    return 0;
}
