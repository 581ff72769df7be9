/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_domains_get hx_pod_undo hx_pod_spawn_monitor hx_xen_store */
/* wrap: hx_xen_report_read hx_monitor_pid hx_monitor_watch */
/*
 * What is done about a pod: the decision as a table, and the doing with a
 * pretended Xen below it.
 */
#include "domain-builder/pod-reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/reconcile-plan.h"
#include "tests/unit/unit.h"
#include "tests/unit/xen_fixture.h"

/* -- the decision ------------------------------------------------------------
 */

#define ADOPTS true

struct row {
    const char *name;
    enum hx_pod_state state;
    enum hx_domain_fate fate;
    bool monitored, may_adopt, reaped, auto_remove;
    enum hx_reconcile_action action;
};

static const struct row rows[] = {
    { "creator died early", HX_POD_CREATING, HX_DOMAIN_GONE, false, ADOPTS,
      false, false, HX_RECONCILE_UNDO },
    { "creator died late", HX_POD_CREATING, HX_DOMAIN_ALIVE, true, ADOPTS,
      false, false, HX_RECONCILE_UNDO },
    { "well", HX_POD_RUNNING, HX_DOMAIN_ALIVE, true, ADOPTS, false, false,
      HX_RECONCILE_NOTHING },
    { "monitor died", HX_POD_RUNNING, HX_DOMAIN_ALIVE, false, ADOPTS, false,
      false, HX_RECONCILE_ADOPT },
    { "monitor died, none may be started", HX_POD_RUNNING, HX_DOMAIN_ALIVE,
      false, false, false, false, HX_RECONCILE_NOTHING },
    { "ended, its monitor is at it", HX_POD_RUNNING, HX_DOMAIN_ENDED, true,
      ADOPTS, false, false, HX_RECONCILE_NOTHING },
    { "gone, its monitor is at it", HX_POD_RUNNING, HX_DOMAIN_GONE, true,
      ADOPTS, false, false, HX_RECONCILE_NOTHING },
    { "ended unseen", HX_POD_RUNNING, HX_DOMAIN_ENDED, false, ADOPTS, false,
      false, HX_RECONCILE_ADOPT },
    { "crashed unseen", HX_POD_RUNNING, HX_DOMAIN_CRASHED, false, ADOPTS, false,
      false, HX_RECONCILE_ADOPT },
    { "ended, no monitor to be had", HX_POD_RUNNING, HX_DOMAIN_ENDED, false,
      false, false, false, HX_RECONCILE_END },
    { "being destroyed unseen", HX_POD_RUNNING, HX_DOMAIN_DYING, false, ADOPTS,
      false, false, HX_RECONCILE_END },
    { "dom0 rebooted", HX_POD_RUNNING, HX_DOMAIN_GONE, false, ADOPTS, false,
      false, HX_RECONCILE_END },
    { "reaper died", HX_POD_EXITED, HX_DOMAIN_ENDED, false, ADOPTS, false,
      false, HX_RECONCILE_REAP },
    { "reaper died late", HX_POD_EXITED, HX_DOMAIN_GONE, false, ADOPTS, false,
      true, HX_RECONCILE_REAP },
    { "ended", HX_POD_EXITED, HX_DOMAIN_GONE, false, ADOPTS, true, false,
      HX_RECONCILE_NOTHING },
    { "ended, --rm", HX_POD_EXITED, HX_DOMAIN_GONE, false, ADOPTS, true, true,
      HX_RECONCILE_REMOVE },
};

static void what_is_to_be_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct hx_reconcile_facts facts = {
            .state = rows[i].state,
            .fate = rows[i].fate,
            .monitored = rows[i].monitored,
            .may_adopt = rows[i].may_adopt,
            .reaped = rows[i].reaped,
            .auto_remove = rows[i].auto_remove,
        };

        print_message("    %s\n", rows[i].name);
        assert_int_equal(hx_reconcile_decide(&facts), rows[i].action);
    }
}

/* -- doing it ----------------------------------------------------------------
 */

int __wrap_hx_monitor_watch(const struct hx_pod_dir *dir);
int __wrap_hx_monitor_watch(const struct hx_pod_dir *dir)
{
    (void)dir;
    return -1;
}

static void ended_as(enum hx_pod_end end, int exit_code, bool reaped)
{
    struct hx_pod pod = xen_fixture_recorded();

    assert_int_equal(pod.state, HX_POD_EXITED);
    assert_int_equal(pod.end, end);
    assert_int_equal(pod.exit_code, exit_code);
    assert_int_equal(pod.reaped, reaped);
    assert_true(pod.finished_at_ms > 0);
    hx_pod_release(&pod);
}

static bool is_there(void)
{
    return access(xen.dir.path, F_OK) == 0;
}

static void reconcile_all(int expected)
{
    struct hx_err err = { 0 };

    assert_int_equal(hx_pod_reconcile(xen.host, NULL, &err), expected);
}

static void a_dead_creators_pod_is_undone(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_CREATING, HX_DOMAIN_ALIVE);
    reconcile_all(0);
    assert_int_equal(xen.undone, 1);
    assert_false(is_there());
}

static void a_living_creators_pod_is_left_alone(void **state)
{
    struct hx_pod_dir creator;
    struct hx_err err = { 0 };

    (void)state;
    xen_fixture_make(HX_POD_CREATING, HX_DOMAIN_ALIVE);
    assert_int_equal(
        hx_pod_dir_open(&xen.fixture->dirs, xen.dir.uuid, &creator, &err), 0);
    assert_int_equal(hx_pod_dir_lock(&creator, 0, &err), 0);
    reconcile_all(0);
    assert_int_equal(xen.undone, 0);
    assert_true(is_there());
    hx_pod_dir_release(&creator);
}

static void a_pod_without_monitor_gets_one(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ALIVE);
    reconcile_all(0);
    assert_int_equal(xen.spawned, 1);
    reconcile_all(0);
    assert_int_equal(xen.spawned, 1);
}

static void a_monitor_that_cannot_be_started_is_told(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ALIVE);
    xen.spawn_fails = true;
    reconcile_all(-HX_ERR_SYSTEM);
    assert_int_equal(xen.undone, 0);
}

/* What a real one does: see monitor/main.c. */
static void record_and_reap(void)
{
    struct hx_err err = { 0 };
    struct hx_pod pod = xen_fixture_recorded();

    pod.state = HX_POD_EXITED;
    pod.end = HX_END_EXIT;
    pod.exit_code = 9;
    pod.finished_at_ms = 1;
    pod.reaped = true;
    assert_int_equal(hx_pod_dir_lock(&xen.dir, 0, &err), 0);
    assert_int_equal(hx_pod_dir_save(&xen.dir, &pod, &err), 0);
    hx_pod_dir_unlock(&xen.dir);
    hx_pod_release(&pod);
    xen.fate = HX_DOMAIN_GONE;
}

static void an_end_unseen_is_a_new_monitors(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ENDED);
    xen.monitor_does = record_and_reap;
    reconcile_all(0);
    assert_int_equal(xen.spawned, 1);
    assert_int_equal(xen.undone, 0);
    ended_as(HX_END_EXIT, 9, true);
}

static void without_any_monitor_the_end_is_read_here(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ENDED);
    xen.spawn_fails = true;
    xen.exit_code = "42";
    reconcile_all(0);
    assert_int_equal(xen.undone, 1);
    ended_as(HX_END_EXIT, 42, true);
}

static void after_a_reboot_pods_are_lost(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_GONE);
    reconcile_all(0);
    assert_int_equal(xen.spawned, 0);
    assert_int_equal(xen.undone, 1);
    ended_as(HX_END_LOST, 255, true);
}

static void what_cannot_be_given_back_is_tried_again(void **state)
{
    (void)state;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_GONE);
    xen.undo_fails = true;
    reconcile_all(-HX_ERR_XEN);
    ended_as(HX_END_LOST, 255, false);
    xen.undo_fails = false;
    reconcile_all(0);
    ended_as(HX_END_LOST, 255, true);
    assert_int_equal(xen.undone, 1);
}

static void an_rm_pod_vanishes(void **state)
{
    (void)state;
    xen.fixture->spec.auto_remove = true;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_GONE);
    reconcile_all(0);
    assert_false(is_there());
}

static void but_not_while_it_is_held(void **state)
{
    struct hx_pod holder = { 0 };
    struct hx_err err = { 0 };

    (void)state;
    xen.fixture->spec.auto_remove = true;
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_GONE);
    assert_int_equal(hx_pod_dir_hold(&xen.dir, &holder, &err), 0);
    reconcile_all(0);
    assert_true(is_there());
    ended_as(HX_END_LOST, 255, true);
    hx_pod_release(&holder);
    assert_int_equal(hx_pod_reconcile(xen.host, xen.dir.uuid, &err), 0);
    assert_false(is_there());
    assert_int_equal(hx_pod_reconcile(xen.host, xen.dir.uuid, &err), 0);
}

static void the_reaper_reaps_what_the_monitor_recorded(void **state)
{
    static const struct hx_reconcile_options reaper = { .lock_timeout_ms = -1 };
    struct hx_err err = { 0 };

    (void)state;
    xen_fixture_make(HX_POD_EXITED, HX_DOMAIN_ENDED);
    xen.monitor = getpid();
    assert_int_equal(
        hx_pod_reconcile_one(xen.host, xen.dir.uuid, &reaper, &err), 0);
    assert_int_equal(xen.undone, 1);
    assert_int_equal(xen.spawned, 0);
}

static void one_that_cannot_be_helped_keeps_no_other_from_help(void **state)
{
    struct hx_err err = { 0 };
    struct hx_pod_dir other;
    char path[200];

    (void)state;
    pod_fixture_make(xen.fixture, "broken", HX_POD_RUNNING, &other);
    snprintf(path, sizeof(path), "%s/pod.json", other.path);
    assert_int_equal(truncate(path, 3), 0);
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_GONE);
    reconcile_all(0);
    ended_as(HX_END_LOST, 255, true);
    assert_int_equal(access(other.path, F_OK), 0);
    assert_int_equal(hx_pod_reconcile(xen.host, other.uuid, &err),
                     -HX_ERR_CORRUPT);
    hx_pod_dir_release(&other);
}

#define SCENE(test)                                                            \
    cmocka_unit_test_setup_teardown(test, xen_fixture_setup,                   \
                                    xen_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_to_be_done),
        SCENE(a_dead_creators_pod_is_undone),
        SCENE(a_living_creators_pod_is_left_alone),
        SCENE(a_pod_without_monitor_gets_one),
        SCENE(a_monitor_that_cannot_be_started_is_told),
        SCENE(an_end_unseen_is_a_new_monitors),
        SCENE(without_any_monitor_the_end_is_read_here),
        SCENE(after_a_reboot_pods_are_lost),
        SCENE(what_cannot_be_given_back_is_tried_again),
        SCENE(an_rm_pod_vanishes),
        SCENE(but_not_while_it_is_held),
        SCENE(the_reaper_reaps_what_the_monitor_recorded),
        SCENE(one_that_cannot_be_helped_keeps_no_other_from_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
