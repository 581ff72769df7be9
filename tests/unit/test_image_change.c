/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of a Dockerfile that change an image's config, as hyper-commit's. */
#include <stdlib.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/pull/change.h"
#include "tests/unit/unit.h"

#define BEFORE                                                                 \
    "{\"Cmd\":[\"sh\"],\"Env\":[\"PATH=/bin\",\"A=b c\"],"                     \
    "\"WorkingDir\":\"/srv\"}"

/* Changes `before`; NULL and *err_r when that is refused. */
static char *change(const char *before, char *const *lines,
                    struct hx_err *err_r)
{
    _cleanup_json_ json_t *process = json_loads(before, 0, NULL);

    assert_non_null(process);
    return hx_change_apply(process, lines, err_r) < 0
               ? NULL
               : json_dumps(process, JSON_COMPACT | JSON_SORT_KEYS);
}

/* What a field is after these lines, as JSON. */
static void expect_after(const char *before, char *const *lines,
                         const char *field, const char *expected)
{
    struct hx_err err = { 0 };
    _cleanup_free_ char *after = change(before, lines, &err), *text = NULL;
    _cleanup_json_ json_t *doc = NULL;
    json_t *value;

    if (!after)
        fail_msg("%s: %s", lines[0], err.msg);
    doc = json_loads(after, 0, NULL);
    value = json_object_get(doc, field);
    text = value ? json_dumps(value,
                              JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
                 : strdup("none");
    assert_string_equal(text, expected);
}

#define EXPECT(field, expected, ...)                                           \
    expect_after(BEFORE, (char *[]){ __VA_ARGS__, NULL }, field, expected)

static void expect_refusal(const char *line, const char *words)
{
    char *lines[] = { (char *)line, NULL };
    struct hx_err err = { 0 };
    char *after = change(BEFORE, lines, &err);

    if (after || err.code != HX_ERR_USAGE || !strstr(err.msg, words))
        fail_msg("%s: %s", line, after ? after : err.msg);
}

static void test_commands(void **state)
{
    (void)state;
    EXPECT("Cmd", "[\"a\",\"b c\"]", "CMD [\"a\", \"b c\"]");
    EXPECT("Cmd", "[]", "CMD []");
    EXPECT("Cmd", "[\"/bin/sh\",\"-c\",\"a $B 'c d'\"]", "CMD a $B 'c d'");
    EXPECT("Cmd", "[\"/bin/sh\",\"-c\",\"[ a ]\"]", "cmd [ a ]");
    expect_after("{\"Shell\":[\"/bin/bash\",\"-ec\"]}",
                 (char *[]){ "CMD a", NULL }, "Cmd",
                 "[\"/bin/bash\",\"-ec\",\"a\"]");
}

static void test_an_entrypoint_takes_back_the_command(void **state)
{
    (void)state;
    EXPECT("Entrypoint", "[\"a\"]", "ENTRYPOINT [\"a\"]");
    EXPECT("Cmd", "none", "ENTRYPOINT [\"a\"]");
    EXPECT("Cmd", "[\"b\"]", "CMD [\"b\"]", "ENTRYPOINT [\"a\"]");
    EXPECT("Cmd", "[\"b\"]", "ENTRYPOINT [\"a\"]", "CMD [\"b\"]");
}

static void test_environment(void **state)
{
    (void)state;
    EXPECT("Env", "[\"PATH=/bin\",\"A=b c\",\"X=1\",\"Y=2\"]", "ENV X=1 Y=2");
    EXPECT("Env", "[\"PATH=/opt:/bin\",\"A=b c\"]", "ENV PATH=/opt:$PATH");
    EXPECT("Env", "[\"PATH=/bin\",\"A=b c\",\"X=1  2\"]", "ENV X 1  2");
    EXPECT("Env", "[\"PATH=/bin\",\"A=new\"]", "ENV A=new");
    EXPECT("Env", "[\"PATH=/bin\",\"A=b c\",\"X=\"]", "ENV X=");
    EXPECT("Env", "[\"PATH=/bin\",\"A=b c\",\"X=a=b\"]", "ENV X=a=b");
    expect_after("{}", (char *[]){ "ENV A=1", NULL }, "Env", "[\"A=1\"]");
}

static void test_words(void **state)
{
    (void)state;
    EXPECT("Labels", "{\"a\":\"1 2\",\"b\":\"$A\",\"c\":\"b c!\"}",
           "LABEL a=\"1 2\" b='$A' c=${A}!");
    EXPECT("Labels", "{\"a\":\"$A\",\"b\":\"x y\",\"c\":\"$\"}",
           "LABEL a=\\$A b=x\\ y c=$");
    EXPECT("Labels", "{\"a b\":\"\"}", "LABEL \"a b\"=$NOTHING");
    expect_refusal("LABEL a=\"b", "a quote has no end");
    expect_refusal("LABEL a=${A:-b}", "only $NAME and ${NAME}");
    expect_refusal("LABEL =b", "a name is missing");
    expect_refusal("LABEL a", "a value is missing");
    expect_refusal("LABEL a=b c", "no NAME=VALUE");
    expect_refusal("LABEL a=\xff", "UTF-8");
    expect_refusal("ENV a=\xff", "UTF-8");
}

static void test_ports(void **state)
{
    (void)state;
    EXPECT("ExposedPorts", "{\"53/udp\":{},\"80/tcp\":{},\"81/tcp\":{}}",
           "EXPOSE 80 53/udp 81/TCP");
    expect_refusal("EXPOSE 0", "a port is");
    expect_refusal("EXPOSE 65536", "a port is");
    expect_refusal("EXPOSE 80/x", "a port is");
    expect_refusal("EXPOSE 80-90", "a port is");
}

static void test_the_others(void **state)
{
    (void)state;
    EXPECT("Volumes", "{\"/a\":{},\"/b c\":{}}", "VOLUME [\"/a\", \"/b c\"]");
    EXPECT("Volumes", "{\"/a\":{},\"/b\":{}}", "VOLUME /a /b");
    EXPECT("User", "\"1:2\"", "USER 1:2");
    EXPECT("StopSignal", "\"SIGQUIT\"", "STOPSIGNAL SIGQUIT");
    EXPECT("WorkingDir", "\"/a b\"", "WORKDIR /a b");
    EXPECT("WorkingDir", "\"/srv/a/b\"", "WORKDIR a", "WORKDIR b");
}

static void test_a_document_is_merged(void **state)
{
    static const char *const cases[][3] = {
        { "{\"a\":1,\"b\":[1,2]}", "{}", "{\"a\":1,\"b\":[1,2]}" },
        { "{\"a\":1,\"b\":[1,2]}", "{\"b\":[3],\"c\":\"x\"}",
          "{\"a\":1,\"b\":[3],\"c\":\"x\"}" },
        { "{\"a\":1,\"b\":2}", "{\"b\":null,\"c\":null}", "{\"a\":1}" },
        { "{\"a\":{\"x\":1,\"y\":2,\"z\":3}}", "{\"a\":{\"y\":null,\"z\":[4]}}",
          "{\"a\":{\"x\":1,\"z\":[4]}}" },
        { "{\"a\":1}", "{\"a\":{\"b\":{\"c\":null,\"d\":1}}}",
          "{\"a\":{\"b\":{\"d\":1}}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_json_ json_t *process = json_loads(cases[i][0], 0, NULL);
        _cleanup_json_ json_t *document = json_loads(cases[i][1], 0, NULL);
        _cleanup_free_ char *text = NULL;
        struct hx_err err = { 0 };

        assert_int_equal(hx_change_merge(process, document, &err), 0);
        text = json_dumps(process, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(text, cases[i][2]);
    }
}

static void test_what_is_none(void **state)
{
    char *many;

    (void)state;
    expect_refusal("RUN a", "can be changed by CMD");
    expect_refusal("", "nothing follows");
    expect_refusal("CMD", "nothing follows");
    expect_refusal("CMDS a", "can be changed by CMD");
    many = calloc(1, 70001);
    memset(many, 'a', 70000);
    memcpy(many, "USER ", 5);
    expect_refusal(many, "too long");
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_an_entrypoint_takes_back_the_command),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_the_others),
        cmocka_unit_test(test_a_document_is_merged),
        cmocka_unit_test(test_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
