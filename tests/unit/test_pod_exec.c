/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions with a guest: their streams, what is asked for, and attaching. */
/* wrap: hx_clock_monotonic_ms */
#include "domain-builder/pod-exec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/exec-request.h"
#include "domain-builder/exec-stream.h"
#include "image/base/json.h"
#include "tests/unit/exec_fixture.h"
#include "tests/unit/unit.h"

static void test_streams(void **state)
{
    static const struct {
        uint64_t bytes, hang_up;
        unsigned pause_us;
        int code;
    } cases[] = {
        { 0, 0, 0, 0 },          { 1, 0, 0, 42 },       { 65536, 0, 0, 255 },
        { 65537, 0, 0, 1 },      { 20 * MIB, 0, 0, 7 }, { 0, 3, 0, 3 },
        { 3 * MIB, 5, 0, 9 },    { 3 * MIB, 17, 0, 9 }, { MIB, 0, 200, 9 },
        { MIB / 2, 11, 100, 9 },
    };
    struct exec_scene *s = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct hx_exec_spec spec = { .args = exec_true_args };
        struct exec_drain drain = { .pause_us = cases[i].pause_us };
        struct hx_err err = { 0 };

        exec_restart(s, (struct exec_guest){ .output = cases[i].bytes,
                                             .hang_up = cases[i].hang_up,
                                             .exit_code = cases[i].code });
        assert_int_equal(exec_run(s, &spec, 0, &drain, &err), cases[i].code);
        assert_int_equal(drain.got, cases[i].bytes);
        assert_int_equal(drain.wrong, 0);
        assert_int_equal(drain.starts, 1);
        assert_int_equal(s->guest.opens, 1);
        if (cases[i].hang_up > 3)
            assert_true(s->guest.resumes > 3);
    }
}

/* In, and out again: what the guest took is what was typed. */
static void test_echo(void **state)
{
    static const struct {
        uint64_t bytes, hang_up;
        unsigned pause_us;
    } cases[] = {
        { 0, 0, 0 },       { 1, 0, 0 },        { 65537, 0, 0 },
        { 8 * MIB, 0, 0 }, { 2 * MIB, 13, 0 }, { 300000, 4, 0 },
        { MIB, 0, 300 },
    };
    struct exec_scene *s = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct hx_exec_spec spec = { .args = exec_true_args,
                                           .with_stdin = true };
        struct exec_drain drain = { .pause_us = cases[i].pause_us };
        struct hx_err err = { 0 };

        exec_restart(s, (struct exec_guest){ .output = NEVER,
                                             .hang_up = cases[i].hang_up });
        assert_int_equal(exec_run(s, &spec, cases[i].bytes, &drain, &err), 0);
        assert_int_equal(s->guest.in_got, cases[i].bytes);
        assert_int_equal(s->guest.wrong_bytes, 0);
        assert_int_equal(drain.got, cases[i].bytes);
        assert_int_equal(drain.wrong, 0);
    }
}

static void test_the_request(void **state)
{
    char *const args[] = { (char *)"sh", (char *)"-c", (char *)"\"x\"", NULL };
    char *const env[] = { (char *)"A=b", NULL };
    const struct hx_exec_spec spec = { .container = 2,
                                       .args = args,
                                       .env = env,
                                       .user = "bob:staff",
                                       .cwd = "/tmp",
                                       .tty = true,
                                       .rows = 50,
                                       .columns = 132,
                                       .privileged = true };
    struct exec_scene *s = *state;
    _cleanup_json_ json_t *doc = NULL, *expected = NULL;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), 0);
    assert_true(s->guest.session >= HX_CH_SESSION_MIN);
    doc = json_loads(s->guest.request, 0, NULL);
    expected = json_pack(
        "{s:i, s:b, s:[s,s,s], s:[s], s:s, s:s, s:b, s:i, s:i, s:b, s:b, s:b}",
        "container", 2, "vm", 0, "args", "sh", "-c", "\"x\"", "env", "A=b",
        "user", "bob:staff", "cwd", "/tmp", "tty", 1, "rows", 50, "columns",
        132, "stdin", 0, "privileged", 1, "detach", 0);
    assert_non_null(expected);
    assert_true(json_equal(doc, expected));
}

/* What the guest does itself. */
static void test_services_are_asked_for(void **state)
{
    static const struct {
        struct hx_exec_spec spec;
        const char *more; /* of the request */
    } cases[] = {
        { { .get = "/etc", .follow = true },
          "{\"get\": \"/etc\", \"follow\": true}" },
        { { .put = "/etc" }, "{\"put\": \"/etc\"}" },
        { { .put = "/d", .top = "f", .keep_owner = true },
          "{\"put\": \"/d\", \"top\": \"f\", \"keep_owner\": true}" },
        { { .processes = true }, "{\"processes\": true}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ json_t *doc = NULL, *more = NULL;
        _cleanup_free_ char *text = NULL;
        struct hx_err err = { 0 };
        const char *key;
        json_t *value;

        assert_int_equal(hx_exec_request(&cases[i].spec, &text, &err), 0);
        doc = json_loads(text, 0, NULL);
        more = json_loads(cases[i].more, 0, NULL);
        assert_non_null(more);
        assert_null(json_object_get(doc, "args"));
        json_object_foreach (more, key, value)
            assert_true(json_equal(json_object_get(doc, key), value));
    }
}

static void test_a_large_request_goes_in_parts(void **state)
{
    struct exec_scene *s = *state;
    char *big = malloc(700001);
    char *const args[] = { (char *)"echo", big, NULL };
    char *const more[] = { (char *)"echo", big, big, NULL };
    struct hx_exec_spec spec = { .args = args };
    _cleanup_json_ json_t *doc = NULL;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };
    struct hx_exec *exec;

    memset(big, 'x', 700000);
    big[700000] = '\0';
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), 0);
    doc = json_loads(s->guest.request, 0, NULL);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(doc, "args"), 1)),
        big);
    spec.args = more;
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_LIMIT);
    big[3] = (char)0xff;
    spec.args = args;
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), -HX_ERR_USAGE);
    free(big);
}

static void test_a_process_that_never_ran(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args };
    struct exec_drain drain = { 0 };
    struct hx_exec_io io = { .in = -1,
                             .out = -1,
                             .err = -1,
                             .wake = -1,
                             .started = exec_count_start,
                             .opaque = &drain };
    struct exec_scene *s = *state;
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int status = 0;

    s->guest = (struct exec_guest){ .exit_code = 127,
                                    .refusal = "true: not\x1b[1m found" };
    exec_listen(s);
    assert_int_equal(hx_exec_open(&s->pod, &spec, &exec, &err), 0);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, 127);
    assert_false(hx_exec_started(exec));
    assert_int_equal(drain.starts, 0);
    assert_string_equal(hx_exec_message(exec), "true: not?[1m found");
    hx_exec_free(exec);
}

static void test_detached(void **state)
{
    const struct hx_exec_spec spec = { .args = exec_true_args,
                                       .with_stdin = true,
                                       .detach = true };
    struct exec_scene *s = *state;
    struct exec_drain drain = { 0 };
    struct hx_err err = { 0 };

    s->guest = (struct exec_guest){ .output = NEVER, .exit_code = 1 };
    exec_listen(s);
    assert_int_equal(exec_run(s, &spec, 0, &drain, &err), 0);
    assert_true(s->guest.opened);
    assert_int_equal(drain.starts, 1);
    assert_non_null(strstr(s->guest.request, "\"stdin\":false"));
}

struct typist {
    struct exec_scene *scene;
    int pipe[2], turns;
};

static bool send_controls(void *opaque, struct hx_exec *exec)
{
    struct typist *t = opaque;
    char byte;

    assert_int_equal(read(t->pipe[0], &byte, 1), 1);
    hx_exec_signal(exec, 10);
    hx_exec_resize(exec, 24, 80);
    return byte == 'x';
}

static bool until_q(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                    size_t *out_len_r)
{
    const uint8_t *q = memchr(data, 'q', len);
    struct typist *t = opaque;

    t->turns++;
    *out_len_r = q ? (size_t)(q - data) : len;
    memcpy(out, data, *out_len_r);
    return !q;
}

static void test_attach(void **state)
{
    struct exec_scene *s = *state;
    struct typist typist = { .scene = s };
    struct hx_exec_io io = { .out = -1,
                             .err = -1,
                             .woken = send_controls,
                             .typed = until_q,
                             .opaque = &typist };
    struct hx_err err = { 0 };
    struct hx_exec *exec;
    int in[2], status = 0;

    s->guest = (struct exec_guest){ .in_got = 1000, .output = 0 };
    assert_int_equal(pipe(typist.pipe), 0);
    assert_int_equal(pipe(in), 0);
    io.wake = typist.pipe[0];
    io.in = in[0];
    exec_listen(s);
    assert_int_equal(hx_exec_attach(&s->pod, 3, true, &exec, &err), 0);
    assert_int_equal(write(in[1], "abcq", 4), 4);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, HX_EXEC_LEFT);
    assert_int_equal(typist.turns, 1);
    assert_int_equal(s->guest.session, 3);
    /* Left, and what was typed goes all the same when one goes on. */
    assert_int_equal(write(typist.pipe[1], "xy", 2), 2);
    assert_int_equal(hx_exec_run(exec, &io, &status, &err), 0);
    assert_int_equal(status, HX_EXEC_LEFT);
    hx_exec_free(exec);
    exec_stop_listening(s);
    assert_int_equal(s->guest.in_got, 1003);
    assert_int_equal(s->guest.signal, 10);
    assert_int_equal(s->guest.size, 24 << 16 | 80);
    assert_int_equal(s->guest.attaches, 1);
    close(in[0]);
    close(in[1]);
    close(typist.pipe[0]);
    close(typist.pipe[1]);
}

/* Others write to a container's input, too. */
static void test_a_shared_input(void **state)
{
    static struct hx_exec_input input;
    const uint8_t *data;

    (void)state;
    assert_int_equal(hx_exec_input_taken(&input, 500), 0);
    hx_ring_add(&input.ring, (const uint8_t *)"abcdef", 6);
    input.sent += 3;
    hx_exec_input_shared(&input, 502);
    assert_int_equal(hx_exec_input_taken(&input, 502), 0);
    hx_exec_input_shared(&input, 900);
    assert_int_equal(hx_exec_input_taken(&input, 900), 0);
    assert_int_equal(hx_exec_input_next(&input, &data), 3);
    assert_memory_equal(data, "def", 3);
    assert_int_equal(input.sent, 900);
    assert_int_equal(hx_exec_input_taken(&input, 1000), -1);
    assert_int_equal(hx_exec_input_taken(&input, 800), -1);
}

static void test_outputs_out_of_order(void **state)
{
    static struct hx_exec_output output;
    static uint8_t data[HX_CH_WINDOW + 1];

    (void)state;
    assert_int_equal(hx_exec_output_data(&output, 1, data, 1), -1);
    assert_int_equal(hx_exec_output_data(&output, 0, data, 10), 0);
    assert_int_equal(hx_exec_output_data(&output, 5, data, 10), 0);
    assert_int_equal(output.ring.end, 15);
    assert_int_equal(hx_exec_output_data(&output, 0, data, 15), 0);
    assert_int_equal(output.ring.end, 15);
    assert_int_equal(hx_exec_output_data(&output, 15, data, HX_CH_WINDOW - 14),
                     -1);
    assert_int_equal(hx_exec_output_end(&output, 14), -1);
    assert_int_equal(hx_exec_output_end(&output, 15), 0);
    assert_int_equal(hx_exec_output_data(&output, 15, data, 1), -1);
}

static void test_finding(void **state)
{
    struct exec_scene *s = *state;
    struct hx_pod_dir dir;
    char uuid[HX_POD_UUID_TEXT];
    struct hx_err err = { 0 };

    pod_fixture_make(s->fixture, "web", HX_POD_RUNNING, &dir);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, "web", uuid, &err), 0);
    assert_string_equal(uuid, dir.uuid);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, dir.uuid, uuid, &err), 0);
    assert_string_equal(uuid, dir.uuid);
    assert_int_equal(hx_exec_find(&s->fixture->dirs, "7", uuid, &err),
                     -HX_ERR_NOT_FOUND);
    hx_pod_dir_release(&dir);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, exec_setup, exec_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_streams),
        TEST(test_echo),
        TEST(test_the_request),
        TEST(test_services_are_asked_for),
        TEST(test_a_large_request_goes_in_parts),
        TEST(test_a_process_that_never_ran),
        TEST(test_detached),
        TEST(test_attach),
        TEST(test_a_shared_input),
        TEST(test_outputs_out_of_order),
        TEST(test_finding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
