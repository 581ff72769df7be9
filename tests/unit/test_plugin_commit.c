/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pod was given over its image, as hyper-commit passes it on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "image/base/cleanup.h"
#include "image/base/json.h"
#include "image/pull/change.h"
#include "tests/unit/unit.h"
#include "xl-plugin/commit-config.h"
#include "xl-plugin/plan.h"

#define LIST(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

/* Each kind of byte that a text may have: what quotes, what ends a line, what
 * a terminal obeys, what is not ASCII. */
#define HOSTILE                                                                \
    "a b\n\"c\" 'd' \\e $F ${G} \t\r\x01\x1b[31m\x7f "                         \
    "\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xb3"

static char *caller[] = { NULL };
static const char *const image_env[] = { "PATH=/img", "A=image", NULL };
static const char *const image_entrypoint[] = { "/ep", "x", NULL };
static const char *const image_cmd[] = { "ls", "-l", NULL };

struct fixture {
    struct hx_image image;
    struct hx_create_options o;
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){ .image = {
                               .id = "sha256:aa",
                               .familiar = "web:1.2",
                               .root_disk = "/disks/aa.squashfs",
                           } };
    f->image.config.env = (char **)image_env;
    f->image.config.entrypoint = (char **)image_entrypoint;
    f->image.config.cmd = (char **)image_cmd;
    f->image.config.user = "www";
    f->image.config.working_dir = "srv";
    f->image.config.stop_signal = "QUIT";
    hx_create_options_init(&f->o);
    f->o.image = "web";
    f->o.name = "web";
    f->o.tty = true;
}

/* The config of a pod that was made so, by way of its record. */
static json_t *config_of(const struct fixture *f)
{
    struct hx_pod_spec planned = { 0 }, spec = { 0 };
    _cleanup_json_ json_t *record = NULL, *read = NULL;
    _cleanup_free_ char *text = NULL;
    struct hx_err err = { 0 };
    json_t *config = NULL;

    assert_int_equal(hx_plan_pod(&f->o, &f->image, caller, 1, &planned, &err),
                     0);
    assert_int_equal(hx_pod_spec_to_json(&planned, &record, &err), 0);
    text = json_dumps(record, JSON_INDENT(2));
    read = json_loads(text, 0, NULL);
    assert_int_equal(hx_pod_spec_from_json(read, "record", &spec, &err), 0);
    assert_int_equal(
        hx_commit_config(&spec.containers[0], &f->image.config, &config, &err),
        0);
    hx_pod_spec_release(&planned);
    hx_pod_spec_release(&spec);
    return config;
}

static void expect(const struct fixture *f, const char *expected)
{
    _cleanup_json_ json_t *config = config_of(f);
    _cleanup_free_ char *text =
        json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(text, expected);
}

static void one_that_was_given_nothing_is_as_its_image(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    expect(&f, "{}");
    f.image.config = (struct hx_image_config){ .cmd = LIST("ls") };
    expect(&f, "{}");
    f.image.config.working_dir = "/";
    f.image.config.stop_signal = "15";
    expect(&f, "{}");
}

static void commands(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.o.args = LIST("ls", "-a");
    expect(&f, "{\"Cmd\":[\"ls\",\"-a\"]}");
    f.o.entrypoint = "/mine";
    expect(&f, "{\"Cmd\":[\"ls\",\"-a\"],\"Entrypoint\":[\"/mine\"]}");
    f.o.args = NULL;
    expect(&f, "{\"Cmd\":null,\"Entrypoint\":[\"/mine\"]}");
    f.o.args = LIST("ls", "-l");
    f.o.entrypoint = "";
    expect(&f, "{\"Entrypoint\":null}");
    f.o.args = LIST("ls", "");
    f.o.entrypoint = NULL;
    expect(&f, "{\"Cmd\":[\"ls\",\"\"]}");
}

static void only_the_environment_that_was_asked_for(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.o.env = LIST("A=mine", "B=");
    expect(&f, "{\"Env\":[\"PATH=/img\",\"A=mine\",\"B=\"]}");
    /* What is as the default would be, but was asked for. */
    f.o.env = LIST("HOSTNAME=web", "TERM=xterm");
    expect(&f, "{\"Env\":[\"PATH=/img\",\"A=image\",\"HOSTNAME=web\","
               "\"TERM=xterm\"]}");
    /* Taken back from the image. */
    f.o.env = LIST("PATH", "A");
    expect(&f, "{\"Env\":null}");
}

static void user_folder_and_signal(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.o.user = "1:2";
    f.o.workdir = "/tmp";
    f.o.stop_signal = 10;
    expect(&f, "{\"StopSignal\":\"SIGUSR1\",\"User\":\"1:2\","
               "\"WorkingDir\":\"/tmp\"}");
    f.o.user = "";
    f.o.workdir = "/srv";
    f.o.stop_signal = 33;
    expect(&f, "{\"StopSignal\":\"33\",\"User\":\"\"}");
    f.o.user = NULL;
    f.o.stop_signal = 15;
    expect(&f, "{\"StopSignal\":\"SIGTERM\"}");
    f.image.config.stop_signal = "nonsense";
    expect(&f, "{\"StopSignal\":\"SIGTERM\"}");
}

static void health_checks(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.o.health.none = true;
    expect(&f, "{}");
    f.image.config.health.test = LIST("CMD", "probe");
    f.image.config.health.timeout_ns = 1500000000;
    expect(&f, "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}");
    f.o.health.none = false;
    expect(&f, "{}");
    f.o.health.cmd = "true \"x\"";
    f.o.health.retries = 7;
    expect(&f, "{\"Healthcheck\":{\"Interval\":30000000000,\"Retries\":7,"
               "\"StartPeriod\":0,"
               "\"Test\":[\"CMD-SHELL\",\"true \\\"x\\\"\"],"
               "\"Timeout\":1500000000}}");
    f.o.health.none = true;
    f.o.health.cmd = NULL;
    f.image.config.health.test = LIST("NONE");
    expect(&f, "{}");
}

static void expect_list(const json_t *object, const char *field,
                        char *const *expected)
{
    _cleanup_json_ json_t *list = hx_json_from_strv(expected);

    assert_true(json_equal(json_object_get(object, field), list));
}

/* Through the record, the document and into the image's config. */
static void every_text_arrives_as_it_is(void **state)
{
    struct fixture f;
    _cleanup_json_ json_t *config = NULL, *sent = NULL;
    _cleanup_json_ json_t *process =
        json_loads("{\"Env\":[\"A=image\"],\"Labels\":{\"l\":\"1\"}}", 0, NULL);
    _cleanup_free_ char *text = NULL;
    struct hx_err err = { 0 };

    (void)state;
    set_up(&f);
    f.o.args = LIST(HOSTILE, "");
    f.o.entrypoint = "/" HOSTILE;
    f.o.env = LIST("B=" HOSTILE, "PATH=" HOSTILE);
    f.o.user = HOSTILE;
    f.o.workdir = "/" HOSTILE;
    f.o.health.cmd = HOSTILE;
    config = config_of(&f);
    text = json_dumps(config, JSON_COMPACT);
    sent = json_loads(text, 0, NULL);
    assert_int_equal(hx_change_merge(process, sent, &err), 0);
    expect_list(process, "Cmd", LIST(HOSTILE, ""));
    expect_list(process, "Entrypoint", LIST("/" HOSTILE));
    expect_list(process, "Env", LIST("PATH=" HOSTILE, "A=image", "B=" HOSTILE));
    assert_string_equal(json_string_value(json_object_get(process, "User")),
                        HOSTILE);
    assert_string_equal(
        json_string_value(json_object_get(process, "WorkingDir")), "/" HOSTILE);
    expect_list(json_object_get(process, "Healthcheck"), "Test",
                LIST("CMD-SHELL", HOSTILE));
    assert_non_null(json_object_get(process, "Labels"));
}

static void records_without_counts_and_with_wrong_ones(void **state)
{
    struct fixture f;
    struct hx_pod_spec planned = { 0 }, spec = { 0 };
    _cleanup_json_ json_t *record = NULL;
    struct hx_err err = { 0 };
    json_t *container;

    (void)state;
    set_up(&f);
    assert_int_equal(hx_plan_pod(&f.o, &f.image, caller, 1, &planned, &err), 0);
    assert_int_equal(planned.containers[0].entrypoint_count, 2);
    assert_int_equal(planned.containers[0].default_env_count, 2);
    assert_int_equal(hx_pod_spec_to_json(&planned, &record, &err), 0);
    hx_pod_spec_release(&planned);
    container = json_array_get(json_object_get(record, "containers"), 0);
    json_object_del(container, "entrypoint_count");
    json_object_set_new(container, "default_env_count", json_integer(4));
    assert_int_equal(hx_pod_spec_from_json(record, "record", &spec, &err), 0);
    assert_int_equal(spec.containers[0].entrypoint_count, 0);
    assert_int_equal(spec.containers[0].default_env_count, 4);
    hx_pod_spec_release(&spec);
    json_object_set_new(container, "default_env_count", json_integer(5));
    assert_int_equal(hx_pod_spec_from_json(record, "record", &spec, &err),
                     -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "default_env_count"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_was_given_nothing_is_as_its_image),
        cmocka_unit_test(commands),
        cmocka_unit_test(only_the_environment_that_was_asked_for),
        cmocka_unit_test(user_folder_and_signal),
        cmocka_unit_test(health_checks),
        cmocka_unit_test(every_text_arrives_as_it_is),
        cmocka_unit_test(records_without_counts_and_with_wrong_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
