/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_boot_id hx_pod_start_for */
/*
 * Restart policies: the decision as a table, what is recorded at an end, and
 * the restarter with a pretended start.
 */
#include "domain-builder/pod-restart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/boot-id.h"
#include "domain-builder/host.h"
#include "domain-builder/pod-life.h"
#include "domain-builder/pod-spec.h"
#include "domain-builder/pod-start.h"
#include "domain-builder/restart-plan.h"
#include "image/base/clock.h"
#include "image/base/file.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

/* -- the decision ------------------------------------------------------------
 */

#define NO      HX_RESTART_NO
#define FAILURE HX_RESTART_ON_FAILURE
#define ALWAYS  HX_RESTART_ALWAYS
#define UNLESS  HX_RESTART_UNLESS_STOPPED

struct row {
    const char *name;
    struct hx_restart_facts facts;
    int delay_ms;
};

static const struct row rows[] = {
    { "no policy", { .policy = NO, .end = HX_END_EXIT, .exit_code = 1 }, -1 },
    { "well, on-failure", { .policy = FAILURE, .end = HX_END_EXIT }, -1 },
    { "badly, on-failure",
      { .policy = FAILURE, .end = HX_END_EXIT, .exit_code = 1 },
      100 },
    { "the last try",
      { .policy = FAILURE,
        .max = 3,
        .count = 2,
        .end = HX_END_EXIT,
        .exit_code = 1 },
      100 },
    { "no more tries",
      { .policy = FAILURE,
        .max = 3,
        .count = 3,
        .end = HX_END_EXIT,
        .exit_code = 1 },
      -1 },
    { "panic",
      { .policy = FAILURE, .end = HX_END_CRASH, .exit_code = 125 },
      100 },
    { "xl destroy",
      { .policy = FAILURE, .end = HX_END_DESTROYED, .exit_code = 137 },
      100 },
    { "well, always", { .policy = ALWAYS, .end = HX_END_EXIT }, 100 },
    { "well, unless-stopped", { .policy = UNLESS, .end = HX_END_EXIT }, 100 },
    { "stopped, always",
      { .policy = ALWAYS, .end = HX_END_EXIT, .stopper = HX_STOPPER_USER },
      -1 },
    { "dom0 goes down",
      { .policy = ALWAYS, .end = HX_END_SHUTDOWN, .stopper = HX_STOPPER_HOST },
      -1 },
    { "dom0 was rebooted",
      { .policy = ALWAYS,
        .end = HX_END_LOST,
        .exit_code = 255,
        .rebooted = true },
      -1 },
    { "seen by nobody",
      { .policy = ALWAYS, .end = HX_END_LOST, .exit_code = 255 },
      100 },
    { "never started",
      { .policy = ALWAYS, .end = HX_END_FAILED, .exit_code = 127 },
      -1 },
    { "destroyed by us", { .policy = ALWAYS, .end = HX_END_KILLED }, -1 },
    { "the second",
      { .policy = ALWAYS, .end = HX_END_EXIT, .delay_ms = 100 },
      200 },
    { "the tenth",
      { .policy = ALWAYS, .end = HX_END_EXIT, .delay_ms = 51200 },
      60000 },
    { "the hundredth",
      { .policy = ALWAYS, .end = HX_END_EXIT, .delay_ms = 60000 },
      60000 },
    { "ran for a while",
      { .policy = ALWAYS,
        .end = HX_END_EXIT,
        .delay_ms = 60000,
        .ran_ms = 10000 },
      100 },
    { "ran not quite so long",
      { .policy = ALWAYS, .end = HX_END_EXIT, .delay_ms = 400, .ran_ms = 9999 },
      800 },
};

static void whether_and_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("    %s\n", rows[i].name);
        assert_int_equal(hx_restart_delay(&rows[i].facts), rows[i].delay_ms);
    }
}

static void who_comes_back_with_dom0(void **state)
{
    static const enum hx_pod_stopper nobody = HX_STOPPER_NONE,
                                     user = HX_STOPPER_USER,
                                     host = HX_STOPPER_HOST;

    (void)state;
    assert_true(hx_restart_with_host(ALWAYS, nobody));
    assert_true(hx_restart_with_host(ALWAYS, user));
    assert_true(hx_restart_with_host(UNLESS, nobody));
    assert_true(hx_restart_with_host(UNLESS, host));
    assert_false(hx_restart_with_host(UNLESS, user));
    assert_false(hx_restart_with_host(FAILURE, nobody));
    assert_false(hx_restart_with_host(NO, host));
}

/* -- recording and restarting -------------------------------------------------
 */

static struct scene {
    struct pod_fixture *fixture;
    struct hx_host *host;
    struct hx_pod_dir dir;
    const char *boot_id;
    int starts;
    int fails; /* so many starts do */
} scene;

void __wrap_hx_boot_id(char id_r[HX_BOOT_ID_TEXT]);
void __wrap_hx_boot_id(char id_r[HX_BOOT_ID_TEXT])
{
    snprintf(id_r, HX_BOOT_ID_TEXT, "%s", scene.boot_id);
}

static struct hx_pod loaded(void)
{
    struct hx_pod pod;

    assert_int_equal(hx_pod_dir_load(&scene.dir, &pod, NULL), 0);
    return pod;
}

static void save(struct hx_pod *pod)
{
    assert_int_equal(hx_pod_dir_lock(&scene.dir, 1000, NULL), 0);
    assert_int_equal(hx_pod_dir_save(&scene.dir, pod, NULL), 0);
    hx_pod_dir_unlock(&scene.dir);
    hx_pod_release(pod);
}

int __wrap_hx_pod_start_for(struct hx_host *host, const char *uuid,
                            enum hx_start_why why, struct hx_pod *pod_r,
                            struct hx_err *err);
int __wrap_hx_pod_start_for(struct hx_host *host, const char *uuid,
                            enum hx_start_why why, struct hx_pod *pod_r,
                            struct hx_err *err)
{
    struct hx_pod pod;

    (void)host;
    (void)pod_r;
    assert_string_equal(uuid, scene.dir.uuid);
    assert_int_equal(why, HX_START_POLICY);
    scene.starts++;
    if (scene.fails-- > 0)
        return hx_err_set(err, HX_ERR_NO_MEMORY, "building: no");
    pod = loaded();
    pod.restart_count++;
    assert_int_equal(hx_pod_note_start(&pod, NULL), 0);
    save(&pod);
    return 0;
}

static int setup(void **state)
{
    struct hx_host_options options = { 0 };
    struct hx_pod pod;

    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.boot_id = "this boot";
    pod_fixture_setup((void **)&scene.fixture);
    options.state_dir = scene.fixture->lib;
    options.run_dir = scene.fixture->run;
    assert_int_equal(hx_host_open(&options, &scene.host, NULL), 0);
    scene.fixture->spec.restart = HX_RESTART_ON_FAILURE;
    scene.fixture->spec.restart_max = 2;
    pod_fixture_make(scene.fixture, "web", HX_POD_RUNNING, &scene.dir);
    pod = loaded();
    assert_int_equal(hx_pod_note_start(&pod, NULL), 0);
    pod.started_at_ms = hx_clock_unix_ms();
    save(&pod);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_host_close(scene.host);
    hx_pod_dir_release(&scene.dir);
    pod_fixture_teardown((void **)&scene.fixture);
    return 0;
}

/* It ends by itself, or because `stopper` has asked. */
static void end(int exit_code, enum hx_pod_stopper stopper)
{
    struct hx_pod pod = loaded();

    pod.state = HX_POD_EXITED;
    pod.end = HX_END_EXIT;
    pod.exit_code = exit_code;
    pod.stopper = stopper;
    assert_int_equal(hx_pod_dir_lock(&scene.dir, 0, NULL), 0);
    assert_int_equal(
        hx_pod_note_end(&scene.fixture->dirs, &scene.dir, &pod, NULL), 0);
    hx_pod_dir_unlock(&scene.dir);
    hx_pod_release(&pod);
}

static int restart(void)
{
    struct hx_err err = { 0 };

    return hx_pod_restart_by_policy(scene.host, scene.dir.uuid, &err);
}

static void an_end_says_when_it_starts_again(void **state)
{
    struct hx_pod pod;

    (void)state;
    end(1, HX_STOPPER_NONE);
    pod = loaded();
    assert_true(hx_pod_restarting(&pod));
    assert_int_equal(pod.restart_at_ms, pod.finished_at_ms + 100);
    hx_pod_release(&pod);
}

static void one_that_dom0_has_stopped_says_so(void **state)
{
    struct hx_pod pod;

    (void)state;
    end(143, HX_STOPPER_HOST);
    pod = loaded();
    assert_int_equal(pod.end, HX_END_SHUTDOWN);
    assert_int_equal(pod.exit_code, 143);
    assert_false(hx_pod_restarting(&pod));
    hx_pod_release(&pod);
}

static void it_is_started_when_its_time_has_come(void **state)
{
    struct hx_pod pod;

    (void)state;
    end(1, HX_STOPPER_NONE);
    assert_int_equal(restart(), 0);
    assert_int_equal(scene.starts, 1);
    pod = loaded();
    assert_int_equal(pod.state, HX_POD_RUNNING);
    assert_int_equal(pod.restart_count, 1);
    assert_true(hx_clock_unix_ms() >= pod.finished_at_ms);
    hx_pod_release(&pod);
    /* Twice is the most. */
    end(1, HX_STOPPER_NONE);
    assert_int_equal(restart(), 0);
    end(1, HX_STOPPER_NONE);
    assert_int_equal(restart(), 0);
    assert_int_equal(scene.starts, 2);
}

static void one_that_was_stopped_is_not(void **state)
{
    (void)state;
    end(1, HX_STOPPER_USER);
    assert_int_equal(restart(), 0);
    assert_int_equal(scene.starts, 0);
}

static void a_start_that_fails_counts_and_is_tried_again(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fails = 1;
    end(1, HX_STOPPER_NONE);
    assert_int_equal(restart(), 0);
    assert_int_equal(scene.starts, 2);
    pod = loaded();
    assert_int_equal(pod.restart_count, 2);
    hx_pod_release(&pod);
}

static void and_is_given_up_after_the_last(void **state)
{
    struct hx_pod pod;

    (void)state;
    scene.fails = 100;
    end(1, HX_STOPPER_NONE);
    assert_int_equal(restart(), 0);
    assert_int_equal(scene.starts, 2);
    pod = loaded();
    assert_int_equal(pod.state, HX_POD_EXITED);
    assert_int_equal(pod.exit_code, 1);
    assert_false(hx_pod_restarting(&pod));
    assert_non_null(strstr(pod.message, "building: no"));
    hx_pod_release(&pod);
}

static void a_stop_ends_the_wait(void **state)
{
    struct hx_pod pod;
    pid_t child;
    int status;

    (void)state;
    end(1, HX_STOPPER_NONE);
    pod = loaded();
    pod.restart_at_ms = hx_clock_unix_ms() + 50000;
    save(&pod);
    child = fork();
    if (child == 0)
        _exit(restart() == 0 && scene.starts == 0 ? 0 : 1);
    while (!hx_pod_restarter_lives(&scene.dir))
        usleep(1000);
    pod = loaded();
    pod.restart_at_ms = 0;
    save(&pod);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(hx_pod_restarter_lives(&scene.dir));
}

static void policies_are_kept(void **state)
{
    struct hx_pod pod = loaded();

    (void)state;
    assert_int_equal(pod.spec.restart, HX_RESTART_ON_FAILURE);
    assert_int_equal(pod.spec.restart_max, 2);
    hx_pod_release(&pod);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whether_and_when),
        cmocka_unit_test(who_comes_back_with_dom0),
        SCENE(an_end_says_when_it_starts_again),
        SCENE(one_that_dom0_has_stopped_says_so),
        SCENE(it_is_started_when_its_time_has_come),
        SCENE(one_that_was_stopped_is_not),
        SCENE(a_start_that_fails_counts_and_is_tried_again),
        SCENE(and_is_given_up_after_the_last),
        SCENE(a_stop_ends_the_wait),
        SCENE(policies_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
