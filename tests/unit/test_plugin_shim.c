/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim, run as a program: which program it becomes, and with which
 * arguments.  Both others are scripts that say who they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/hx-shim-XXXXXX";

static void write_script(const char *name, const char *body)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
    const char *build = getenv("HX_BUILD") ? getenv("HX_BUILD") : "build";
    char command[512];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command),
             "cd %s && mkdir ours link real none copy && "
             "cp $OLDPWD/%s/bin/xl ours && cp ours/xl copy && "
             "ln -s ../ours/xl link",
             folder, build);
    assert_int_equal(system(command), 0);
    write_script("ours/xl-hyper",
                 "echo ours \"$(basename $0)\" \"$@\"; exit 3");
    write_script("real/xl", "[ \"$1\" = fail ] && exit 9\n"
                            "echo real $0 \"$@\"; [ \"$1\" = help ] || exit 4");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return hx_rm_rf(folder, NULL);
}

/* Runs `xl ARGUMENTS` with a PATH made of our folders. */
static int run(const char *path, const char *arguments, char *out, size_t size)
{
    char command[512];
    FILE *pipe;
    size_t got;
    int status;

    snprintf(command, sizeof(command),
             "F=%s; PATH=\"%s\" $F/ours/xl %s 2>&1 | sed \"s:$F:F:g\"; exit "
             "${PIPESTATUS[0]}",
             folder, path, arguments);
    setenv("BASH_COMMAND_TEXT", command, 1);
    pipe = popen("bash -c \"$BASH_COMMAND_TEXT\"", "r");
    assert_non_null(pipe);
    got = fread(out, 1, size - 1, pipe);
    out[got] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_who_gets_it(void **state)
{
    /* The shim's own folder stands first, and a link to it second. */
    static const char path[] = "$F/ours:$F/link:$F/none:$F/real:/usr/bin:/bin";
    static const struct {
        const char *arguments;
        const char *output;
        int status;
    } cases[] = {
        { "list", "real F/real/xl list\n", 4 },
        { "", "real F/real/xl\n", 4 },
        { "-v list", "real F/real/xl -v list\n", 4 },
        { "-vfN create x", "real F/real/xl -vfN create x\n", 4 },
        { "create 'a b' -- hyper-create",
          "real F/real/xl create a b -- hyper-create\n", 4 },
        { "hyper-create nginx 'a b'", "ours xl-hyper hyper-create nginx a b\n",
          3 },
        { "-v hyper-list", "ours xl-hyper -v hyper-list\n", 3 },
        { "-vN -t hyper-list -a", "ours xl-hyper -vN -t hyper-list -a\n", 3 },
        { "hyper-nonsense", "ours xl-hyper hyper-nonsense\n", 3 },
        { "hyper", "real F/real/xl hyper\n", 4 },
        { "-x hyper-list", "real F/real/xl -x hyper-list\n", 4 },
        { "-- hyper-list", "ours xl-hyper -- hyper-list\n", 3 },
        { "fail", "", 9 },
        { "help create", "real F/real/xl help create\n", 0 },
        { "help hyper-list", "ours xl-hyper hyper-help hyper-list\n", 3 },
        { "help",
          "real F/real/xl help\n\nPods from Docker images (see 'xl "
          "hyper-help'):\n\nours xl-hyper hyper-help --xl\n",
          3 },
    };
    char out[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(run(path, cases[i].arguments, out, sizeof(out)),
                         cases[i].status);
        assert_string_equal(out, cases[i].output);
    }
}

static void test_no_real_xl(void **state)
{
    char out[1024];

    (void)state;
    if (access("/usr/sbin/xl", X_OK) == 0 || access("/usr/bin/xl", X_OK) == 0)
        skip(); /* it would be found there, as it should */
    assert_int_equal(
        run("$F/ours:$F/link:/usr/bin:/bin", "list", out, sizeof(out)), 127);
    assert_string_equal(out, "xl: the real xl was not found; install Xen's "
                             "tools (Debian: xen-utils-common)\n");
    assert_int_equal(
        run("$F/ours:/usr/bin:/bin", "hyper-list", out, sizeof(out)), 3);
}

/* Each would take the other for the real one, for ever. */
static void test_two_copies(void **state)
{
    static const char *const arguments[] = { "list", "help" };
    char out[1024];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run("$F/ours:$F/copy:$F/real:/usr/bin:/bin",
                             arguments[i], out, sizeof(out)),
                         127);
        assert_string_equal(out, "xl: the real xl was not found; before it "
                                 "PATH has two copies of xl-hyper's; remove "
                                 "one\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_gets_it),
        cmocka_unit_test(test_no_real_xl),
        cmocka_unit_test(test_two_copies),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
