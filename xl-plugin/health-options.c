/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/health-options.h"

#include <errno.h>
#include <string.h>

#include "xl-plugin/times.h"

#define DEFAULT_INTERVAL_MS 30000
#define DEFAULT_TIMEOUT_MS  30000
#define DEFAULT_RETRIES     3

#define NS_PER_MS UINT64_C(1000000)

/* -- options -----------------------------------------------------------------
 */

bool hx_health_has_option(int key)
{
    return key >= HX_HEALTH_OPT_CMD && key <= HX_HEALTH_OPT_NONE;
}

/* 0 is docker's word for the default. */
static int set_time(struct hx_health_options *o, const char *what,
                    const char *value, unsigned *ms_r, struct hx_err *err)
{
    int64_t ms = 0;
    int r = hx_time_parse_duration(what, value, &ms, err);

    if (r < 0)
        return r;
    if (ms == 0 && strpbrk(value, "123456789"))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: %.40s is too short; 1ms is the least", what,
                          value);
    if (ms > HX_HEALTH_MS_MAX)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: %.40s is too long; 24 days are the most", what,
                          value);
    o->given = what;
    *ms_r = (unsigned)ms;
    return 0;
}

static int set_cmd(struct hx_health_options *o, const char *value,
                   struct hx_err *err)
{
    if (!*value)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--health-cmd: it is empty; write a command, or "
                          "--no-healthcheck");
    o->cmd = value;
    return 0;
}

static int set_retries(struct hx_health_options *o, const char *value,
                       struct hx_err *err)
{
    long number = 0;
    int r = hx_options_number("--health-retries", value, 0,
                              HX_HEALTH_RETRIES_MAX, &number, err);

    o->given = "--health-retries";
    o->retries = (unsigned)number;
    return r;
}

int hx_health_option(struct hx_health_options *o, int key, const char *value,
                     struct hx_err *err)
{
    switch (key) {
    case HX_HEALTH_OPT_CMD:
        return set_cmd(o, value, err);
    case HX_HEALTH_OPT_INTERVAL:
        return set_time(o, "--health-interval", value, &o->interval_ms, err);
    case HX_HEALTH_OPT_TIMEOUT:
        return set_time(o, "--health-timeout", value, &o->timeout_ms, err);
    case HX_HEALTH_OPT_START_PERIOD:
        return set_time(o, "--health-start-period", value, &o->start_period_ms,
                        err);
    case HX_HEALTH_OPT_RETRIES:
        return set_retries(o, value, err);
    default:
        o->none = true;
        return 0;
    }
}

int hx_health_check(const struct hx_health_options *o, struct hx_err *err)
{
    const char *other = o->cmd ? "--health-cmd" : o->given;

    if (!o->none || !other)
        return 0;
    return hx_err_set(err, HX_ERR_USAGE,
                      "--no-healthcheck and %s: one says that there is no "
                      "health check, the other what it is like; leave one of "
                      "them out",
                      other);
}

/* -- with the image ----------------------------------------------------------
 */

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "planning the health check");
}

/* A time of the image's; longer ones than we know are as good as that. */
static unsigned image_ms(uint64_t ns, unsigned otherwise)
{
    uint64_t ms = ns / NS_PER_MS;

    if (ns == 0)
        return otherwise;
    if (ms > HX_HEALTH_MS_MAX)
        return HX_HEALTH_MS_MAX;
    return ms ? (unsigned)ms : 1;
}

static unsigned choose(unsigned ours, unsigned images)
{
    return ours ? ours : images;
}

static void plan_numbers(const struct hx_health_options *o,
                         const struct hx_image_health *image,
                         struct hx_health_spec *spec)
{
    uint64_t retries = image->retries ? image->retries : DEFAULT_RETRIES;

    if (retries > HX_HEALTH_RETRIES_MAX)
        retries = HX_HEALTH_RETRIES_MAX;
    spec->interval_ms = choose(
        o->interval_ms, image_ms(image->interval_ns, DEFAULT_INTERVAL_MS));
    spec->timeout_ms =
        choose(o->timeout_ms, image_ms(image->timeout_ns, DEFAULT_TIMEOUT_MS));
    spec->start_period_ms =
        choose(o->start_period_ms, image_ms(image->start_period_ns, 0));
    spec->retries = choose(o->retries, (unsigned)retries);
}

/* What the test executes: itself, or the image's shell with it. */
static int plan_args(const struct hx_image_config *image, const char *title,
                     struct hx_health_spec *spec, struct hx_err *err)
{
    static const char *const shell[] = { "/bin/sh", "-c", NULL };
    const char *kind = spec->test[0];
    bool by_shell = strcmp(kind, "CMD-SHELL") == 0;
    int r = 0;

    if ((!by_shell && strcmp(kind, "CMD") != 0) || !spec->test[1])
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "image %.200s: its health check '%.32s' makes no "
                          "sense; give another with --health-cmd, or "
                          "--no-healthcheck",
                          title, kind);
    if (by_shell)
        r = hx_strv_add_all(&spec->args,
                            image->shell ? image->shell : (char **)shell);
    if (r == 0)
        r = hx_strv_add_all(&spec->args, spec->test + 1);
    return r < 0 ? no_memory(err) : 0;
}

int hx_health_plan(const struct hx_health_options *o,
                   const struct hx_image_config *image, const char *title,
                   struct hx_health_spec *spec_r, struct hx_err *err)
{
    const char *const ours[] = { "CMD-SHELL", o->cmd, NULL };
    char *const *test = o->cmd ? (char **)ours : image->health.test;
    struct hx_health_spec spec = { 0 };
    int r;

    if (o->none)
        return 0;
    if (!test || !*test || strcmp(*test, "NONE") == 0) {
        if (!o->given)
            return 0;
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: image %.200s has no health check; write one "
                          "with --health-cmd",
                          o->given, title);
    }
    plan_numbers(o, &image->health, &spec);
    r = hx_strv_add_all(&spec.test, test) < 0 ? no_memory(err) : 0;
    if (r == 0)
        r = plan_args(image, title, &spec, err);
    if (r < 0) {
        hx_health_release(&spec);
        return r;
    }
    *spec_r = spec;
    return 0;
}
