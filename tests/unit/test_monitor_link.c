/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel's frames as dom0 speaks them, with a guest of ours, honest or
 * not, at the other end of two buffers.
 */
#include "domain-builder/monitor/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/guest_fixture.h"
#include "tests/unit/unit.h"

#define EXEC UINT64_C(0x1234567890)

struct scene {
    struct hx_link link;
    struct guest_fixture guest;
    /* what came */
    unsigned frames;
    struct hx_ch_frame last;
    struct hx_buf data;
};

static void take(void *ctx, const struct hx_ch_frame *frame,
                 const uint8_t *payload)
{
    struct scene *scene = ctx;

    scene->frames++;
    scene->last = *frame;
    if (frame->type == HX_CH_DATA)
        hx_buf_add(&scene->data, payload, frame->payload);
}

/* -- scenes -----------------------------------------------------------------
 */

static int run(struct scene *scene, struct hx_err *err)
{
    const struct hx_link_sink sink = { .ctx = scene, .frame = take };
    int r = 0;

    /* Turns that take a whole window. */
    for (size_t left = 2 * HX_CH_WINDOW; r == 0 && left;
         left -= HX_LINK_TURN_BYTES)
        r = hx_link_read(&scene->link, &sink, err);
    return r ? r : hx_link_write(&scene->link, err);
}

static void runs(struct scene *scene)
{
    struct hx_err err = { 0 };

    assert_int_equal(run(scene, &err), 0);
}

static void breaks(struct scene *scene, const char *why)
{
    struct hx_err err = { 0 };

    assert_int_equal(run(scene, &err), -HX_ERR_GUEST);
    assert_non_null(strstr(err.msg, why));
}

/* A connection with two containers; HELLO is not answered yet. */
static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    guest_fixture_init(&scene->guest);
    scene->data.max = 16u << 20;
    hx_link_begin(&scene->link, &scene->guest.transport, 2);
    *state = scene;
    return 0;
}

/* The same, answered, and with the outputs of container 0 begun. */
static int setup_up(void **state)
{
    struct scene *scene;

    setup(state);
    scene = *state;
    hx_link_start(&scene->link, 0, HX_CH_STDOUT, 100);
    hx_link_start(&scene->link, 0, HX_CH_STDERR, 0);
    guest_hello(&scene->guest, 1, 1);
    runs(scene);
    assert_true(hx_link_is_up(&scene->link));
    while (guest_gets(&scene->guest).type)
        ;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    hx_link_end(&scene->link);
    guest_fixture_release(&scene->guest);
    hx_buf_release(&scene->data);
    free(scene);
    return 0;
}

/* -- hello ------------------------------------------------------------------
 */

static void hello_comes_first_and_then_where_outputs_go_on(void **state)
{
    struct scene *scene = *state;
    struct hx_ch_frame frame;

    hx_link_start(&scene->link, 0, HX_CH_STDOUT, 100);
    hx_link_start(&scene->link, 1, HX_CH_STDERR, 7);
    runs(scene);
    frame = guest_gets(&scene->guest);
    assert_int_equal(frame.type, HX_CH_HELLO);
    assert_int_equal(frame.payload, HX_CH_HELLO_BYTES);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    assert_false(hx_link_is_up(&scene->link));
    guest_hello(&scene->guest, 1, 1);
    runs(scene);
    frame = guest_gets(&scene->guest);
    assert_int_equal(frame.type, HX_CH_TAKEN);
    assert_int_equal(frame.session, 0);
    assert_int_equal(frame.stream, HX_CH_STDOUT);
    assert_int_equal(frame.value, 100);
    frame = guest_gets(&scene->guest);
    assert_int_equal(frame.session, 1);
    assert_int_equal(frame.stream, HX_CH_STDERR);
    assert_int_equal(frame.value, 7);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
}

static void a_newer_guest_speaks_our_version(void **state)
{
    struct scene *scene = *state;

    guest_hello(&scene->guest, 1, 900);
    runs(scene);
    assert_int_equal(scene->link.version, HX_CH_VERSION);
}

static void without_a_common_version_we_say_bye(void **state)
{
    struct scene *scene = *state;

    guest_hello(&scene->guest, HX_CH_VERSION + 1, HX_CH_VERSION + 3);
    breaks(scene, "speaks versions 2 to 4, and we 1 to 1");
    assert_int_equal(guest_gets(&scene->guest).type, HX_CH_HELLO);
    assert_int_equal(guest_gets(&scene->guest).type, HX_CH_BYE);
}

static void what_is_no_hello_ends_it(void **state)
{
    struct scene *scene = *state;

    guest_frame(&scene->guest, HX_CH_OPENED, 0, 0, 0);
    breaks(scene, "no HELLO");
}

static void a_hello_of_something_else_ends_it(void **state)
{
    struct scene *scene = *state;

    guest_sends(&scene->guest,
                (struct hx_ch_frame){ .type = HX_CH_HELLO, .payload = 8 },
                "GET / HT");
    breaks(scene, "no HELLO");
}

/* -- output -----------------------------------------------------------------
 */

static void output_comes_in_order_and_is_taken_at_once(void **state)
{
    struct scene *scene = *state;
    struct hx_ch_frame frame;

    scene->guest.step = 5; /* whatever the pieces */
    guest_data(&scene->guest, 0, HX_CH_STDOUT, 100, "hello ", 6);
    guest_data(&scene->guest, 0, HX_CH_STDOUT, 106, "world", 5);
    guest_data(&scene->guest, 0, HX_CH_STDERR, 0, "!", 1);
    guest_frame(&scene->guest, HX_CH_END, 0, HX_CH_STDOUT, 111);
    for (int i = 0; i < 100; i++)
        runs(scene);
    assert_int_equal(scene->data.len, 12);
    assert_memory_equal(scene->data.data, "hello world!", 12);
    assert_int_equal(scene->last.type, HX_CH_END);
    hx_link_take(&scene->link, 0, HX_CH_STDOUT, 106, false);
    hx_link_take(&scene->link, 0, HX_CH_STDOUT, 111, true);
    hx_link_take(&scene->link, 0, HX_CH_STDERR, 0, false); /* no news */
    runs(scene);
    frame = guest_gets(&scene->guest);
    assert_int_equal(frame.type, HX_CH_TAKEN);
    assert_int_equal(frame.value, HX_CH_TAKEN_END | 111);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
    runs(scene);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
}

static void the_window_can_be_filled_and_moves(void **state)
{
    struct scene *scene = *state;
    static const char zeros[16384];

    for (unsigned round = 0; round < 3; round++) {
        uint64_t from = 100 + (uint64_t)round * HX_CH_WINDOW;

        for (unsigned i = 0; i < 4; i++)
            guest_data(&scene->guest, 0, HX_CH_STDOUT, from + i * sizeof(zeros),
                       zeros, sizeof(zeros));
        runs(scene);
        hx_link_take(&scene->link, 0, HX_CH_STDOUT, from + HX_CH_WINDOW, false);
        runs(scene);
    }
    assert_int_equal(scene->data.len, 3 * HX_CH_WINDOW);
    guest_data(&scene->guest, 0, HX_CH_STDOUT, 100 + 3 * HX_CH_WINDOW, zeros,
               1);
    runs(scene);
}

static void lies_end_the_connection(void **state)
{
    static const char zeros[HX_CH_PAYLOAD_MAX + 1];
    static const struct {
        const char *why;
        struct hx_ch_frame before, frame;
    } cases[] = {
        { "a gap",
          { 0 },
          { .type = HX_CH_DATA, .stream = 1, .value = 101, .payload = 1 } },
        { "a gap",
          { 0 },
          { .type = HX_CH_DATA, .stream = 1, .value = 99, .payload = 1 } },
        { "a gap", { 0 }, { .type = HX_CH_END, .stream = 1, .value = 101 } },
        { "a gap",
          { 0 },
          { .type = HX_CH_DATA, .stream = 1, .value = UINT64_MAX } },
        { "behind its end",
          { .type = HX_CH_END, .stream = 1, .value = 100 },
          { .type = HX_CH_DATA, .stream = 1, .value = 100, .payload = 1 } },
        { "an output that is none",
          { 0 },
          { .type = HX_CH_DATA, .payload = 1 } },
        { "not asked for",
          { 0 },
          { .type = HX_CH_DATA, .session = 1, .stream = 1, .payload = 1 } },
        { "TAKEN of an output",
          { 0 },
          { .type = HX_CH_TAKEN, .stream = 1, .value = 100 } },
        { "a health report",
          { 0 },
          { .type = HX_CH_HEALTH, .payload = HX_CH_HEALTH_BYTES - 1 } },
        { "a health report",
          { 0 },
          { .type = HX_CH_HEALTH,
            .session = 2, /* there are two */
            .payload = HX_CH_HEALTH_BYTES } },
        { "a health report",
          { 0 },
          { .type = HX_CH_HEALTH,
            .session = EXEC,
            .payload = HX_CH_HEALTH_BYTES } },
        { "no frame", { 0 }, { .type = HX_CH_DATA, .stream = 3 } },
        { "no frame",
          { 0 },
          { .type = 200, .payload = HX_CH_PAYLOAD_MAX + 1 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene *scene = NULL;

        setup_up((void **)&scene);
        if (cases[i].before.type)
            guest_sends(&scene->guest, cases[i].before, zeros);
        guest_sends(&scene->guest, cases[i].frame, zeros);
        breaks(scene, cases[i].why);
        teardown((void **)&scene);
    }
}

static void output_beyond_the_window_ends_it(void **state)
{
    struct scene *scene = *state;
    static const char zeros[16384];

    for (unsigned i = 0; i < 4; i++)
        guest_data(&scene->guest, 0, HX_CH_STDERR, i * sizeof(zeros), zeros,
                   sizeof(zeros));
    guest_data(&scene->guest, 0, HX_CH_STDERR, HX_CH_WINDOW, zeros, 1);
    breaks(scene, "beyond the window");
    assert_int_equal(scene->data.len, HX_CH_WINDOW);
}

static void the_unknown_is_skipped(void **state)
{
    struct scene *scene = *state;

    guest_sends(&scene->guest, (struct hx_ch_frame){ .type = 99, .payload = 4 },
                "what");
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 12345, "late", 4);
    guest_data(&scene->guest, 9, HX_CH_STDOUT, 12345, "none", 4);
    guest_frame(&scene->guest, HX_CH_ENDED, EXEC, 0, 0);
    guest_frame(&scene->guest, HX_CH_CLOCK, 0, 0, 0);
    runs(scene);
    assert_int_equal(scene->frames, 0);
    guest_frame(&scene->guest, HX_CH_STATS, 77, 0, 1);
    runs(scene);
    assert_int_equal(scene->frames, 1);
}

/* Whatever the container says; it is for its sink to judge. */
static void health_is_told(void **state)
{
    struct scene *scene = *state;
    const uint8_t report[HX_CH_HEALTH_BYTES + 2] = { 1 };

    guest_sends(&scene->guest,
                (struct hx_ch_frame){ .type = HX_CH_HEALTH,
                                      .session = 1,
                                      .value = 3,
                                      .payload = sizeof(report) },
                report);
    runs(scene);
    assert_int_equal(scene->frames, 1);
    assert_int_equal(scene->last.type, HX_CH_HEALTH);
    assert_int_equal(scene->last.session, 1);
    assert_int_equal(scene->last.value, 3);
    assert_int_equal(guest_gets(&scene->guest).type, 0);
}

static void goodbyes_are_no_crime(void **state)
{
    struct scene *scene = *state;
    struct hx_err err = { 0 };

    guest_sends(&scene->guest,
                (struct hx_ch_frame){ .type = HX_CH_BYE, .payload = 4 },
                "\033[2J");
    assert_int_equal(run(scene, &err), -HX_ERR_NETWORK);
    assert_null(strchr(err.msg, '['));
}

static void what_was_left_behind_is_read(void **state)
{
    struct scene *scene = *state;
    struct hx_err err = { 0 };

    guest_data(&scene->guest, 0, HX_CH_STDERR, 0, "last", 4);
    scene->guest.left = true;
    assert_int_equal(run(scene, &err), -HX_ERR_NETWORK);
    assert_int_equal(scene->data.len, 4);
}

/* -- sessions ---------------------------------------------------------------
 */

static void a_fresh_session_begins_at_0(void **state)
{
    struct scene *scene = *state;

    assert_non_null(hx_link_add(&scene->link, EXEC, true));
    guest_frame(&scene->guest, HX_CH_OPENED, EXEC, 0, 5);
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 0, "abc", 3);
    runs(scene);
    assert_int_equal(scene->frames, 2);
    assert_false(
        hx_link_taken(hx_link_find(&scene->link, EXEC), HX_CH_STDOUT, 4));
    assert_true(
        hx_link_taken(hx_link_find(&scene->link, EXEC), HX_CH_STDOUT, 3));
    hx_link_remove(&scene->link, EXEC);
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 3, "late", 4);
    runs(scene);
    assert_int_equal(scene->frames, 2);
}

static void a_resumed_session_begins_where_it_is_told(void **state)
{
    struct scene *scene = *state;
    struct hx_link_session *session = hx_link_add(&scene->link, EXEC, false);

    assert_true(hx_link_taken(session, HX_CH_STDOUT, 1000));
    guest_data(&scene->guest, EXEC, HX_CH_STDOUT, 1000, "abc", 3);
    runs(scene);
    assert_int_equal(scene->frames, 1);
    guest_data(&scene->guest, EXEC, HX_CH_STDERR, 0, "abc", 3);
    breaks(scene, "not asked for");
}

static void there_are_only_so_many_sessions(void **state)
{
    struct scene *scene = *state;

    for (unsigned i = 0; i < HX_CH_SESSIONS_MAX; i++)
        assert_non_null(hx_link_add(&scene->link, EXEC + i, true));
    assert_null(hx_link_add(&scene->link, EXEC - 1, true));
    hx_link_remove(&scene->link, EXEC + 5);
    assert_non_null(hx_link_add(&scene->link, EXEC - 1, true));
    assert_null(hx_link_find(&scene->link, EXEC + 5));
    /* Containers are no such sessions. */
    hx_link_remove(&scene->link, 0);
    assert_non_null(hx_link_find(&scene->link, 0));
    assert_null(hx_link_find(&scene->link, 2));
}

/* -- to the guest -----------------------------------------------------------
 */

static void what_the_guest_does_not_read_waits(void **state)
{
    struct scene *scene = *state;
    static const char text[1000];
    const struct hx_ch_frame frame = { .type = HX_CH_DATA,
                                       .session = EXEC,
                                       .payload = sizeof(text) };
    unsigned sent = 0, came = 0;

    scene->guest.room = 0;
    while (hx_link_room(&scene->link) >= HX_CH_FRAME_MAX) {
        hx_link_send(&scene->link, &frame, text);
        sent++;
        runs(scene);
    }
    assert_in_range(sent, 50, HX_LINK_QUEUE_MAX / sizeof(text));
    assert_true(hx_link_wants_write(&scene->link));
    scene->guest.step = 777;
    scene->guest.room = SIZE_MAX;
    for (int i = 0; i < 1000; i++)
        runs(scene);
    while (guest_gets(&scene->guest).type == HX_CH_DATA)
        came++;
    assert_int_equal(came, sent);
    assert_false(hx_link_wants_write(&scene->link));
    assert_int_equal(hx_link_room(&scene->link), HX_LINK_QUEUE_MAX);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define UP(test)    cmocka_unit_test_setup_teardown(test, setup_up, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(hello_comes_first_and_then_where_outputs_go_on),
        SCENE(a_newer_guest_speaks_our_version),
        SCENE(without_a_common_version_we_say_bye),
        SCENE(what_is_no_hello_ends_it),
        SCENE(a_hello_of_something_else_ends_it),
        UP(output_comes_in_order_and_is_taken_at_once),
        UP(the_window_can_be_filled_and_moves),
        cmocka_unit_test(lies_end_the_connection),
        UP(output_beyond_the_window_ends_it),
        UP(the_unknown_is_skipped),
        UP(health_is_told),
        UP(goodbyes_are_no_crime),
        UP(what_was_left_behind_is_read),
        UP(a_fresh_session_begins_at_0),
        UP(a_resumed_session_begins_where_it_is_told),
        UP(there_are_only_so_many_sessions),
        UP(what_the_guest_does_not_read_waits),
    };

    return cmocka_run_group_tests_name("monitor_link", tests, NULL, NULL);
}
