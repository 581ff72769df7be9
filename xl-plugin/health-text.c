/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/health-text.h"

#include "xl-plugin/output.h"
#include "xl-plugin/times.h"

#define NS_PER_MS 1000000

static json_t *result_json(const struct hx_health_result *result)
{
    char start[HX_TIME_TEXT], end[HX_TIME_TEXT];

    hx_time_print_ns(result->start_ns, start);
    hx_time_print_ns(result->end_ns, end);
    return json_pack("{s:s, s:s, s:i, s:o}", "Start", start, "End", end,
                     "ExitCode", result->exit_code, "Output",
                     hx_json_text(result->output ? result->output : ""));
}

json_t *hx_health_inspect(const struct hx_health_record *record, bool runs)
{
    json_t *log = json_array();

    for (size_t i = 0; log && i < record->count; i++)
        json_array_append_new(log, result_json(&record->log[i]));
    return json_pack(
        "{s:s, s:I, s:o}", "Status",
        hx_health_status_name(runs ? record->status : HX_HEALTH_UNHEALTHY),
        "FailingStreak", (json_int_t)record->streak, "Log", log);
}

json_t *hx_healthcheck_inspect(const struct hx_health_spec *health)
{
    json_t *test = json_array();

    for (char **arg = health->test; test && arg && *arg; arg++)
        json_array_append_new(test, hx_json_text(*arg));
    return json_pack("{s:o, s:I, s:I, s:I, s:I}", "Test", test, "Interval",
                     (json_int_t)health->interval_ms * NS_PER_MS, "Timeout",
                     (json_int_t)health->timeout_ms * NS_PER_MS, "StartPeriod",
                     (json_int_t)health->start_period_ms * NS_PER_MS, "Retries",
                     (json_int_t)health->retries);
}
