/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the operands of hyper-cp mean. */
#include "tests/unit/unit.h"

#include <string.h>

#include "xl-plugin/copy-path.h"

static void operands(void **state)
{
    static const struct {
        const char *text, *pod, *path;
    } cases[] = {
        { "web:/etc", "web", "/etc" },    { "web:etc", "web", "/etc" },
        { "web:/etc/", "web", "/etc/" },  { "web:/etc/.", "web", "/etc/." },
        { "web:.", "web", "/" },          { "web:/", "web", "/" },
        { "web:/.", "web", "/" },         { "web://a//b", "web", "/a/b" },
        { "web:/a/../b", "web", "/b" },   { "web:/../..", "web", "/" },
        { "web:/a/b/..", "web", "/a" },   { "web:a:b", "web", "/a:b" },
        { "/tmp/a:b", NULL, "/tmp/a:b" }, { "./a:b", NULL, "./a:b" },
        { "../a:b", NULL, "../a:b" },     { "file", NULL, "file" },
    };
    struct hx_copy_operand got;
    struct hx_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hx_copy_operand_parse(cases[i].text, &got, &err), 0);
        if (!got.path || strcmp(got.path, cases[i].path) != 0 ||
            !got.pod != !cases[i].pod ||
            (got.pod && strcmp(got.pod, cases[i].pod) != 0))
            fail_msg("'%s': %s, %s", cases[i].text, got.pod ? got.pod : "-",
                     got.path);
        assert_false(got.is_pipe);
        hx_copy_operand_release(&got);
    }
    assert_int_equal(hx_copy_operand_parse("-", &got, &err), 0);
    assert_true(got.is_pipe);
    hx_copy_operand_release(&got);
    assert_int_equal(hx_copy_operand_parse("", &got, &err), -HX_ERR_USAGE);
    assert_int_equal(hx_copy_operand_parse("web:", &got, &err), -HX_ERR_USAGE);
    assert_int_equal(hx_copy_operand_parse(":/x", &got, &err), -HX_ERR_USAGE);
}

static void tops(void **state)
{
    static const struct {
        const char *path, *top;
    } cases[] = {
        { "/etc", "etc" }, { "/etc/", "etc" }, { "/etc/.", "." },
        { "/", "." },      { ".", "." },       { "file", "file" },
        { "a/b//", "b" },  { "/usr/..", "." }, { "/usr/bin/..", "usr" },
        { "...", "..." },  { "a..", "a.." },
    };
    char top[NAME_MAX + 1], longer[NAME_MAX + 3];
    struct hx_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hx_copy_top(cases[i].path, top, &err), 0);
        assert_string_equal(top, cases[i].top);
    }
    assert_int_equal(hx_copy_top("/nonexistent/..", top, &err),
                     -HX_ERR_NOT_FOUND);
    memset(longer, 'n', sizeof(longer));
    longer[NAME_MAX + 1] = '\0';
    assert_int_equal(hx_copy_top(longer, top, &err), -HX_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands),
        cmocka_unit_test(tops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
