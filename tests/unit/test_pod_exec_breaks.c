/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions whose connection, monitor or pod ends before they do. */
/* wrap: hx_clock_monotonic_ms */
#include "domain-builder/pod-exec.h"

#include <string.h>
#include <unistd.h>

#include "tests/unit/exec_fixture.h"
#include "tests/unit/unit.h"

/* What was sent and not taken when a connection ends is sent again. */
static void test_input_not_taken_is_sent_again(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args,
                                       .with_stdin = true };
    struct exec_scene *s = *state;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct exec_guest){ .output = NEVER,
                                    .hang_up = 6,
                                    .takes_late = true };
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 200000, &drain, &err), 0);
    assert_int_equal(s->guest.in_got, 200000);
    assert_int_equal(s->guest.wrong_bytes, 0);
    assert_int_equal(drain.got, 200000);
}

static void test_a_pod_that_has_ended(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_scene *s = *state;
    struct hx_err err = { 0 };
    struct hx_exec *exec;

    s->dead = "the pod web does not run: it has ended";
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_STATE);
    assert_string_equal(err.msg, s->dead);
    assert_int_equal(s->tended, 1);
}

struct ending {
    struct exec_scene *scene;
    int pipe[2];
};

/* The monitor and its pod end amidst the session. */
static bool end_pod(void *opaque, struct hx_exec *exec)
{
    struct ending *e = opaque;
    char byte;

    (void)exec;
    assert_int_equal(read(e->pipe[0], &byte, 1), 1);
    e->scene->dead = "the pod web does not run: destroyed";
    exec_stop_listening(e->scene);
    return true;
}

static void test_a_pod_that_ends_is_no_success(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_scene *s = *state;
    struct ending ending = { .scene = s };
    struct hx_exec_io io = {
        .in = -1, .out = -1, .err = -1, .woken = end_pod, .opaque = &ending
    };
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int status = 77;

    s->guest = (struct exec_guest){ .output = NEVER };
    assert_int_equal(pipe(ending.pipe), 0);
    io.wake = ending.pipe[0];
    assert_int_equal(write(ending.pipe[1], "x", 1), 1);
    exec_listen(s);
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), 0);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), -HX_ERR_STATE);
    assert_string_equal(err.msg, s->dead);
    assert_int_equal(status, 77);
    hx_exec_free(exec);
    close(ending.pipe[0]);
    close(ending.pipe[1]);
}

static void test_a_forgotten_session_is_no_success(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_scene *s = *state;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest =
        (struct exec_guest){ .output = MIB, .hang_up = 5, .forgets = true };
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_string_equal(err.msg, "asking the guest of the pod web: not here");
}

static void test_a_resume_without_an_answer(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_scene *s = *state;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct exec_guest){ .output = MIB, .hang_up = 5, .mute = true };
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_non_null(strstr(err.msg, "it has not answered for 30 s"));
}

/* One that hangs up before anything is heard, again and again. */
static void test_a_monitor_that_hangs_up(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_scene *s = *state;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest.deaf = true;
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), -HX_ERR_GUEST);
    assert_non_null(strstr(err.msg, "it hangs up"));
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, exec_setup, exec_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_input_not_taken_is_sent_again),
        TEST(test_a_pod_that_has_ended),
        TEST(test_a_pod_that_ends_is_no_success),
        TEST(test_a_forgotten_session_is_no_success),
        TEST(test_a_resume_without_an_answer),
        TEST(test_a_monitor_that_hangs_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
