/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal of events: written, read while it grows, chosen and printed. */
#include "domain-builder/pod-event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/event-log.h"
#include "domain-builder/host.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"
#include "xl-plugin/event-text.h"
#include "xl-plugin/exec-event.h"

static struct scene {
    struct pod_fixture *fixture;
    struct hx_host *host;
    struct hx_event_log *log;
    struct hx_pod pod; /* borrows the fixture's spec */
} scene;

static int setup(void **state)
{
    struct hx_host_options options = { 0 };

    (void)state;
    memset(&scene, 0, sizeof(scene));
    pod_fixture_setup((void **)&scene.fixture);
    options.state_dir = scene.fixture->lib;
    options.run_dir = scene.fixture->run;
    assert_int_equal(hx_host_open(&options, &scene.host, NULL), 0);
    assert_int_equal(hx_mkdir_p(scene.fixture->lib, 0700, NULL), 0);
    strcpy(scene.pod.uuid, "11112222-3333-4444-5555-666677778888");
    scene.pod.spec = scene.fixture->spec;
    scene.pod.end = HX_END_EXIT;
    scene.pod.exit_code = 3;
    scene.pod.started_at_ms = 1000;
    scene.pod.finished_at_ms = 5500;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_event_log_close(scene.log);
    hx_host_close(scene.host);
    pod_fixture_teardown((void **)&scene.fixture);
    return 0;
}

static void record(const char *action)
{
    hx_event_record(&scene.fixture->dirs, &scene.pod, action, NULL);
}

static void open_log(bool all)
{
    hx_event_log_close(scene.log);
    assert_int_equal(hx_event_log_open(scene.host, all, &scene.log, NULL), 0);
}

/* The next event is this one; NULL: there is none. */
static void next_is(const char *action)
{
    const char *line = hx_event_log_next(scene.log);
    _cleanup_json_ json_t *event = NULL;

    if (!action) {
        assert_null(line);
        return;
    }
    assert_non_null(line);
    assert_int_equal(hx_json_parse(line, strlen(line), "event", &event, NULL),
                     0);
    assert_string_equal(json_string_value(json_object_get(event, "Action")),
                        action);
}

static void append(const char *text)
{
    char path[200];
    FILE *file;

    snprintf(path, sizeof(path), "%s/events.json", scene.fixture->lib);
    file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    open_log(false);
    next_is(NULL);
    record("create");
    record("start");
    next_is("create");
    next_is("start");
    next_is(NULL);
    open_log(true);
    next_is("create");
    open_log(false);
    next_is(NULL);
    record("stop");
    next_is("stop");
}

static void an_end_is_told_once(void **state)
{
    const struct hx_pod_dirs *dirs = &scene.fixture->dirs;

    (void)state;
    open_log(false);
    scene.pod.oom_killed = true;
    hx_event_record_end(dirs, &scene.pod);
    hx_event_record_end(dirs, &scene.pod); /* its first recorder was killed */
    next_is("oom");
    next_is("die");
    next_is(NULL);
    scene.pod.started_at_ms = 7000; /* the next run */
    scene.pod.oom_killed = false;
    hx_event_record_end(dirs, &scene.pod);
    next_is("die");
    next_is(NULL);
}

static void execs_are_told_with_their_command(void **state)
{
    char binary[] = "a\xff\nb", *args[] = { (char *)"sh", binary, NULL };
    char *much[] = { malloc(9000), NULL };
    struct hx_exec_events events;
    const char *line;

    (void)state;
    open_log(false);
    hx_exec_events_init(&events, &scene.fixture->dirs, &scene.pod, args);
    hx_exec_events_create(&events);
    hx_exec_events_start(&events);
    hx_exec_events_die(&events, 42);
    next_is("exec_create: sh a??b");
    next_is("exec_start: sh a??b");
    line = hx_event_log_next(scene.log);
    assert_non_null(strstr(line, "\"Action\":\"exec_die\""));
    assert_non_null(strstr(line, "\"exitCode\":\"42\""));
    assert_non_null(strstr(line, events.id));
    /* A command that is too long for a line is cut, and told all the same. */
    memset(much[0], '"', 8999);
    much[0][8999] = '\0';
    hx_exec_events_init(&events, &scene.fixture->dirs, &scene.pod, much);
    hx_exec_events_create(&events);
    line = hx_event_log_next(scene.log);
    assert_non_null(line);
    assert_non_null(strstr(line, "exec_create: "));
    free(much[0]);
    /* Without a pod there is nobody to tell of. */
    hx_exec_events_init(&events, &scene.fixture->dirs, NULL, args);
    hx_exec_events_create(&events);
    next_is(NULL);
}

static void a_full_journal_is_moved_and_read_on(void **state)
{
    char line[1025], path[200];
    int count = 0;

    (void)state;
    memset(line, ' ', sizeof(line));
    memcpy(line, "{}", 2);
    strcpy(line + sizeof(line) - 2, "\n");
    record("first");
    open_log(true);
    next_is("first");
    for (size_t i = 0; i < HX_EVENTS_MAX_BYTES / 1024; i++)
        append(line);
    record("second");
    record("third");
    snprintf(path, sizeof(path), "%s/events.json.1", scene.fixture->lib);
    assert_int_equal(access(path, F_OK), 0);
    while (count < (int)HX_EVENTS_MAX_BYTES / 1024) {
        assert_memory_equal(hx_event_log_next(scene.log), "{}", 2);
        count++;
    }
    next_is("second");
    next_is("third");
    next_is(NULL);
    /* The end in the older part counts, too. */
    open_log(true);
    next_is("first");
}

static void long_lines_and_binary_ones_are_left_out(void **state)
{
    char *line = malloc(3 * HX_EVENT_LINE_MAX);

    (void)state;
    open_log(false);
    memset(line, 'x', 3 * HX_EVENT_LINE_MAX - 1);
    line[3 * HX_EVENT_LINE_MAX - 1] = '\0';
    append(line);
    append("\n");
    free(line);
    record("start");
    next_is("start");
    next_is(NULL);
}

/* -- choosing and printing ----------------------------------------------------
 */

static json_t *event_of(int64_t time_s)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:{s:s, s:s, s:s}}, s:I, s:I}", "Type", "container",
        "Action", "die", "Actor", "ID", "11112222-3333-4444-5555-666677778888",
        "Attributes", "name", "web", "image", "nginx", "exitCode", "3", "time",
        (json_int_t)time_s, "timeNano", (json_int_t)time_s * 1000000000 + 5);
}

static void filters(void **state)
{
    static const struct {
        const char *filters[4];
        bool wanted;
    } rows[] = {
        { { NULL }, true },
        { { "event=die" }, true },
        { { "event=start" }, false },
        { { "event=start", "event=die" }, true },
        { { "event=die", "container=db" }, false },
        { { "event=die", "container=web" }, true },
        { { "container=11112222" }, true },
        { { "container=111" }, false },
        { { "type=container", "image=nginx" }, true },
        { { "type=image" }, false },
    };
    _cleanup_json_ json_t *event = event_of(100);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hx_event_choice choice = { 0 };

        for (int f = 0; rows[i].filters[f]; f++)
            assert_int_equal(
                hx_event_filter_add(&choice, rows[i].filters[f], NULL), 0);
        assert_int_equal(hx_event_wanted(&choice, event), rows[i].wanted);
        hx_strv_free(&choice.filters);
    }
}

static void an_execs_filter_fits_any_command(void **state)
{
    static const struct {
        const char *action, *filter;
        bool wanted;
    } rows[] = {
        { "exec_start: ls -l", "event=exec_start", true },
        { "exec_start: ls -l", "event=exec_start: ls -l", true },
        { "exec_start: ls -l", "event=exec_start: ls", false },
        { "exec_start: ls -l", "event=exec_create", false },
        { "exec_start: ls -l", "event=exec_", false },
        { "exec_die", "event=exec_die", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_json_ json_t *event = event_of(100);
        struct hx_event_choice choice = { 0 };

        json_object_set_new(event, "Action", json_string(rows[i].action));
        assert_int_equal(hx_event_filter_add(&choice, rows[i].filter, NULL), 0);
        assert_int_equal(hx_event_wanted(&choice, event), rows[i].wanted);
        hx_strv_free(&choice.filters);
    }
}

static void filters_that_are_none(void **state)
{
    static const char *const bad[] = { "", "event", "event=", "colour=red",
                                       "events=die" };
    struct hx_event_choice choice = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hx_event_filter_add(&choice, bad[i], NULL),
                         -HX_ERR_USAGE);
}

static void times(void **state)
{
    _cleanup_json_ json_t *event = event_of(100);
    struct hx_event_choice choice = { .since_ms = 100000, .until_ms = 100000 };

    (void)state;
    assert_true(hx_event_wanted(&choice, event));
    choice.since_ms = 100001;
    assert_false(hx_event_wanted(&choice, event));
    choice.since_ms = 0;
    choice.until_ms = 99999;
    assert_false(hx_event_wanted(&choice, event));
}

static void dockers_line(void **state)
{
    _cleanup_json_ json_t *event = event_of(1700000000);
    char *text;

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    text = hx_event_text(event);
    assert_string_equal(
        text, "2023-11-14T22:13:20.000000005+00:00 container die "
              "11112222-3333-4444-5555-666677778888 (exitCode=3, image=nginx, "
              "name=web)");
    free(text);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(what_is_written_is_read),
        SCENE(an_end_is_told_once),
        SCENE(execs_are_told_with_their_command),
        SCENE(a_full_journal_is_moved_and_read_on),
        SCENE(long_lines_and_binary_ones_are_left_out),
        cmocka_unit_test(filters),
        cmocka_unit_test(an_execs_filter_fits_any_command),
        cmocka_unit_test(filters_that_are_none),
        cmocka_unit_test(times),
        cmocka_unit_test(dockers_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
