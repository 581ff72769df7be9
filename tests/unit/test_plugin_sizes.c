/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, times and signals as people type and read them. */
#include <string.h>

#include "tests/unit/unit.h"
#include "xl-plugin/signals.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

static void test_sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t kib;
    } good[] = {
        { "64", 65536 },
        { "64m", 65536 },
        { "64M", 65536 },
        { "64mb", 65536 },
        { "64MiB", 65536 },
        { "1g", 1 << 20 },
        { "1.5g", 1572864 },
        { "0.5m", 512 },
        { "512k", 512 },
        { "1024b", 1 },
        { "1025b", 2 },
        { "1b", 1 },
        { "0", 0 },
        { "1t", 1 << 30 },
        { "1.000001g", 1048578 },
        { "1.0000000009k", 1 },
        { "007", 7168 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct hx_err err = { 0 };
        uint64_t kib = 99;

        assert_int_equal(hx_size_parse_kib("-m", good[i].text, &kib, &err), 0);
        assert_int_equal(kib, good[i].kib);
    }
}

static void test_bad_sizes_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "m",
        "-1",
        "+1",
        "1x",
        "1 m",
        " 1",
        "1.",
        ".5g",
        "1.g",
        "1e3",
        "0x10",
        "1mm",
        "64m ",
        "1..5",
        "1,5",
        "2000000t",
        "99999999999999999999",
        "18446744073709551616",
        "1099511627777m",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct hx_err err = { 0 };
        uint64_t kib = 99;

        assert_int_equal(hx_size_parse_kib("-m", bad[i], &kib, &err),
                         -HX_ERR_USAGE);
        assert_int_equal(kib, 99);
        assert_non_null(strstr(err.msg, "-m"));
    }
}

static void test_sizes_are_printed_as_docker_does(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0B" },
        { 999, "999B" },
        { 1000, "1kB" },
        { 4260000, "4.26MB" },
        { 187000000, "187MB" },
        { 999499, "999kB" },
        { 999500, "1MB" },
        { 1234567890, "1.23GB" },
        { UINT64_MAX, "18.4EB" },
    };
    char text[HX_SIZE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hx_size_print(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_memory_is_printed(void **state)
{
    static const struct {
        uint64_t kib;
        const char *text;
    } cases[] = {
        { 65536, "64M" },       { 65537, "65M" },        { 1 << 20, "1G" },
        { 1536 << 10, "1.5G" }, { 1023 << 10, "1023M" }, { 512, "1M" },
    };
    char text[HX_SIZE_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hx_size_print_memory(cases[i].kib, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_durations_are_dockers(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        { 0, "Less than a second" }, { 1, "1 second" },
        { 59, "59 seconds" },        { 60, "About a minute" },
        { 119, "About a minute" },   { 120, "2 minutes" },
        { 3540, "59 minutes" },      { 3600, "About an hour" },
        { 5399, "About an hour" },   { 5400, "2 hours" },
        { 47 * 3600, "47 hours" },   { 48 * 3600, "2 days" },
        { 13 * 86400, "13 days" },   { 14 * 86400, "2 weeks" },
        { 60 * 86400, "2 months" },  { 730 * 86400, "2 years" },
    };
    char text[HX_TIME_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hx_time_print_duration(cases[i].seconds * 1000, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_times_ago(void **state)
{
    char text[HX_TIME_TEXT];

    (void)state;
    hx_time_print_ago(0, 1000, text);
    assert_string_equal(text, "N/A");
    hx_time_print_ago(1000, 301000, text);
    assert_string_equal(text, "5 minutes ago");
    /* A clock that was set back. */
    hx_time_print_ago(301000, 1000, text);
    assert_string_equal(text, "Less than a second ago");
}

static void test_times_go_there_and_back(void **state)
{
    char text[HX_TIME_TEXT];

    (void)state;
    hx_time_print_rfc3339(1767225600123, text);
    assert_string_equal(text, "2026-01-01T00:00:00.123Z");
    hx_time_print_rfc3339(0, text);
    assert_string_equal(text, "0001-01-01T00:00:00Z");
    hx_time_print_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "0001-01-01T00:00:00Z");

    assert_int_equal(hx_time_parse_rfc3339("2026-01-01T00:00:00Z"),
                     1767225600000);
    assert_int_equal(hx_time_parse_rfc3339("2026-01-01T02:30:00.99+02:30"),
                     1767225600000);
    assert_int_equal(hx_time_parse_rfc3339("2025-12-31T23:00:00-01:00"),
                     1767225600000);
    assert_int_equal(hx_time_parse_rfc3339("0001-01-01T00:00:00Z"), 0);
    assert_int_equal(hx_time_parse_rfc3339("2026-01-01"), 0);
    assert_int_equal(hx_time_parse_rfc3339("2026-01-01T00:00:00"), 0);
    assert_int_equal(hx_time_parse_rfc3339(NULL), 0);
}

static void test_signals_are_read(void **state)
{
    static const struct {
        const char *text;
        int number;
    } cases[] = {
        { "TERM", 15 },      { "SIGTERM", 15 },  { "sigterm", 15 },
        { "quit", 3 },       { "9", 9 },         { "64", 64 },
        { "SIGRTMIN", 34 },  { "RTMIN+3", 37 },  { "SIGRTMAX-1", 63 },
        { "RTMAX", 64 },     { "SIGWINCH", 28 }, { "IOT", 6 },
        { "", 0 },           { "0", 0 },         { "65", 0 },
        { "-9", 0 },         { "9x", 0 },        { "SIG", 0 },
        { "SIGSIGTERM", 0 }, { "RTMIN-1", 0 },   { "RTMIN+31", 0 },
        { "RTMAX-31", 0 },   { "RTMIN+", 0 },    { "99999999999999999999", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_err err = { 0 };
        int number = 0;
        int r = hx_signal_parse("-s", cases[i].text, &number, &err);

        assert_int_equal(r, cases[i].number ? 0 : -HX_ERR_USAGE);
        assert_int_equal(number, cases[i].number);
    }
}

static void test_signals_are_named(void **state)
{
    (void)state;
    assert_string_equal(hx_signal_name(15), "SIGTERM");
    assert_string_equal(hx_signal_name(6), "SIGABRT");
    assert_string_equal(hx_signal_name(34), "SIGRTMIN");
    assert_string_equal(hx_signal_name(37), "SIGRTMIN+3");
    assert_string_equal(hx_signal_name(0), "SIG?");
    assert_string_equal(hx_signal_name(65), "SIG?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_read),
        cmocka_unit_test(test_bad_sizes_are_refused),
        cmocka_unit_test(test_sizes_are_printed_as_docker_does),
        cmocka_unit_test(test_memory_is_printed),
        cmocka_unit_test(test_durations_are_dockers),
        cmocka_unit_test(test_times_ago),
        cmocka_unit_test(test_times_go_there_and_back),
        cmocka_unit_test(test_signals_are_read),
        cmocka_unit_test(test_signals_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
