/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's options for health checks, over what an image says, and what is
 * shown of them. */
#include <string.h>

#include "image/base/json.h"
#include "tests/unit/unit.h"
#include "xl-plugin/health-options.h"
#include "xl-plugin/health-text.h"

#define LIST(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void options_are_dockers(void **state)
{
    static const struct {
        int key;
        const char *value;
        const char *says; /* NULL: taken */
    } cases[] = {
        { HX_HEALTH_OPT_CMD, "wget -q x", NULL },
        { HX_HEALTH_OPT_CMD, "", "--health-cmd: it is empty" },
        { HX_HEALTH_OPT_INTERVAL, "1m30s", NULL },
        { HX_HEALTH_OPT_INTERVAL, "0", NULL },
        { HX_HEALTH_OPT_INTERVAL, "0s", NULL },
        { HX_HEALTH_OPT_INTERVAL, "30",
          "--health-interval: '30' is no length" },
        { HX_HEALTH_OPT_INTERVAL, "-1s", "is no length of time" },
        { HX_HEALTH_OPT_INTERVAL, "", "is no length of time" },
        { HX_HEALTH_OPT_TIMEOUT, "0.5ms",
          "--health-timeout: 0.5ms is too short" },
        { HX_HEALTH_OPT_TIMEOUT, "1ms", NULL },
        { HX_HEALTH_OPT_START_PERIOD, "600h", "too long" },
        { HX_HEALTH_OPT_START_PERIOD, "500h", NULL },
        { HX_HEALTH_OPT_RETRIES, "3", NULL },
        { HX_HEALTH_OPT_RETRIES, "-1", "--health-retries" },
        { HX_HEALTH_OPT_RETRIES, "x", "--health-retries" },
        { HX_HEALTH_OPT_NONE, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hx_health_options o = { 0 };
        struct hx_err err = { 0 };
        int r = hx_health_option(&o, cases[i].key, cases[i].value, &err);

        if (r != (cases[i].says ? -HX_ERR_USAGE : 0) ||
            (cases[i].says && !strstr(err.msg, cases[i].says)))
            fail_msg("'%s': %d, '%s'", cases[i].value, r, err.msg);
        assert_true(hx_health_has_option(cases[i].key));
    }
    assert_false(hx_health_has_option('e'));
}

static void one_cannot_ask_for_none_and_some(void **state)
{
    struct hx_health_options o = { .none = true };
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_health_check(&o, &err), 0);
    o.cmd = "true";
    assert_int_equal(hx_health_check(&o, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "--health-cmd"));
    o.cmd = NULL;
    o.given = "--health-retries";
    assert_int_equal(hx_health_check(&o, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "--health-retries"));
}

/* -- with an image ----------------------------------------------------------
 */

static const struct hx_image_health of_image = {
    .interval_ns = 5000000000,
    .timeout_ns = 1,
    .start_period_ns = UINT64_MAX,
    .retries = 9,
};

static void plan(const struct hx_health_options *o,
                 const struct hx_image_config *image,
                 struct hx_health_spec *spec)
{
    struct hx_err err = { 0 };

    *spec = (struct hx_health_spec){ 0 };
    assert_int_equal(hx_health_plan(o, image, "web", spec, &err), 0);
}

static void the_images_check_is_run(void **state)
{
    struct hx_image_config image = { .health = of_image };
    struct hx_health_options o = { 0 };
    struct hx_health_spec spec;

    (void)state;
    image.health.test = LIST("CMD", "/probe", "-x");
    plan(&o, &image, &spec);
    assert_string_equal(spec.args[0], "/probe");
    assert_string_equal(spec.args[1], "-x");
    assert_null(spec.args[2]);
    assert_string_equal(spec.test[0], "CMD");
    assert_int_equal(spec.interval_ms, 5000);
    assert_int_equal(spec.timeout_ms, 1);
    assert_int_equal(spec.start_period_ms, HX_HEALTH_MS_MAX);
    assert_int_equal(spec.retries, 9);
    hx_health_release(&spec);
    /* By the image's shell. */
    image.health.test = LIST("CMD-SHELL", "probe -x");
    image.shell = LIST("/bin/bash", "-o", "pipefail", "-c");
    o.retries = 2;
    plan(&o, &image, &spec);
    assert_int_equal(hx_strv_len(spec.args), 5);
    assert_string_equal(spec.args[0], "/bin/bash");
    assert_string_equal(spec.args[4], "probe -x");
    assert_int_equal(spec.retries, 2);
    hx_health_release(&spec);
}

static void ours_takes_its_place(void **state)
{
    struct hx_image_config image = { .health = of_image };
    struct hx_health_options o = { .cmd = "true", .interval_ms = 7 };
    struct hx_health_spec spec;

    (void)state;
    image.health.test = LIST("NONE");
    plan(&o, &image, &spec);
    assert_int_equal(hx_strv_len(spec.args), 3);
    assert_string_equal(spec.args[0], "/bin/sh");
    assert_string_equal(spec.args[1], "-c");
    assert_string_equal(spec.args[2], "true");
    assert_string_equal(spec.test[0], "CMD-SHELL");
    assert_int_equal(spec.interval_ms, 7);
    assert_int_equal(spec.retries, 9);
    hx_health_release(&spec);
    /* Docker's defaults. */
    image.health = (struct hx_image_health){ 0 };
    o.interval_ms = 0;
    plan(&o, &image, &spec);
    assert_int_equal(spec.interval_ms, 30000);
    assert_int_equal(spec.timeout_ms, 30000);
    assert_int_equal(spec.start_period_ms, 0);
    assert_int_equal(spec.retries, 3);
    hx_health_release(&spec);
}

static void there_may_be_none(void **state)
{
    struct hx_image_config image = { .health = of_image };
    struct hx_health_options o = { 0 };
    struct hx_health_spec spec;
    struct hx_err err = { 0 };

    (void)state;
    plan(&o, &image, &spec);
    assert_null(spec.test);
    image.health.test = LIST("NONE");
    plan(&o, &image, &spec);
    assert_null(spec.test);
    image.health.test = LIST("CMD", "x");
    o.none = true;
    plan(&o, &image, &spec);
    assert_null(spec.test);
    /* Options for what is not there. */
    o = (struct hx_health_options){ .given = "--health-retries" };
    image.health.test = NULL;
    assert_int_equal(hx_health_plan(&o, &image, "web", &spec, &err),
                     -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "--health-retries: image web has no"));
}

static void an_image_may_make_no_sense(void **state)
{
    static const char *const tests[][2] = { { "CMD" },
                                            { "CMD-SHELL" },
                                            { "\033[2J", "x" } };
    struct hx_image_config image = { 0 };
    const struct hx_health_options o = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct hx_health_spec spec;
        struct hx_err err = { 0 };

        image.health.test = LIST(tests[i][0], tests[i][1]);
        assert_int_equal(hx_health_plan(&o, &image, "web", &spec, &err),
                         -HX_ERR_CORRUPT);
        assert_non_null(strstr(err.msg, "--no-healthcheck"));
    }
}

/* -- the record --------------------------------------------------------------
 */

static void a_spec_is_kept_whole(void **state)
{
    const struct hx_health_spec spec = {
        LIST("CMD-SHELL", "x y"), LIST("/bin/sh", "-c", "x y"), 1, 2, 3, 4
    };
    _cleanup_json_ json_t *doc = hx_health_to_json(&spec);
    struct hx_health_spec back = { 0 };
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_health_from_json(doc, "x", &back, &err), 0);
    assert_string_equal(back.test[1], "x y");
    assert_string_equal(back.args[2], "x y");
    assert_int_equal(back.interval_ms, 1);
    assert_int_equal(back.timeout_ms, 2);
    assert_int_equal(back.start_period_ms, 3);
    assert_int_equal(back.retries, 4);
    hx_health_release(&back);
    json_object_set_new(doc, "retries", json_integer(0));
    assert_int_equal(hx_health_from_json(doc, "x", &back, &err),
                     -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "retries"));
    hx_health_release(&back);
    assert_int_equal(hx_health_from_json(NULL, "x", &back, &err), 0);
    assert_null(back.test);
}

/* -- hyper-inspect -----------------------------------------------------------
 */

static void inspect_is_dockers(void **state)
{
    const struct hx_health_record record = {
        .status = HX_HEALTH_HEALTHY,
        .streak = 2,
        .count = 1,
        .log = { { 1700000000000000001, 1700000001000000002, -1,
                   (char *)"words\n" } },
    };
    const struct hx_health_spec spec = {
        LIST("CMD", "x"), LIST("x"), 30000, 1, 0, 3
    };
    _cleanup_json_ json_t *doc = hx_health_inspect(&record, true);
    _cleanup_json_ json_t *ended = hx_health_inspect(&record, false);
    _cleanup_json_ json_t *check = hx_healthcheck_inspect(&spec);
    const char *status, *start, *end, *output, *kind;
    json_int_t interval, timeout;
    int streak, code;

    (void)state;
    assert_int_equal(json_unpack(doc, "{s:s, s:i, s:[{s:s, s:s, s:i, s:s}]}",
                                 "Status", &status, "FailingStreak", &streak,
                                 "Log", "Start", &start, "End", &end,
                                 "ExitCode", &code, "Output", &output),
                     0);
    assert_string_equal(status, "healthy");
    assert_int_equal(streak, 2);
    assert_string_equal(start, "2023-11-14T22:13:20.000000001Z");
    assert_string_equal(end, "2023-11-14T22:13:21.000000002Z");
    assert_int_equal(code, -1);
    assert_string_equal(output, "words\n");
    assert_string_equal(json_string_value(json_object_get(ended, "Status")),
                        "unhealthy");
    assert_int_equal(json_unpack(check, "{s:[s,s], s:I, s:I}", "Test", &kind,
                                 &output, "Interval", &interval, "Timeout",
                                 &timeout),
                     0);
    assert_string_equal(kind, "CMD");
    assert_true(interval == 30000000000);
    assert_true(timeout == 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_dockers),
        cmocka_unit_test(one_cannot_ask_for_none_and_some),
        cmocka_unit_test(the_images_check_is_run),
        cmocka_unit_test(ours_takes_its_place),
        cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(an_image_may_make_no_sense),
        cmocka_unit_test(a_spec_is_kept_whole),
        cmocka_unit_test(inspect_is_dockers),
    };

    return cmocka_run_group_tests_name("plugin_health", tests, NULL, NULL);
}
