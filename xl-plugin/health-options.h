/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of hyper-create and hyper-run for health checks: docker's, with
 * docker's meanings, over what the image's HEALTHCHECK says.
 */
#ifndef HX_HEALTH_OPTIONS_H
#define HX_HEALTH_OPTIONS_H

#include "domain-builder/health.h"
#include "image/image.h"
#include "xl-plugin/options.h"

/* Strings are borrowed; NULL and 0 are "not said". */
struct hx_health_options {
    bool none; /* --no-healthcheck */
    const char *cmd;
    const char *given; /* name of the last option but those two */
    unsigned interval_ms, timeout_ms, start_period_ms, retries;
};

enum {
    HX_HEALTH_OPT_CMD = HX_OPT_LONG + 512,
    HX_HEALTH_OPT_INTERVAL,
    HX_HEALTH_OPT_TIMEOUT,
    HX_HEALTH_OPT_RETRIES,
    HX_HEALTH_OPT_START_PERIOD,
    HX_HEALTH_OPT_NONE
};

/* For the tables of both commands. */
#define HX_HEALTH_OPTION_TABLE                                                 \
    { HX_HEALTH_OPT_CMD, "health-cmd", "COMMAND",                              \
      "shell command that tells whether the container is healthy" },           \
        { HX_HEALTH_OPT_INTERVAL, "health-interval", "TIME",                   \
          "time between two health checks, as in 1m30s (default 30s)" },       \
        { HX_HEALTH_OPT_TIMEOUT, "health-timeout", "TIME",                     \
          "longest that a health check may take (default 30s)" },              \
        { HX_HEALTH_OPT_RETRIES, "health-retries", "N",                        \
          "failures in a row that make it unhealthy (default 3)" },            \
        { HX_HEALTH_OPT_START_PERIOD, "health-start-period", "TIME",           \
          "time at the start in which failures do not count (default 0s)" },   \
        { HX_HEALTH_OPT_NONE, "no-healthcheck", NULL,                          \
          "run no health checks, whatever the image says" },

/* Whether `key` is one of the table's. */
bool hx_health_has_option(int key);
/* Takes it; HX_ERR_USAGE. */
int hx_health_option(struct hx_health_options *options, int key,
                     const char *value, struct hx_err *err);

/* What can only be told of all together. */
int hx_health_check(const struct hx_health_options *options,
                    struct hx_err *err);

/*
 * The check of a container of this image, called `title` in messages; *spec_r
 * is the caller's.  HX_ERR_USAGE: options for a check that there is not.
 * HX_ERR_CORRUPT: the image's makes no sense.
 */
int hx_health_plan(const struct hx_health_options *options,
                   const struct hx_image_config *image, const char *title,
                   struct hx_health_spec *spec_r, struct hx_err *err);

#endif
