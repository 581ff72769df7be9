/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/event-log.h"
#include "image/base/clock.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "xl-plugin/event-text.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/session.h"
#include "xl-plugin/times.h"

enum { SINCE = HX_OPT_OWN, UNTIL };

struct events {
    struct hx_event_choice choice;
    bool json;
    bool all; /* not only what comes from now on */
};

static const struct hx_option options[] = {
    { SINCE, "since", "TIME", "begin with the events since then" },
    { UNTIL, "until", "TIME", "end with the events of then" },
    { 'f', "filter", "KEY=VALUE",
      "only those: event=die, container=NAME, type=container, image=NAME" },
    { HX_OPT_JSON, "json", NULL, "print each as a line of JSON" },
    { 0 },
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
    (void)signum;
    interrupted = 1;
}

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct events *events = opaque;
    int64_t now_ms = hx_clock_unix_ms();

    switch (key) {
    case SINCE:
        events->all = true;
        return hx_time_parse_point("--since", value, now_ms,
                                   &events->choice.since_ms, err);
    case UNTIL:
        /* As docker: alone it begins with the oldest that is kept. */
        events->all = true;
        return hx_time_parse_point("--until", value, now_ms,
                                   &events->choice.until_ms, err);
    case 'f':
        return hx_event_filter_add(&events->choice, value, err);
    default:
        events->json = true;
        return 0;
    }
}

/* What another program has put into the journal is no event of ours. */
static void print_event(const struct events *events, const char *line)
{
    _cleanup_json_ json_t *event = NULL;
    char *text;

    if (hx_json_parse(line, strlen(line), "event", &event, NULL) < 0 ||
        !hx_event_wanted(&events->choice, event))
        return;
    text = events->json ? json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII)
                        : hx_event_text(event);
    if (text)
        hx_print_line(stdout, text);
    free(text);
}

/* -1: for ever; 0: --until has come. */
static int left_ms(const struct events *events)
{
    int64_t left = events->choice.until_ms - hx_clock_unix_ms();

    if (events->choice.until_ms == 0)
        return -1;
    if (left <= 0)
        return 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

/* SIGINT and SIGTERM are blocked but in ppoll(), so that none comes unseen. */
static int follow(const struct events *events, struct hx_event_log *log,
                  struct hx_err *err)
{
    struct pollfd pfd = { .fd = hx_event_log_fd(log), .events = POLLIN };
    const char *line;
    sigset_t none;

    sigemptyset(&none);
    for (;;) {
        int left = left_ms(events);
        struct timespec ts = { left / 1000, left % 1000 * 1000000L };
        int r;

        while (!interrupted && (line = hx_event_log_next(log)))
            print_event(events, line);
        r = hx_finish_output(err);
        if (r < 0 || interrupted || left == 0)
            return r;
        if (ppoll(&pfd, 1, left < 0 ? NULL : &ts, &none) < 0 && errno != EINTR)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "waiting for events");
    }
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int events_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    struct hx_event_log *log = NULL;
    struct events events = { 0 };
    struct hx_err err = { 0 };
    int first =
        hx_options_parse(command, argc, argv, set_option, &events, &err);
    int r;

    if (first <= 0) {
        hx_strv_free(&events.choice.filters);
        return hx_options_status(command, first, &err);
    }
    r = hx_session_host(&host, &err);
    if (r == 0)
        r = hx_event_log_open(host, events.all || left_ms(&events) == 0, &log,
                              &err);
    if (r == 0) {
        catch_signals();
        r = follow(&events, log, &err);
    }
    hx_event_log_close(log);
    hx_strv_free(&events.choice.filters);
    return r < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_events = {
    .name = "events",
    .operands = "",
    .summary = "Print what happens to pods, as it happens",
    .details = "Goes on until it is interrupted, or until --until.",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = events_main,
};
