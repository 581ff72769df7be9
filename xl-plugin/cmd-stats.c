/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/pod-stats.h"
#include "image/base/clock.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/stats-text.h"
#include "xl-plugin/times.h"

#define INTERVAL_NS INT64_C(1000000000)
/* For the answers of all guests; who is late has no numbers this time. */
#define ANSWER_MS 500

enum { OPT_NO_STREAM = HX_OPT_OWN };

struct stats_options {
    bool all, json, no_stream;
};

static const struct hx_option options[] = {
    { 'a', "all", NULL, "show pods that have ended, too" },
    { OPT_NO_STREAM, "no-stream", NULL, "look once, and end" },
    { HX_OPT_JSON, "json", NULL, "print an object for each pod on a line" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct stats_options *o = opaque;

    (void)value;
    (void)err;
    if (key == 'a')
        o->all = true;
    else if (key == HX_OPT_JSON)
        o->json = true;
    else
        o->no_stream = true;
    return 0;
}

/* All pods that are watched, at one moment. */
struct moment {
    struct hx_pod *pods;
    struct hx_stats_sample *samples;
    size_t count;
};

static void release(struct moment *moment)
{
    hx_pod_list_free(moment->pods, moment->count);
    free(moment->samples);
    *moment = (struct moment){ 0 };
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INTERVAL_NS + ts.tv_nsec;
}

/* -- looking --------------------------------------------------------------- */

static void ask_guests(struct hx_host *host, struct moment *moment)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_guest_stats *guests = calloc(moment->count + 1, sizeof(*guests));
    size_t asked = 0;

    for (size_t i = 0; guests && i < moment->count; i++) {
        /* A paused one would not answer. */
        if (moment->pods[i].state != HX_POD_RUNNING)
            continue;
        memcpy(guests[asked].uuid, moment->pods[i].uuid, HX_POD_UUID_TEXT);
        guests[asked++].containers = moment->pods[i].spec.container_count;
    }
    if (guests)
        hx_guest_stats_ask(&dirs, guests, asked, ANSWER_MS);
    for (size_t i = 0, at = 0; at < asked && i < moment->count; i++) {
        if (strcmp(moment->pods[i].uuid, guests[at].uuid) == 0)
            moment->samples[i].guest = guests[at++];
    }
    free(guests);
}

/* Xen last: the times of two looks are then as far apart as its numbers. */
static int ask_host(struct moment *moment, struct hx_err *err)
{
    struct hx_domain_stats *domains =
        calloc(moment->count + 1, sizeof(*domains));
    int r = domains
                ? hx_domain_stats_get(moment->pods, moment->count, domains, err)
                : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "watching pods");
    int64_t at_ns = now_ns();

    for (size_t i = 0; r == 0 && i < moment->count; i++) {
        struct hx_stats_sample *sample = &moment->samples[i];

        sample->at_ns = at_ns;
        sample->domain = domains[i];
        if (domains[i].running)
            hx_device_stats_read("/sys", domains[i].domid, moment->pods[i].vif,
                                 &sample->devices);
    }
    free(domains);
    return r;
}

static int look(struct hx_host *host, struct moment *moment_r,
                struct hx_err *err)
{
    struct moment moment = { 0 };
    int r = hx_pod_list(host, &moment.pods, &moment.count, err);

    if (r < 0)
        return r;
    moment.samples = calloc(moment.count + 1, sizeof(*moment.samples));
    if (!moment.samples)
        r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "watching pods");
    if (r == 0) {
        ask_guests(host, &moment);
        r = ask_host(&moment, err);
    }
    if (r < 0)
        release(&moment);
    else
        *moment_r = moment;
    return r;
}

/* -- showing --------------------------------------------------------------- */

struct watch {
    const struct stats_options *o;
    char **uuids; /* those asked for; NULL: all */
    struct moment before;
    bool titled; /* the pipe has its line of titles */
};

static bool is_shown(const struct watch *watch, const struct moment *moment,
                     size_t i)
{
    if (!watch->uuids)
        return watch->o->all || moment->samples[i].domain.running;
    for (char **uuid = watch->uuids; *uuid; uuid++) {
        if (strcmp(*uuid, moment->pods[i].uuid) == 0)
            return true;
    }
    return false;
}

static const struct hx_stats_sample *before_of(const struct watch *watch,
                                               const struct hx_pod *pod)
{
    for (size_t i = 0; i < watch->before.count; i++) {
        if (strcmp(watch->before.pods[i].uuid, pod->uuid) == 0)
            return &watch->before.samples[i];
    }
    return NULL;
}

/* Through a pipe the titles come once, with the first table. */
static int print_text(struct watch *watch, const struct hx_buf *text)
{
    const char *from = text->data;

    if (isatty(STDOUT_FILENO) && !watch->o->no_stream) {
        fputs("\033[H\033[J", stdout);
    } else if (watch->titled) {
        from = strchr(from, '\n') + 1;
    }
    watch->titled = true;
    fputs(from, stdout);
    return fflush(stdout) == 0 ? 0 : -1;
}

static int print_table(struct watch *watch, const struct moment *moment)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT((size_t)1 << 24);
    struct hx_table table;
    int r = 0;

    hx_table_init(&table, hx_stats_columns);
    for (size_t i = 0; r == 0 && i < moment->count; i++) {
        if (is_shown(watch, moment, i))
            r = hx_stats_row(&table, moment->pods[i].spec.name,
                             before_of(watch, &moment->pods[i]),
                             &moment->samples[i]);
    }
    if (r == 0)
        r = hx_table_format(&table, hx_terminal_width(stdout), &text);
    if (r == 0)
        r = print_text(watch, &text);
    hx_table_release(&table);
    return r;
}

static int print_lines(struct watch *watch, const struct moment *moment)
{
    int64_t time_ms = hx_clock_unix_ms();

    for (size_t i = 0; i < moment->count; i++) {
        json_t *object;
        int r;

        if (!is_shown(watch, moment, i))
            continue;
        object =
            hx_stats_json(&moment->pods[i], before_of(watch, &moment->pods[i]),
                          &moment->samples[i], time_ms);
        r = object ? json_dumpf(object, stdout,
                                JSON_COMPACT | JSON_ENSURE_ASCII |
                                    JSON_REAL_PRECISION(6))
                   : -1;
        json_decref(object);
        if (r < 0 || putchar('\n') == EOF)
            return -1;
    }
    return fflush(stdout) == 0 ? 0 : -1;
}

/* -- the loop -------------------------------------------------------------- */

static void sleep_until(int64_t at_ns)
{
    const struct timespec at = { at_ns / INTERVAL_NS, at_ns % INTERVAL_NS };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static int watch_pods(struct hx_host *host, struct watch *watch,
                      struct hx_err *err)
{
    int64_t next_ns = now_ns();
    int r = look(host, &watch->before, err);

    while (r == 0) {
        struct moment now = { 0 };

        next_ns += INTERVAL_NS;
        sleep_until(next_ns);
        r = look(host, &now, err);
        if (r < 0)
            break;
        errno = 0;
        if ((watch->o->json ? print_lines : print_table)(watch, &now) < 0)
            r = hx_err_sys(err, HX_ERR_SYSTEM, errno ? errno : ENOMEM,
                           "writing to standard output");
        release(&watch->before);
        watch->before = now;
        if (watch->o->no_stream)
            break;
    }
    release(&watch->before);
    return r;
}

static int find_pods(struct hx_host *host, char *const *names, char ***uuids,
                     struct hx_err *err)
{
    for (; *names; names++) {
        _cleanup_pod_ struct hx_pod pod = { 0 };
        int r = hx_pod_find(host, *names, &pod, err);

        if (r < 0)
            return r;
        if (hx_strv_add(uuids, pod.uuid) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "watching pods");
    }
    return 0;
}

static int stats_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_strv_ char **uuids = NULL;
    struct stats_options o = { 0 };
    struct watch watch = { .o = &o };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = hx_session_pods(&host, &err);
    if (r == 0)
        r = find_pods(host, argv + first, &uuids, &err);
    watch.uuids = uuids;
    if (r == 0)
        r = watch_pods(host, &watch, &err);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_stats = {
    .name = "stats",
    .operands = "[POD...]",
    .summary = "Show what pods use, each second",
    .min_operands = 0,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = stats_main,
};
