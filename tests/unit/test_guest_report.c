/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dom0 believes of a guest's words, and how a pod ended. */
#include "domain-builder/guest-report.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static bool take(struct hx_guest_report *report, const char *key,
                 const char *value)
{
    return hx_guest_report_take(report, key, value, strlen(value));
}

static void values_of_the_contract_are_taken(void **state)
{
    struct hx_guest_report report;

    (void)state;
    hx_guest_report_init(&report);
    assert_true(take(&report, "state", "running"));
    assert_int_equal(report.state, HX_GUEST_RUNNING);
    assert_true(take(&report, "exit/0", "0"));
    assert_true(take(&report, "exit/15", "255"));
    assert_int_equal(report.exit_code[0], 0);
    assert_int_equal(report.exit_code[15], 255);
    assert_int_equal(report.exit_code[1], -1);
    assert_true(take(&report, "stages", "init 12\nexec 999999999999999\n"));
    assert_int_equal(report.stage_count, 2);
    assert_string_equal(report.stages[1].name, "exec");
    assert_int_equal(report.stages[1].us, 999999999999999);
    assert_true(take(&report, "stages", "init 12\nmounts 13\nexec 15\n"));
    assert_int_equal(report.stage_count, 3);
    assert_true(take(&report, "error", "no such file"));
    assert_string_equal(report.error, "no such file");
}

static void everything_else_is_as_if_it_were_not_there(void **state)
{
    static const struct {
        const char *key, *value;
    } cases[] = {
        { "state", "" },
        { "state", "Running" },
        { "state", "running " },
        { "state", "runningrunning" },
        { "exit/0", "" },
        { "exit/0", "256" },
        { "exit/0", "-1" },
        { "exit/0", "+1" },
        { "exit/0", "01" },
        { "exit/0", "1 " },
        { "exit/0", "0x1" },
        { "exit/0", "99999999999999999999" },
        { "exit/16", "0" },
        { "exit/", "0" },
        { "exit/00", "0" },
        { "exit/-1", "0" },
        { "exit/../x", "0" },
        { "exit", "0" },
        { "stages", "init" },
        { "stages", "init x" },
        { "stages", "init 1\n\n" },
        { "stages", "boot 1\n" },
        { "stages", "init 1\ninit 2\n" },
        { "stages", " 1\n" },
        { "stages", "init 1000000000000000\n" },
        { "stages", "initinitinitinitinitinit 1\n" },
        { "hax", "1" },
        { "", "" },
    };
    struct hx_guest_report fresh, report;

    (void)state;
    hx_guest_report_init(&fresh);
    hx_guest_report_init(&report);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(take(&report, cases[i].key, cases[i].value));
        assert_memory_equal(&report, &fresh, sizeof(report));
    }
    assert_false(hx_guest_report_take(&report, "state", "running\0", 8));
    assert_false(hx_guest_report_take(&report, "error", "a\0b", 3));
    assert_memory_equal(&report, &fresh, sizeof(report));
}

static void an_error_moves_no_cursor_and_has_an_end(void **state)
{
    struct hx_guest_report report;
    char longer[HX_ABI_VALUE_MAX + 1];

    (void)state;
    hx_guest_report_init(&report);
    assert_true(take(&report, "error", "\033]0;pwned\007\nroot# \302\233x"));
    assert_null(strchr(report.error, '\033'));
    assert_null(strchr(report.error, '\n'));
    assert_null(strchr(report.error, '\007'));
    memset(longer, 'x', sizeof(longer));
    assert_true(
        hx_guest_report_take(&report, "error", longer, HX_ABI_VALUE_MAX));
    assert_int_equal(strlen(report.error), sizeof(report.error) - 1);
    report.error[0] = '\0';
    assert_false(
        hx_guest_report_take(&report, "error", longer, HX_ABI_VALUE_MAX + 1));
    assert_string_equal(report.error, "");
}

static void an_error_cut_within_a_character_stays_utf8(void **state)
{
    struct hx_guest_report report;
    char text[1024];

    (void)state;
    hx_guest_report_init(&report);
    memset(text, 'x', sizeof(report.error) - 2);
    strcpy(text + sizeof(report.error) - 2, "\303\274!");
    assert_true(take(&report, "error", text));
    assert_string_equal(report.error + sizeof(report.error) - 2, "?");
}

struct row {
    const char *name;
    const char *state, *exit0, *exit1, *error;
    enum hx_domain_fate fate;
    bool witnessed;
    const char *panic;
    size_t containers;
    enum hx_pod_end end;
    int exit_code;
    const char *message; /* part of it */
};

static const struct row ends[] = {
    { "exit 0", "exited", "0", NULL, NULL, HX_DOMAIN_ENDED, true, NULL, 1,
      HX_END_EXIT, 0, NULL },
    { "exit 42", "exited", "42", NULL, NULL, HX_DOMAIN_ENDED, true, NULL, 1,
      HX_END_EXIT, 42, NULL },
    { "exit 42, nobody watched", "exited", "42", NULL, NULL, HX_DOMAIN_ENDED,
      false, NULL, 1, HX_END_EXIT, 42, NULL },
    { "killed by a signal", "exited", "137", NULL, NULL, HX_DOMAIN_ENDED, true,
      NULL, 1, HX_END_EXIT, 137, NULL },
    { "out of memory", "exited", "137", NULL, "web: out of memory",
      HX_DOMAIN_ENDED, true, NULL, 1, HX_END_EXIT, 137, "out of memory" },
    { "the process's own 127", "exited", "127", NULL, NULL, HX_DOMAIN_ENDED,
      true, NULL, 1, HX_END_EXIT, 127, NULL },
    { "not found", "exited", "127", NULL, "x: not found", HX_DOMAIN_ENDED, true,
      NULL, 1, HX_END_FAILED, 127, "not found" },
    { "a word beside another code", "exited", "3", NULL, "hm", HX_DOMAIN_ENDED,
      true, NULL, 1, HX_END_EXIT, 3, NULL },
    { "failed", "failed", NULL, NULL, "no root disk", HX_DOMAIN_ENDED, true,
      NULL, 1, HX_END_FAILED, 125, "no root disk" },
    { "failed, code 0 is a lie", "failed", "0", NULL, "x", HX_DOMAIN_ENDED,
      true, NULL, 1, HX_END_FAILED, 125, "x" },
    { "failed 126", "failed", "126", NULL, "x", HX_DOMAIN_ENDED, true, NULL, 1,
      HX_END_FAILED, 126, "x" },
    { "failed without a word", "failed", NULL, NULL, NULL, HX_DOMAIN_ENDED,
      true, NULL, 1, HX_END_FAILED, 125, "no reason" },
    { "panic", "running", NULL, NULL, NULL, HX_DOMAIN_CRASHED, true,
      "Kernel panic - not syncing: x", 1, HX_END_CRASH, 125, "not syncing" },
    { "panic without memory", "running", NULL, NULL, NULL, HX_DOMAIN_CRASHED,
      true, "Kernel panic - not syncing: System is deadlocked on memory", 1,
      HX_END_CRASH, 137, "give the domain more (-m)" },
    { "panic without words", "booting", NULL, NULL, NULL, HX_DOMAIN_CRASHED,
      true, NULL, 1, HX_END_CRASH, 125, "crashed" },
    { "panic after the exit", "exited", "5", NULL, NULL, HX_DOMAIN_CRASHED,
      true, "Kernel panic", 1, HX_END_EXIT, 5, NULL },
    { "poweroff inside", "running", NULL, NULL, NULL, HX_DOMAIN_ENDED, true,
      NULL, 1, HX_END_CRASH, 125, "without reporting" },
    { "says exited, and no code", "exited", NULL, NULL, NULL, HX_DOMAIN_ENDED,
      true, NULL, 1, HX_END_CRASH, 125, "without reporting" },
    { "silent", NULL, NULL, NULL, NULL, HX_DOMAIN_ENDED, true, NULL, 1,
      HX_END_CRASH, 125, "without reporting" },
    { "xl destroy", "running", NULL, NULL, NULL, HX_DOMAIN_GONE, true, NULL, 1,
      HX_END_DESTROYED, 137, "destroyed" },
    { "xl destroy, seen late", "running", NULL, NULL, NULL, HX_DOMAIN_DYING,
      false, NULL, 1, HX_END_DESTROYED, 137, "destroyed" },
    { "xl destroy after the exit", "exited", "7", NULL, NULL, HX_DOMAIN_GONE,
      true, NULL, 1, HX_END_EXIT, 7, NULL },
    { "dom0 rebooted", NULL, NULL, NULL, NULL, HX_DOMAIN_GONE, false, NULL, 1,
      HX_END_LOST, 255, "gone" },
    { "two, both well", "exited", "0", "0", NULL, HX_DOMAIN_ENDED, true, NULL,
      2, HX_END_EXIT, 0, NULL },
    { "two, the second not", "exited", "0", "9", NULL, HX_DOMAIN_ENDED, true,
      NULL, 2, HX_END_EXIT, 9, NULL },
    { "two, one unknown", "exited", "0", NULL, NULL, HX_DOMAIN_ENDED, true,
      NULL, 2, HX_END_CRASH, 125, "without reporting" },
    { "no containers at all", "exited", "0", NULL, NULL, HX_DOMAIN_ENDED, true,
      NULL, 0, HX_END_CRASH, 125, "without reporting" },
};

static void how_it_ended(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const struct row *row = &ends[i];
        struct hx_pod pod = { .state = HX_POD_RUNNING, .exit_code = -1 };
        struct hx_guest_report report;

        print_message("    %s\n", row->name);
        pod.spec.container_count = row->containers;
        hx_guest_report_init(&report);
        if (row->state)
            take(&report, "state", row->state);
        if (row->exit0)
            take(&report, "exit/0", row->exit0);
        if (row->exit1)
            take(&report, "exit/1", row->exit1);
        if (row->error)
            take(&report, "error", row->error);
        take(&report, "stages", "init 5\nexit 9\n");
        assert_int_equal(hx_guest_report_end(&report, row->fate, row->witnessed,
                                             row->panic, &pod, NULL),
                         0);
        assert_int_equal(pod.state, HX_POD_EXITED);
        assert_int_equal(pod.end, row->end);
        assert_int_equal(pod.exit_code, row->exit_code);
        if (row->message)
            assert_non_null(strstr(pod.message, row->message));
        else
            assert_null(pod.message);
        assert_string_equal(pod.stages, "guest.init=5 guest.exit=9");
        pod.spec.container_count = 0;
        hx_pod_release(&pod);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_the_contract_are_taken),
        cmocka_unit_test(everything_else_is_as_if_it_were_not_there),
        cmocka_unit_test(an_error_moves_no_cursor_and_has_an_end),
        cmocka_unit_test(an_error_cut_within_a_character_stays_utf8),
        cmocka_unit_test(how_it_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
