/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running helpers: small shell scripts in place of `pull`. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/helper.h"
#include "image/image.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/hx-helper-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("HX_LIBEXEC", folder, 1) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("HX_LIBEXEC");
    return hx_rm_rf(folder, NULL);
}

static void write_script(const char *name, const char *body)
{
    char path[64], text[1000];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0700, NULL),
                     0);
}

static void count_line(const json_t *line, void *opaque)
{
    assert_true(json_is_object(line));
    (*(int *)opaque)++;
}

static int run(const char *body, const char *input, int *lines,
               struct hx_err *err)
{
    static char *const args[] = { (char *)"one", (char *)"two words", NULL };
    struct hx_helper helper = { .program = "pull",
                                .args = args,
                                .input = input,
                                .line = count_line,
                                .opaque = lines };

    *lines = 0;
    write_script("pull", body);
    return hx_helper_run(&helper, err);
}

static void test_lines(void **state)
{
    static const struct {
        const char *body;
        int lines, rc;
        const char *says;
    } table[] = {
        { "echo '{\"a\":1}'; echo '{\"b\":2}'", 2, 0, NULL },
        { "true", 0, 0, NULL },
        { "printf '{\"a\"'; sleep 0.05; echo ':1}'", 1, 0, NULL },
        { "echo no JSON; echo '[1]'; echo; echo '{\"a\":1}'", 1, 0, NULL },
        /* A line without an end is none. */
        { "printf '{\"a\":1}'", 0, 0, NULL },
        /* Too long: dropped, and what follows its end is read again. */
        { "head -c 300000 /dev/zero | tr '\\0' x; echo; echo '{\"a\":1}'", 1, 0,
          NULL },
        { "echo '{\"error\":{\"code\":\"corrupt\",\"message\":\"it is\"}}'; "
          "exit 1",
          0, -HX_ERR_CORRUPT, "it is" },
        /* An error counts, whatever the status says. */
        { "echo '{\"error\":{\"code\":\"auth\",\"message\":\"no\"}}'", 0,
          -HX_ERR_AUTH, "no" },
        { "echo '{\"error\":{\"code\":\"?\",\"message\":\"a\\u001bb\"}}'", 0,
          -HX_ERR_SYSTEM, "a?b" },
        { "echo '{\"error\":{}}'", 0, -HX_ERR_SYSTEM, "without a word" },
        { "exit 3", 0, -HX_ERR_SYSTEM, "failed with status 3" },
        { "echo oops >&2; exit 3", 0, -HX_ERR_SYSTEM, "status 3: oops" },
        { "kill -KILL $$", 0, -HX_ERR_SYSTEM, "killed by signal 9" },
        { "kill -INT $$", 0, -HX_ERR_INTERRUPTED, "interrupted" },
        { "kill -TERM $$", 0, -HX_ERR_INTERRUPTED, "interrupted" },
        { "[ \"$1\" = one ] && [ \"$2\" = 'two words' ] && [ $# = 2 ]", 0, 0,
          NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_err err = { 0 };
        int lines, rc = run(table[i].body, NULL, &lines, &err);

        if (rc != table[i].rc || lines != table[i].lines)
            fail_msg("%s: %d, %d lines, %s", table[i].body, rc, lines, err.msg);
        if (table[i].says && !strstr(err.msg, table[i].says))
            fail_msg("%s: %s", table[i].body, err.msg);
    }
}

static void test_without_err(void **state)
{
    int lines;

    (void)state;
    assert_int_equal(
        run("echo '{\"error\":{\"code\":\"auth\",\"message\":\"no\"}}'", NULL,
            &lines, NULL),
        -HX_ERR_AUTH);
}

static void test_input(void **state)
{
    struct hx_err err;
    char big[5000];
    int lines;

    (void)state;
    assert_int_equal(run("[ \"$(cat)\" = 'se cret' ]", "se cret", &lines, &err),
                     0);
    assert_int_equal(run("[ -z \"$(cat)\" ]", NULL, &lines, &err), 0);
    memset(big, 'a', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(run("true", big, &lines, &err), -HX_ERR_SYSTEM);
}

/* What is open here is not open there, but for what is named. */
static void test_descriptors(void **state)
{
    int kept = open("/dev/null", O_RDONLY), other = dup(kept);
    struct hx_helper helper = { .program = "pull",
                                .fds = &kept,
                                .fd_count = 1 };
    struct hx_err err;
    char body[200];

    (void)state;
    assert_true(kept >= 0 && other >= 0);
    snprintf(body, sizeof(body),
             "[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]", kept,
             other);
    write_script("pull", body);
    assert_int_equal(hx_helper_run(&helper, &err), 0);
    close(kept);
    close(other);
}

static void test_signals_are_as_usual(void **state)
{
    struct hx_err err;
    sigset_t all, old;
    int lines;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    assert_int_equal(
        run("grep -q '^SigBlk:.0000000000000000' /proc/self/status && "
            /* 32 and 33 are the C library's own, ignored below make. */
            "grep -q '^SigIgn:.0000000[01][08]0000000' /proc/self/status",
            NULL, &lines, &err),
        0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
}

/* Waits for a file that the script writes, at most 10 s. */
static pid_t read_pid(const char *path)
{
    static const struct timespec pause = { .tv_nsec = 10000000 };

    for (int i = 0; i < 1000; i++) {
        FILE *file = fopen(path, "re");
        int pid = 0;

        if (file) {
            if (fscanf(file, "%d\n", &pid) != 1)
                pid = 0;
            fclose(file);
        }
        if (pid)
            return pid;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static void test_it_dies_with_its_caller(void **state)
{
    static const struct timespec pause = { .tv_nsec = 10000000 };
    char path[64], body[200];
    pid_t caller, script;
    int gone = 0;

    (void)state;
    snprintf(path, sizeof(path), "%s/pid", folder);
    snprintf(body, sizeof(body), "echo $$ >%s; exec sleep 60", path);
    caller = fork();
    if (caller == 0) {
        int lines;

        run(body, NULL, &lines, NULL);
        _exit(0);
    }
    script = read_pid(path);
    assert_true(script > 0);
    assert_int_equal(kill(caller, SIGKILL), 0);
    assert_int_equal(waitpid(caller, NULL, 0), caller);
    for (int i = 0; i < 1000 && !gone; i++) {
        gone = kill(script, 0) < 0 && errno == ESRCH;
        if (!gone) {
            char stat_path[64], text[256] = "";
            FILE *file;

            /* A zombie that nobody has waited for is dead as well. */
            snprintf(stat_path, sizeof(stat_path), "/proc/%d/stat", script);
            file = fopen(stat_path, "re");
            if (file) {
                if (fgets(text, sizeof(text), file))
                    gone = strstr(text, ") Z ") != NULL;
                fclose(file);
            }
        }
        nanosleep(&pause, NULL);
    }
    assert_true(gone);
}

struct seen {
    int events;
    uint64_t total_bytes;
};

static void see(const struct hx_progress_event *event, void *opaque)
{
    struct seen *seen = opaque;

    assert_string_equal(event->stage, "downloading");
    assert_string_equal(event->object, "sha256:1");
    seen->events++;
    seen->total_bytes = event->total_bytes;
}

/* What hx_image_get makes of a pull: arguments, progress, error. */
static void test_image_get(void **state)
{
    struct hx_image_options options = { .pull = HX_PULL_ALWAYS,
                                        .platform = "linux/arm64" };
    struct seen seen = { 0 };
    struct hx_progress progress = { see, &seen };
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_image image = { 0 };
    struct hx_err err;
    char root[64];

    (void)state;
    snprintf(root, sizeof(root), "%s/store", folder);
    assert_int_equal(hx_store_open(root, &store, &err), 0);
    write_script("pull",
                 "[ \"$*\" = \"--store ${0%/*}/store --platform linux/arm64 "
                 "--no-engine -- nginx\" ] || exit 9\n"
                 "echo '{\"progress\":{\"stage\":\"downloading\",\"object\":"
                 "\"sha256:1\",\"done_bytes\":1,\"total_bytes\":7}}'\n"
                 "echo '{\"progress\":{\"stage\":5}}'\n"
                 "echo '{\"error\":{\"code\":\"network\",\"message\":\"gone\"}"
                 "}'; exit 1");
    assert_int_equal(
        hx_image_get(&store, "nginx", &options, &progress, &image, &err),
        -HX_ERR_NETWORK);
    assert_string_equal(err.msg, "pulling nginx: gone");
    assert_int_equal(seen.events, 1);
    assert_int_equal(seen.total_bytes, 7);
    write_script("pull", "true");
    assert_int_equal(hx_image_get(&store, "nginx", NULL, NULL, &image, &err),
                     -HX_ERR_SYSTEM);
    assert_string_equal(err.msg, "pulling nginx: 'pull' named no image");
}

static void test_login(void **state)
{
    struct hx_err err;

    (void)state;
    write_script("pull", "[ \"$*\" = '--login h:1 --user u' ] && "
                         "[ \"$(cat)\" = pw ]");
    assert_int_equal(hx_registry_login("h:1", "u", "pw", &err), 0);
    write_script("pull", "[ \"$*\" = '--logout docker.io' ]");
    assert_int_equal(hx_registry_logout(NULL, &err), 0);
}

static void test_code_names(void **state)
{
    (void)state;
    for (int code = 1; code < HX_ERR_CODES; code++)
        assert_int_equal(hx_err_code_of_name(hx_err_name(code)), code);
    assert_int_equal(hx_err_code_of_name("?"), HX_ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_without_err),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_signals_are_as_usual),
        cmocka_unit_test(test_it_dies_with_its_caller),
        cmocka_unit_test(test_image_get),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_code_names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
