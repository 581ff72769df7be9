/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hyper-exec does with its command line and with keys. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "xl-plugin/commands.h"
#include "xl-plugin/detach-keys.h"
#include "xl-plugin/tend.h"

static void test_keys_are_parsed(void **state)
{
    static const struct {
        const char *text, *keys; /* NULL: refused */
        size_t count;
    } cases[] = {
        { "", "\x10\x11", 2 },
        { "ctrl-p,ctrl-q", "\x10\x11", 2 },
        { "a", "a", 1 },
        { "ctrl-@,x,ctrl-_", "\0x\x1f", 3 },
        { "ctrl-\\", "\x1c", 1 },
        { ",", NULL, 0 },
        { "ctrl-", NULL, 0 },
        { "ctrl-P", NULL, 0 },
        { "ab", NULL, 0 },
        { "a,", NULL, 0 },
        { "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_detach_keys keys = { 0 };
        struct hx_err err = { 0 };
        int r = hx_detach_keys_parse(cases[i].text, &keys, &err);

        assert_int_equal(r, cases[i].keys ? 0 : -HX_ERR_USAGE);
        assert_int_equal(keys.count, cases[i].count);
        if (r == 0)
            assert_memory_equal(keys.key, cases[i].keys, keys.count);
    }
}

/* Typed in one piece, or key by key. */
static void test_keys_leave(void **state)
{
    static const struct {
        const char *keys, *typed, *passed;
        bool leaves;
    } cases[] = {
        { "", "ls\n", "ls\n", false },
        { "", "ls\x10\x11rm", "ls", true },
        { "", "\x10x", "\x10x", false },
        { "", "\x10\x10x", "\x10\x10x", false },
        { "", "\x10\x10\x11", "\x10", true },
        { "", "\x10", "", false },
        { "q", "abq", "ab", true },
        { "a,b,c", "abababc", "abab", true },
    };

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof(cases) / sizeof(*cases)); i++) {
        size_t c = i / 2, step = i % 2 ? 1 : strlen(cases[c].typed);
        struct hx_detach_keys keys;
        uint8_t out[64];
        size_t used = 0, len = strlen(cases[c].typed);
        bool stays = true;

        assert_int_equal(hx_detach_keys_parse(cases[c].keys, &keys, NULL), 0);
        for (size_t at = 0; at < len && stays; at += step) {
            size_t more = 0;

            stays =
                hx_detach_keys_pass(&keys, (const uint8_t *)cases[c].typed + at,
                                    step, out + used, &more);
            used += more;
        }
        assert_int_equal(!stays, cases[c].leaves);
        assert_int_equal(used, strlen(cases[c].passed));
        assert_memory_equal(out, cases[c].passed, used);
    }
}

/* Standard error into a file, standard input from one. */
static int run(const char *const *args, char *said, size_t size)
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO), input = dup(STDIN_FILENO);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status, argc = 0;
    ssize_t n;

    while (args[argc])
        argc++;
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    dup2(null, STDIN_FILENO);
    status = hx_cmd_exec.run(&hx_cmd_exec, argc, (char **)args);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    dup2(input, STDIN_FILENO);
    close(before);
    close(input);
    close(null);
    n = pread(fileno(file), said, size - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    fclose(file);
    return status;
}

static void test_command_lines(void **state)
{
    static const struct {
        const char *args[8];
        int status;
        const char *said;
    } cases[] = {
        { { "exec" }, 125, "needs POD COMMAND" },
        { { "exec", "web" }, 125, "needs POD COMMAND" },
        { { "exec", "-z", "web", "true" }, 125, "-z" },
        { { "exec", "-w", "tmp", "web", "true" }, 125, "does not begin" },
        { { "exec", "-e", "=x", "web", "true" }, 125, "name is missing" },
        { { "exec", "--detach-keys", "foo", "web", "true" }, 125, "no keys" },
        { { "exec", "--vm", "--container", "a", "web", "true" },
          125,
          "one or the other" },
        { { "exec", "-it", "web", "sh" },
          1,
          "xl-hyper: the input device is not a TTY\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char said[1024];

        assert_int_equal(run(cases[i].args, said, sizeof(said)),
                         cases[i].status);
        assert_non_null(strstr(said, cases[i].said));
    }
}

static void test_what_is_said_of_an_ended_pod(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_tend_ended("web", "", 3, &err), -HX_ERR_STATE);
    assert_string_equal(err.msg,
                        "the pod web does not run: it has ended with 3");
    assert_int_equal(hx_tend_ended("web", "no\x1b memory", 3, &err),
                     -HX_ERR_STATE);
    assert_string_equal(err.msg, "the pod web does not run: no? memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_parsed),
        cmocka_unit_test(test_keys_leave),
        cmocka_unit_test(test_command_lines),
        cmocka_unit_test(test_what_is_said_of_an_ended_pod),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
