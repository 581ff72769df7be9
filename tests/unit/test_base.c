/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bottom layer: errors, escaping, buffers, lists, JSON, files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/base/buf.h"
#include "image/base/clock.h"
#include "image/base/err.h"
#include "image/base/escape.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/base/strv.h"
#include "tests/unit/unit.h"

static void test_error_sentences(void **state)
{
    struct hx_err err;

    (void)state;
    assert_int_equal(hx_err_set(&err, HX_ERR_NOT_FOUND, "pulling %s", "x"),
                     -HX_ERR_NOT_FOUND);
    assert_string_equal(err.msg, "pulling x");
    assert_int_equal(hx_err_prefix(&err, "pod %s", "a"), -HX_ERR_NOT_FOUND);
    assert_string_equal(err.msg, "pod a: pulling x");
    assert_string_equal(hx_err_name(err.code), "not-found");
    assert_int_equal(hx_err_sys(&err, HX_ERR_SYSTEM, ENOSPC, "writing"),
                     -HX_ERR_NO_SPACE);
    assert_string_equal(err.msg,
                        "writing: No space left on device; free space there, "
                        "or remove images with 'xl hyper-rmi'");
    assert_int_equal(err.sys, ENOSPC);
    assert_int_equal(hx_err_sys(NULL, HX_ERR_SYSTEM, EACCES, "x"),
                     -HX_ERR_PRIVILEGE);
    hx_err_clear(&err);
    assert_int_equal(err.code, HX_ERR_NONE);
}

static void test_every_code_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < HX_ERR_CODES; i++)
        assert_non_null(hx_err_name(i));
    assert_string_equal(hx_err_name(HX_ERR_CODES), "unknown");
}

static void test_long_errors_are_cut(void **state)
{
    char text[3000];
    struct hx_err err;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    hx_err_set(&err, HX_ERR_USAGE, "%s", text);
    assert_int_equal(strlen(err.msg), HX_ERR_MSG_MAX - 1);
    hx_err_prefix(&err, "front");
    assert_int_equal(strncmp(err.msg, "front: aaa", 10), 0);
    assert_int_equal(strlen(err.msg), HX_ERR_MSG_MAX - 1);
}

static void test_escape(void **state)
{
    static const struct {
        const char *in, *out;
    } table[] = {
        { "plain", "plain" },
        { "\033[2J", "?[2J" },
        { "a\nb\tc\177", "a?b?c?" },
        { "gr\303\274n \360\237\220\263", "gr\303\274n \360\237\220\263" },
        { "\302\233m", "??m" },         /* C1 control sequence introducer */
        { "\377\376", "??" },           /* no UTF-8 at all */
        { "\300\257", "??" },           /* overlong '/' */
        { "\355\240\200", "???" },      /* a surrogate */
        { "\364\220\200\200", "????" }, /* above U+10FFFF */
        { "cut \342\202", "cut ??" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char text[32];

        strcpy(text, table[i].in);
        hx_escape_in_place(text);
        assert_string_equal(text, table[i].out);
    }
}

static void test_buffer_has_a_bound(void **state)
{
    struct hx_buf buf = HX_BUF_INIT(10);
    char *text;

    (void)state;
    assert_int_equal(hx_buf_adds(&buf, "12345"), 0);
    assert_int_equal(hx_buf_addf(&buf, "%d", 67890), 0);
    assert_int_equal(hx_buf_adds(&buf, "x"), -1);
    assert_int_equal(errno, EFBIG);
    assert_string_equal(buf.data, "1234567890");
    assert_int_equal(hx_buf_add(&buf, "", SIZE_MAX), -1);
    text = hx_buf_detach(&buf);
    assert_string_equal(text, "1234567890");
    free(text);
    text = hx_buf_detach(&buf);
    assert_string_equal(text, "");
    free(text);
    hx_buf_release(&buf);
}

static void test_lists_and_environments(void **state)
{
    char **env = NULL;

    (void)state;
    assert_int_equal(hx_strv_len(NULL), 0);
    assert_int_equal(hx_env_put(&env, "A=1"), 0);
    assert_int_equal(hx_env_put(&env, "AB=2"), 0);
    assert_int_equal(hx_env_put(&env, "A=3"), 0);
    assert_int_equal(hx_strv_len(env), 2);
    assert_string_equal(hx_env_get(env, "A"), "3");
    assert_string_equal(hx_env_get(env, "AB"), "2");
    assert_null(hx_env_get(env, "B"));
    hx_strv_free(&env);
    assert_null(env);
}

static void test_json_types_are_strict(void **state)
{
    static const char text[] = "{\"s\":\"x\",\"n\":5,\"neg\":-1,\"b\":true,"
                               "\"l\":[\"a\",\"b\"],\"mixed\":[\"a\",1],"
                               "\"o\":{},\"nil\":null}";
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_strv_ char **list = NULL;
    const char *s = "untouched";
    uint64_t n = 0;
    json_t *child = NULL;
    struct hx_err err;
    int b = 0;

    (void)state;
    assert_int_equal(hx_json_parse(text, strlen(text), "t", &doc, &err), 0);
    assert_int_equal(hx_json_str(doc, "nil", "t", HX_JSON_OPTIONAL, &s, &err),
                     0);
    assert_string_equal(s, "untouched");
    assert_int_equal(hx_json_str(doc, "s", "t", HX_JSON_REQUIRED, &s, &err), 0);
    assert_string_equal(s, "x");
    assert_int_equal(hx_json_str(doc, "n", "t", HX_JSON_REQUIRED, &s, &err),
                     -HX_ERR_CORRUPT);
    assert_string_equal(err.msg, "t: field \"n\" is not a string");
    assert_int_equal(hx_json_str(doc, "gone", "t", HX_JSON_REQUIRED, &s, &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(hx_json_u64(doc, "n", "t", HX_JSON_REQUIRED, &n, &err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(hx_json_u64(doc, "neg", "t", HX_JSON_REQUIRED, &n, &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(hx_json_bool(doc, "b", "t", HX_JSON_REQUIRED, &b, &err),
                     0);
    assert_true(b);
    assert_int_equal(hx_json_obj(doc, "l", "t", HX_JSON_REQUIRED, &child, &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(hx_json_strv(doc, "l", "t", HX_JSON_REQUIRED, &list, &err),
                     0);
    assert_int_equal(hx_strv_len(list), 2);
    assert_int_equal(
        hx_json_strv(doc, "mixed", "t", HX_JSON_REQUIRED, &list, &err),
        -HX_ERR_CORRUPT);
}

static void test_json_refuses(void **state)
{
    static const char *const bad[] = { "",
                                       "[]",
                                       "{",
                                       "{\"a\":1,\"a\":2}",
                                       "{\"a\":\"\\u0000\"}",
                                       "{} x",
                                       "{\"a\":\"\377\"}" };
    struct hx_err err;
    json_t *doc = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(hx_json_parse(bad[i], strlen(bad[i]), "t", &doc, &err),
                         -HX_ERR_CORRUPT);
        assert_null(doc);
    }
}

static char folder[] = "/tmp/hx-base-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    struct hx_err err;

    (void)state;
    return chdir("/") || hx_rm_rf(folder, &err);
}

static void test_files_are_replaced_whole(void **state)
{
    struct hx_buf buf;
    struct hx_err err;
    struct stat st;

    (void)state;
    assert_int_equal(hx_file_read("f", 10, &buf, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_file_write_atomic("f", "one", 3, 0600, &err), 0);
    assert_int_equal(hx_file_write_atomic("f", "two!", 4, 0640, &err), 0);
    assert_int_equal(hx_file_read("f", 4, &buf, &err), 0);
    assert_string_equal(buf.data, "two!");
    hx_buf_release(&buf);
    assert_int_equal(hx_file_read("f", 3, &buf, &err), -HX_ERR_LIMIT);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(hx_file_write_atomic("no/f", "x", 1, 0600, &err),
                     -HX_ERR_SYSTEM);
}

static void test_trees_are_removed_without_following(void **state)
{
    struct hx_err err;

    (void)state;
    assert_int_equal(hx_mkdir_p("keep", 0700, &err), 0);
    assert_int_equal(hx_file_write_atomic("keep/me", "x", 1, 0600, &err), 0);
    assert_int_equal(hx_mkdir_p("t/a/b", 0700, &err), 0);
    assert_int_equal(hx_mkdir_p("t/a/b", 0700, &err), 0);
    assert_int_equal(symlink("../../keep", "t/a/link"), 0);
    assert_int_equal(hx_rm_rf("t", &err), 0);
    assert_int_equal(access("t", F_OK), -1);
    assert_int_equal(access("keep/me", F_OK), 0);
    assert_int_equal(hx_rm_rf("t", &err), 0);
}

static void test_locks_exclude_and_time_out(void **state)
{
    struct hx_err err;
    int a = -1, b = -1;

    (void)state;
    assert_int_equal(hx_lock("l", 0, 0, &a, &err), 0);
    assert_int_equal(hx_lock("l", 0, 0, &b, &err), 0);
    close(b);
    b = -1;
    assert_int_equal(hx_lock("l", 1, 20, &b, &err), -HX_ERR_STATE);
    assert_int_equal(b, -1);
    close(a);
    assert_int_equal(hx_lock("l", 1, 0, &b, &err), 0);
    close(b);
}

/* --env-file <(command): there is nothing yet when the reading begins. */
static void test_a_pipe_is_waited_for(void **state)
{
    _cleanup_buf_ struct hx_buf buf = { 0 };
    struct hx_err err = { 0 };
    char path[32];
    int ends[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        usleep(20000);
        _exit(write(ends[1], "A=1\n", 4) == 4 ? 0 : 1);
    }
    close(ends[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    assert_int_equal(hx_file_read(path, 10, &buf, &err), 0);
    assert_int_equal(buf.len, 4);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ends[0]);
}

static void test_clocks(void **state)
{
    int64_t began = hx_clock_monotonic_ms(), now;

    (void)state;
    usleep(3000);
    assert_true(hx_clock_monotonic_ms() - began >= 2);
    now = hx_clock_unix_ms();
    assert_true(now / 1000 <= time(NULL) + 1);
    assert_true(now / 1000 >= time(NULL) - 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_error_sentences),
        cmocka_unit_test(test_every_code_has_a_name),
        cmocka_unit_test(test_long_errors_are_cut),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_buffer_has_a_bound),
        cmocka_unit_test(test_lists_and_environments),
        cmocka_unit_test(test_json_types_are_strict),
        cmocka_unit_test(test_json_refuses),
        cmocka_unit_test(test_files_are_replaced_whole),
        cmocka_unit_test(test_a_pipe_is_waited_for),
        cmocka_unit_test(test_trees_are_removed_without_following),
        cmocka_unit_test(test_locks_exclude_and_time_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
