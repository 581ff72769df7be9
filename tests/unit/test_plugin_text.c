/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, progress, and pods and images in words and as JSON. */
#include <string.h>

#include "image/base/json.h"
#include "tests/unit/unit.h"
#include "xl-plugin/image-text.h"
#include "xl-plugin/output.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/table.h"

/* -- tables ---------------------------------------------------------------- */

static const struct hx_column columns[] = {
    { .title = "NAME", .shrinks_to = 6 },
    { .title = "MEM", .gives_way = 2 },
    { .title = "CPU", .gives_way = 1 },
    { .title = "IP" },
    { 0 },
};

static void assert_table(unsigned width, const char *expected)
{
    _cleanup_buf_ struct hx_buf out = HX_BUF_INIT(0);
    struct hx_table table;

    hx_table_init(&table, columns);
    hx_table_add(&table,
                 (const char *[]){ "nginx-123456", "64M", "1", "172.30.0.2" });
    hx_table_add(&table, (const char *[]){ "b\033[2J", "1.5G", "16", NULL });
    assert_int_equal(hx_table_format(&table, width, &out), 0);
    assert_string_equal(out.data, expected);
    hx_table_release(&table);
}

static void test_tables_fit(void **state)
{
    static const char full[] = "NAME          MEM   CPU  IP\n"
                               "nginx-123456  64M   1    172.30.0.2\n"
                               "b?[2J         1.5G  16   -\n";

    (void)state;
    assert_table(0, full);
    assert_table(35, full);
    assert_table(34, "NAME          MEM   IP\n"
                     "nginx-123456  64M   172.30.0.2\n"
                     "b?[2J         1.5G  -\n");
    assert_table(29, "NAME          IP\n"
                     "nginx-123456  172.30.0.2\n"
                     "b?[2J         -\n");
    assert_table(20, "NAME      IP\n"
                     "nginx-..  172.30.0.2\n"
                     "b?[2J     -\n");
    /* Narrower than anything can be: the narrowest there is. */
    assert_table(5, "NAME    IP\n"
                    "ngin..  172.30.0.2\n"
                    "b?[2J   -\n");
}

static void test_text_is_cut_at_characters(void **state)
{
    static const struct {
        const char *text;
        unsigned width;
        const char *cut;
    } cases[] = {
        { "abcdef", 6, "abcdef" },
        { "abcdef", 5, "abc.." },
        { "abcdef", 2, ".." },
        { "abcdef", 1, "." },
        { "abcdef", 0, "" },
        { "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4,
          "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" },
        { "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, "\xc3\xa9.." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        _cleanup_buf_ struct hx_buf out = HX_BUF_INIT(0);

        hx_text_cut(cases[i].text, cases[i].width, &out);
        assert_string_equal(out.data ? out.data : "", cases[i].cut);
    }
}

/* -- progress -------------------------------------------------------------- */

static void test_progress_lines(void **state)
{
    static const struct {
        struct hx_progress_line line;
        unsigned width;
        const char *text;
    } cases[] = {
        { { "4f53cda18c2b", "downloading", 50, 100 },
          79,
          "4f53cda18c2b  downloading [==================>                  ] "
          "50B/100B" },
        { { "4f53cda18c2b", "downloading", 0, 45600000 },
          60,
          "4f53cda18c2b  downloading [>                 ] 0B/45.6MB" },
        { { "4f53cda18c2b", "downloading", 200, 100 },
          50,
          "4f53cda18c2b  downloading [========] 200B/100B" },
        { { "4f53cda18c2b", "downloading", 50, 100 },
          49,
          "4f53cda18c2b  downloading 50B/100B" },
        { { "4f53cda18c2b", "downloading", UINT64_MAX, UINT64_MAX },
          79,
          "4f53cda18c2b  downloading [=====================================] "
          "18.4EB/18.4EB" },
        { { "4f53cda18c2b", "downloading", 50, 0 },
          79,
          "4f53cda18c2b  downloading 50B" },
        { { "4f53cda18c2b", "retrying", 1, 5 },
          79,
          "4f53cda18c2b  retrying    1/5" },
        { { "4f53cda18c2b", "done", 100, 100 }, 79, "4f53cda18c2b  done" },
        { { "nginx", "resolving", 0, 0 }, 79, "nginx         resolving" },
        { { "registry.example.org/team/web:1", "resolving", 0, 0 },
          79,
          "registry.example.org/t..  resolving" },
        { { "4f53cda18c2b", "downloading", 50, 100 }, 20, "4f53cda18c2b" },
        { { "4f53cda18c2b", "downloading", 50, 100 }, 5, "4f5.." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        _cleanup_buf_ struct hx_buf out = HX_BUF_INIT(0);

        hx_progress_format(&cases[i].line, cases[i].width, &out);
        assert_string_equal(out.data, cases[i].text);
        assert_true(hx_text_width(out.data) <= cases[i].width);
    }
}

/* Elsewhere than on a terminal: a line for each change of stage. */
static void test_progress_in_plain_lines(void **state)
{
    static const struct hx_progress_event events[] = {
        { "resolving", "web", 0, 0 },        { "waiting", "aa", 0, 0 },
        { "downloading", "aa", 1, 1000 },    { "downloading", "web", 1, 4000 },
        { "downloading", "aa", 500, 1000 },  { "downloading", "b\033b", 0, 0 },
        { "downloading", "web", 500, 4000 }, { "done", "aa", 1000, 1000 },
    };
    struct hx_progress_view view;
    char *text = NULL;
    size_t size = 0;
    FILE *out = tmpfile();

    (void)state;
    hx_progress_view_init(&view, out);
    assert_false(view.bars);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        view.progress.event(&events[i], view.progress.opaque);
    hx_progress_view_finish(&view);
    rewind(out);
    assert_true(getdelim(&text, &size, '\0', out) > 0);
    assert_string_equal(text, "aa: downloading 1kB\n"
                              "web: downloading 4kB\n"
                              "b?b: downloading\n"
                              "aa: done 1kB\n");
    free(text);
    fclose(out);
}

static void test_progress_memory_is_bounded(void **state)
{
    static const struct hx_progress_event whole = { "resolving", "web", 0, 0 };
    struct hx_progress_view view;
    FILE *out = tmpfile();

    (void)state;
    hx_progress_view_init(&view, out);
    view.progress.event(&whole, view.progress.opaque);
    for (int i = 0; i < 1000; i++) {
        char object[300];
        struct hx_progress_event event = { "downloading", object, 1, 2 };

        snprintf(object, sizeof(object), "%0250d", i);
        view.progress.event(&event, view.progress.opaque);
        assert_true(view.line_count <= HX_PROGRESS_LINES_MAX);
    }
    /* The image's own line is never given away. */
    assert_string_equal(view.lines[0].object, "web");
    hx_progress_view_finish(&view);
    fclose(out);
}

/* -- pods ------------------------------------------------------------------ */

#define NOW INT64_C(1767225600000)

static void test_status_of_pods(void **state)
{
    static const struct {
        struct hx_pod pod;
        const char *text;
        int status;
    } cases[] = {
        { { .state = HX_POD_CREATING }, "Creating", -1 },
        { { .state = HX_POD_RUNNING, .started_at_ms = NOW - 180000 },
          "Up 3 minutes",
          -1 },
        { { .state = HX_POD_RUNNING, .started_at_ms = NOW + 180000 },
          "Up Less than a second",
          -1 },
        { { .state = HX_POD_RUNNING,
            .started_at_ms = NOW - 180000,
            .health = HX_HEALTH_STARTING },
          "Up 3 minutes (health: starting)",
          -1 },
        { { .state = HX_POD_RUNNING,
            .started_at_ms = NOW - 180000,
            .health = HX_HEALTH_HEALTHY },
          "Up 3 minutes (healthy)",
          -1 },
        { { .state = HX_POD_RUNNING,
            .started_at_ms = NOW - 180000,
            .health = HX_HEALTH_UNHEALTHY },
          "Up 3 minutes (unhealthy)",
          -1 },
        { { .state = HX_POD_PAUSED,
            .started_at_ms = NOW - 180000,
            .health = HX_HEALTH_UNHEALTHY },
          "Up 3 minutes (Paused)",
          -1 },
        { { .state = HX_POD_RUNNING }, "Up", -1 },
        { { .state = HX_POD_PAUSED, .started_at_ms = NOW - 5000 },
          "Up 5 seconds (Paused)",
          -1 },
        { { .state = HX_POD_PAUSED }, "Paused", -1 },
        { { .state = HX_POD_EXITED,
            .end = HX_END_EXIT,
            .exit_code = 42,
            .finished_at_ms = NOW - 300000 },
          "Exited (42) 5 minutes ago",
          42 },
        { { .state = HX_POD_EXITED, .end = HX_END_EXIT, .exit_code = 0 },
          "Exited (0)",
          0 },
        { { .state = HX_POD_EXITED, .end = HX_END_EXIT, .exit_code = -1 },
          "Exited (125)",
          125 },
        { { .state = HX_POD_EXITED, .end = HX_END_FAILED, .exit_code = 127 },
          "Failed (127)",
          127 },
        { { .state = HX_POD_EXITED, .end = HX_END_CRASH, .exit_code = -1 },
          "Crashed (125)",
          125 },
        { { .state = HX_POD_EXITED, .end = HX_END_CRASH, .exit_code = 0 },
          "Crashed (125)",
          125 },
        { { .state = HX_POD_EXITED, .end = HX_END_DESTROYED, .exit_code = -1 },
          "Destroyed (137)",
          137 },
        { { .state = HX_POD_EXITED, .end = HX_END_KILLED, .exit_code = 0 },
          "Killed (137)",
          137 },
        { { .state = HX_POD_EXITED, .end = HX_END_LOST, .exit_code = 0 },
          "Lost (125)",
          125 },
        { { .state = HX_POD_EXITED, .end = HX_END_NONE, .exit_code = 0 },
          "Exited (125)",
          125 },
    };
    char text[HX_POD_STATUS_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hx_pod_status_text(&cases[i].pod, NOW, text);
        assert_string_equal(text, cases[i].text);
        if (cases[i].status >= 0)
            assert_int_equal(hx_pod_exit_status(&cases[i].pod),
                             cases[i].status);
        /* Whatever was not a process's own end has a reason. */
        if (cases[i].pod.end > HX_END_EXIT)
            assert_non_null(hx_pod_end_reason(&cases[i].pod));
        else
            assert_null(hx_pod_end_reason(&cases[i].pod));
    }
}

static void test_why_a_process_was_killed(void **state)
{
    const struct hx_pod pod = { .state = HX_POD_EXITED,
                                .end = HX_END_EXIT,
                                .exit_code = 137,
                                .message = "out of memory" };

    (void)state;
    assert_string_equal(hx_pod_end_reason(&pod), "out of memory");
}

static void test_a_pod_as_json(void **state)
{
    const char *args[] = { "/entry.sh", "nginx", "-g", "daemon off;", NULL };
    const char *env[] = { "A=1", NULL };
    struct hx_container_spec container = {
        .name = (char *)"web",
        .image = (char *)"nginx:latest",
        .image_id = (char *)"sha256:aa",
        .args = (char **)args,
        .entrypoint_count = 1,
        .env = (char **)env,
        .user = (char *)"",
        .cwd = (char *)"/",
        .stop_signal = 3,
        .stop_timeout_ms = 10000,
    };
    struct hx_pod pod = {
        .uuid = "01234567-89ab-cdef-0123-456789abcdef",
        .domid = 7,
        .state = HX_POD_EXITED,
        .end = HX_END_FAILED,
        .exit_code = 127,
        .message = (char *)"no \xff such file",
        .created_at_ms = NOW,
        .ip = (char *)"172.30.0.2/16",
        .mac = (char *)"00:16:3e:01:02:03",
        .stages = (char *)"create.disks=1234 guest.init=99 junk =",
        .spec = { .name = (char *)"web",
                  .type = HX_DOMAIN_PV,
                  .mem_kib = 65536,
                  .vcpus = 2,
                  .hostname = (char *)"web",
                  .containers = &container,
                  .container_count = 1 },
    };
    _cleanup_json_ json_t *doc = hx_pod_inspect_json(&pod, "/log", NULL);
    _cleanup_json_ json_t *entry = hx_pod_list_json(&pod, NOW);
    const char *status, *error, *ip, *created, *stage, *stop, *entrypoint;
    const char *cmd[3];
    int running, code, prefix, domid, memory, us;

    (void)state;
    assert_non_null(doc);
    assert_int_equal(
        json_unpack(doc,
                    "{s:{s:s, s:b, s:i, s:s}, s:{s:s, s:i}, s:s, s:i, s:i, "
                    "s:[{s:s, s:i}], s:{s:s, s:[s!], s:[sss!]}}",
                    "State", "Status", &status, "Running", &running, "ExitCode",
                    &code, "Error", &error, "NetworkSettings", "IPAddress", &ip,
                    "IPPrefixLen", &prefix, "Created", &created, "Domid",
                    &domid, "MemoryMiB", &memory, "Stages", "Name", &stage,
                    "Microseconds", &us, "Config", "StopSignal", &stop,
                    "Entrypoint", &entrypoint, "Cmd", &cmd[0], &cmd[1],
                    &cmd[2]),
        0);
    assert_string_equal(status, "exited");
    assert_false(running);
    assert_int_equal(code, 127);
    assert_string_equal(error, "no ? such file");
    assert_string_equal(ip, "");
    assert_int_equal(prefix, 0);
    assert_string_equal(created, "2026-01-01T00:00:00.000Z");
    assert_int_equal(domid, 7);
    assert_int_equal(memory, 64);
    assert_string_equal(stage, "create.disks");
    assert_int_equal(us, 1234);
    assert_string_equal(stop, "SIGQUIT");
    assert_string_equal(entrypoint, "/entry.sh");
    assert_string_equal(cmd[0], "nginx");
    assert_string_equal(cmd[2], "daemon off;");
    assert_int_equal(json_array_size(json_object_get(doc, "Stages")), 2);

    assert_non_null(entry);
    assert_string_equal(json_string_value(json_object_get(entry, "Image")),
                        "nginx:latest");
    assert_int_equal(json_integer_value(json_object_get(entry, "ExitCode")),
                     127);
    pod.state = HX_POD_RUNNING;
    json_decref(entry);
    entry = hx_pod_list_json(&pod, NOW);
    assert_true(json_is_null(json_object_get(entry, "ExitCode")));
    assert_string_equal(json_string_value(json_object_get(entry, "IPAddress")),
                        "172.30.0.2");
}

static void test_a_pod_with_nothing_known_as_json(void **state)
{
    struct hx_pod pod = { .uuid = "x" };
    _cleanup_json_ json_t *doc = hx_pod_inspect_json(&pod, NULL, NULL);
    _cleanup_json_ json_t *entry = hx_pod_list_json(&pod, NOW);

    (void)state;
    assert_non_null(doc);
    assert_non_null(entry);
}

/* -- images ---------------------------------------------------------------- */

static void test_names_of_images(void **state)
{
    static const struct {
        const char *familiar;
        const char *repository, *tag;
    } cases[] = {
        { "nginx:latest", "nginx", "latest" },
        { "nginx", "nginx", "<none>" },
        { "host:5000/a/b:1.2", "host:5000/a/b", "1.2" },
        { "host:5000/a/b", "host:5000/a/b", "<none>" },
        { "a/b@sha256:00", "a/b", "<none>" },
        { "a/b:1@sha256:00", "a/b", "1" },
        { "host:5000/b@sha256:00", "host:5000/b", "<none>" },
    };
    char repository[64], tag[64], id[HX_IMAGE_ID_SHORT];
    struct hx_image image = { .id = "sha256:0123456789abcdef",
                              .reference = (char *)"x" };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        image.familiar = (char *)cases[i].familiar;
        hx_image_repository(&image, repository, sizeof(repository));
        hx_image_tag(&image, tag, sizeof(tag));
        assert_string_equal(repository, cases[i].repository);
        assert_string_equal(tag, cases[i].tag);
    }
    image.reference = NULL;
    hx_image_repository(&image, repository, sizeof(repository));
    assert_string_equal(repository, "<none>");
    hx_image_id_short(&image, id);
    assert_string_equal(id, "0123456789ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_fit),
        cmocka_unit_test(test_text_is_cut_at_characters),
        cmocka_unit_test(test_progress_lines),
        cmocka_unit_test(test_progress_in_plain_lines),
        cmocka_unit_test(test_progress_memory_is_bounded),
        cmocka_unit_test(test_status_of_pods),
        cmocka_unit_test(test_why_a_process_was_killed),
        cmocka_unit_test(test_a_pod_as_json),
        cmocka_unit_test(test_a_pod_with_nothing_known_as_json),
        cmocka_unit_test(test_names_of_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
