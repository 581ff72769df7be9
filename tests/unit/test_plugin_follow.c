/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Following a log: tails, growth, rotation, a folder that vanishes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "tests/unit/unit.h"
#include "xl-plugin/follow.h"

struct fixture {
    char dir[32];
    char log[64];
    char older[64];
    int out; /* where the log is copied to */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    FILE *out = tmpfile();

    snprintf(f->dir, sizeof(f->dir), "/tmp/hx-follow-XXXXXX");
    if (!mkdtemp(f->dir) || !out)
        return -1;
    snprintf(f->log, sizeof(f->log), "%s/log", f->dir);
    snprintf(f->older, sizeof(f->older), "%s/log.1", f->dir);
    f->out = dup(fileno(out));
    fclose(out);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hx_rm_rf(f->dir, NULL);
    close(f->out);
    free(f);
    return 0;
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Copies, and compares all that was copied since the last time. */
static void assert_copied(struct fixture *f, struct hx_follow *follow,
                          const char *expected)
{
    char got[4096];
    struct hx_err err = { 0 };
    ssize_t n;

    assert_int_equal(ftruncate(f->out, 0), 0);
    lseek(f->out, 0, SEEK_SET);
    assert_int_equal(hx_follow_copy(follow, f->out, &err), 0);
    n = pread(f->out, got, sizeof(got) - 1, 0);
    assert_true(n >= 0);
    got[n] = '\0';
    assert_string_equal(got, expected);
}

static bool is_woken(const struct hx_follow *follow)
{
    struct pollfd fd = { .fd = hx_follow_fd(follow), .events = POLLIN };

    return poll(&fd, 1, 0) == 1;
}

static void test_growth(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, ""); /* no log yet */
    assert_false(is_woken(&follow));
    append(f->log, "one\n");
    assert_true(is_woken(&follow));
    assert_copied(f, &follow, "one\n");
    assert_false(is_woken(&follow));
    append(f->log, "two");
    append(f->log, "three\n");
    assert_copied(f, &follow, "twothree\n");
    assert_copied(f, &follow, "");
    hx_follow_close(&follow);
}

static void test_rotation_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->older, "0\n");
    append(f->log, "1\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, "0\n1\n");
    append(f->log, "2\n");
    assert_int_equal(rename(f->log, f->older), 0);
    /* Renamed, and the new one not there yet. */
    assert_true(is_woken(&follow));
    assert_copied(f, &follow, "2\n");
    append(f->older, "3\n");
    append(f->log, "4\n");
    assert_copied(f, &follow, "3\n4\n");
    append(f->log, "5\n");
    assert_copied(f, &follow, "5\n");
    hx_follow_close(&follow);
}

static void rotate(const struct fixture *f, const char *text)
{
    assert_int_equal(rename(f->log, f->older), 0);
    append(f->log, text);
}

static void test_a_slow_reader_reads_both_parts(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->log, "1\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, "1\n");
    append(f->log, "2\n");
    rotate(f, "3\n");
    rotate(f, "4\n");
    assert_copied(f, &follow, "2\n3\n4\n");
    rotate(f, "5\n");
    rotate(f, "6\n");
    assert_copied(f, &follow, "5\n6\n");
    assert_int_equal(hx_follow_check(&follow, &err), 0);
    hx_follow_close(&follow);
}

static void test_what_is_lost_is_told(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->log, "1\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    rotate(f, "2\n");
    rotate(f, "3\n");
    rotate(f, "4\n");
    assert_copied(f, &follow, "1\n3\n4\n");
    append(f->log, "5\n");
    assert_copied(f, &follow, "5\n");
    assert_int_equal(hx_follow_check(&follow, &err), -HX_ERR_LIMIT);
    hx_follow_close(&follow);
}

/* From the first byte on, however late one looks. */
static void test_a_log_that_began_after_us(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->older, "0\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    append(f->log, "1\n");
    rotate(f, "2\n");
    assert_copied(f, &follow, "0\n1\n2\n");
    assert_int_equal(hx_follow_check(&follow, &err), 0);
    hx_follow_close(&follow);
}

static void test_other_files_do_not_wake(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };
    char other[64];

    snprintf(other, sizeof(other), "%s/scratch.ext4", f->dir);
    append(other, "x");
    append(f->log, "1\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, "1\n");
    append(other, "y");
    assert_false(is_woken(&follow));
    rotate(f, "2\n");
    assert_copied(f, &follow, "2\n");
    append(f->log, "3\n");
    assert_true(is_woken(&follow));
    hx_follow_close(&follow);
}

static void test_a_removed_folder_takes_nothing_away(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->log, "1\n");
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    append(f->log, "2\n");
    assert_int_equal(hx_rm_rf(f->dir, &err), 0);
    assert_true(is_woken(&follow));
    assert_copied(f, &follow, "1\n2\n");
    assert_copied(f, &follow, "");
    hx_follow_close(&follow);
}

static void test_tails(void **state)
{
    static const struct {
        const char *older, *log; /* NULL: not there */
        int64_t lines;
        const char *tail;
    } cases[] = {
        { NULL, "a\nb\nc\n", 2, "b\nc\n" },
        { NULL, "a\nb\nc", 2, "b\nc" },
        { NULL, "a\nb\nc\n", 3, "a\nb\nc\n" },
        { NULL, "a\nb\nc\n", 9, "a\nb\nc\n" },
        { NULL, "a\nb\nc\n", 0, "" },
        { NULL, "a\n\n\n", 2, "\n\n" },
        { NULL, "", 2, "" },
        { NULL, NULL, 2, "" },
        { "1\n2\n3\n", "a\n", 2, "3\na\n" },
        { "1\n2\n3\n", "a\nb", 3, "3\na\nb" },
        { "1\n2\n3\n", "a\n", 1, "a\n" },
        { "1\n2\n3\n", "", 1, "3\n" },
        { "1\n2\n3\n", NULL, 2, "2\n3\n" },
        { "1\n2\n3", "x\na\n", 2, "3x\na\n" }, /* a line in both parts */
        { "1\n2\n3\n", "a\n", 0, "" },
        { "1\n2\n3\n", "a\n", 9, "1\n2\n3\na\n" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_follow follow = { 0 };
        struct hx_err err = { 0 };

        unlink(f->log);
        unlink(f->older);
        if (cases[i].older)
            append(f->older, cases[i].older);
        if (cases[i].log)
            append(f->log, cases[i].log);
        assert_int_equal(hx_follow_open(f->log, cases[i].lines, &follow, &err),
                         0);
        assert_copied(f, &follow, cases[i].tail);
        hx_follow_close(&follow);
    }
}

static void test_tail_of_a_long_log(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };
    FILE *log = fopen(f->log, "w");

    for (int i = 0; i < 20000; i++)
        fprintf(log, "line %d\n", i);
    fclose(log);
    assert_int_equal(hx_follow_open(f->log, 2, &follow, &err), 0);
    assert_copied(f, &follow, "line 19998\nline 19999\n");
    hx_follow_close(&follow);
}

static void test_a_reader_that_has_gone(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };
    int ends[2];

    append(f->log, "1\n");
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_true(hx_follow_copy(&follow, ends[1], &err) < 0);
    assert_int_equal(err.sys, EPIPE);
    close(ends[1]);
    hx_follow_close(&follow);
}

static void test_a_log_that_is_a_link_is_refused(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    assert_int_equal(symlink("/etc/passwd", f->log), 0);
    assert_true(hx_follow_open(f->log, HX_FOLLOW_ALL, &follow, &err) < 0);
    assert_null(follow.path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_growth),
        TEST(test_rotation_loses_nothing),
        TEST(test_a_slow_reader_reads_both_parts),
        TEST(test_what_is_lost_is_told),
        TEST(test_a_log_that_began_after_us),
        TEST(test_other_files_do_not_wake),
        TEST(test_a_removed_folder_takes_nothing_away),
        TEST(test_tails),
        TEST(test_tail_of_a_long_log),
        TEST(test_a_reader_that_has_gone),
        TEST(test_a_log_that_is_a_link_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
