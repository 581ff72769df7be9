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
#include "xl-plugin/log-print.h"

struct fixture {
    char dir[32];
    char log[64];
    char older[64];
    int out; /* where the log is copied to */
    struct hx_log_printer printer;
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

static void append_raw(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static void append_text(const char *path, const char *text)
{
    append_raw(path, text, strlen(text));
}

/* A record for each line of `text`; the last may lack its newline. */
static void append(const char *path, const char *text)
{
    char record[256];

    if (!*text)
        append_raw(path, "", 0);
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool ends = text[len] == '\n';

        snprintf(record, sizeof(record),
                 "{\"log\":\"%.*s%s\",\"stream\":\"stdout\",\"time\":"
                 "\"2026-01-31T12:00:00.5Z\"}\n",
                 (int)len, text, ends ? "\\n" : "");
        append_raw(path, record, strlen(record));
        text += len + ends;
    }
}

/* Of a stream, a second of that minute. */
static void append_at(const char *path, const char *text, const char *stream,
                      int second)
{
    char record[256];

    snprintf(record, sizeof(record),
             "{\"log\":\"%s\",\"stream\":\"%s\",\"time\":"
             "\"2026-01-31T12:00:%02dZ\"}\n",
             text, stream, second);
    append_raw(path, record, strlen(record));
}

#define NOON_NS (INT64_C(1769860800) * 1000000000)

static int open_what(struct fixture *f, struct hx_follow_what what,
                     struct hx_follow *follow, struct hx_err *err)
{
    f->printer.fd[0] = f->printer.fd[1] = f->out;
    what.sink = hx_log_print;
    what.opaque = &f->printer;
    return hx_follow_open(f->log, &what, follow, err);
}

static int open_tail(struct fixture *f, int64_t lines, struct hx_follow *follow,
                     struct hx_err *err)
{
    return open_what(f, (struct hx_follow_what){ .tail_lines = lines }, follow,
                     err);
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
    assert_int_equal(hx_follow_read(follow, &err), 0);
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

    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
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
        assert_int_equal(open_tail(f, cases[i].lines, &follow, &err), 0);
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
        fprintf(log, "{\"log\":\"line %d\\n\",\"stream\":\"stdout\"}\n", i);
    fclose(log);
    assert_int_equal(open_tail(f, 2, &follow, &err), 0);
    assert_copied(f, &follow, "line 19998\nline 19999\n");
    hx_follow_close(&follow);
}

/* The newline makes a record; what is torn is waited for. */
static void test_a_torn_record(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append(f->log, "1\n");
    append_text(f->log, "{\"log\":\"2\\n\",");
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, "1\n");
    append_text(f->log, "\"stream\":\"stdout\"}");
    assert_copied(f, &follow, "");
    append_text(f->log, "\n");
    assert_copied(f, &follow, "2\n");
    /* Torn by a writer that died, and cut off by the next one. */
    append_text(f->log, "{\"log\":");
    assert_copied(f, &follow, "");
    assert_int_equal(truncate(f->log, lseek(follow.fd, 0, SEEK_CUR)), 0);
    append(f->log, "3\n");
    assert_copied(f, &follow, "3\n");
    assert_int_equal(hx_follow_check(&follow, &err), 0);
    hx_follow_close(&follow);
    append_text(f->log, "{\"log\":");
    assert_int_equal(open_tail(f, 1, &follow, &err), 0);
    assert_copied(f, &follow, "3\n");
    hx_follow_close(&follow);
}

static void test_what_is_no_record_is_left_out_and_told(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };
    char *big = malloc(HX_LOG_RECORD_MAX * 2 + 2);

    memset(big, 'x', HX_LOG_RECORD_MAX * 2 + 1);
    append(f->log, "1\n");
    append_text(f->log, "{\"log\":1}\n[]\n\n");
    append(f->log, "2\n");
    append_raw(f->log, big, HX_LOG_RECORD_MAX * 2 + 1);
    append_text(f->log, "\n");
    append(f->log, "3\n");
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow, "1\n2\n3\n");
    assert_int_equal(follow.broken, 4);
    assert_int_equal(hx_follow_check(&follow, &err), -HX_ERR_CORRUPT);
    hx_follow_close(&follow);
    free(big);
}

static void test_streams_and_times(void **state)
{
    static const struct {
        struct hx_follow_what what;
        const char *text;
    } cases[] = {
        { { .tail_lines = HX_FOLLOW_ALL }, "a\nb\nc\nd\n" },
        { { .tail_lines = HX_FOLLOW_ALL, .filter.no_stderr = true }, "a\nc\n" },
        { { .tail_lines = 1, .filter.no_stdout = true }, "d\n" },
        { { .tail_lines = 1, .filter.no_stderr = true }, "c\n" },
        { { .tail_lines = HX_FOLLOW_ALL,
            .filter.since_ns = NOON_NS + 2000000000 },
          "b\nc\nd\n" },
        { { .tail_lines = HX_FOLLOW_ALL,
            .filter.until_ns = NOON_NS + 2000000000 },
          "a\nb\n" },
        { { .tail_lines = 1, .filter.until_ns = NOON_NS + 3000000000 }, "c\n" },
    };
    struct fixture *f = *state;

    append_at(f->log, "a\\n", "stdout", 1);
    append_at(f->log, "b\\n", "stderr", 2);
    append_at(f->log, "c\\n", "stdout", 3);
    append_at(f->log, "d\\n", "stderr", 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_follow follow = { 0 };
        struct hx_err err = { 0 };

        assert_int_equal(open_what(f, cases[i].what, &follow, &err), 0);
        assert_copied(f, &follow, cases[i].text);
        assert_int_equal(follow.done, cases[i].what.filter.until_ns != 0);
        hx_follow_close(&follow);
    }
}

static void test_timestamps_begin_lines(void **state)
{
    struct fixture *f = *state;
    struct hx_follow follow = { 0 };
    struct hx_err err = { 0 };

    append_at(f->log, "a", "stdout", 1);
    append_at(f->log, "x\\n", "stderr", 2);
    append_at(f->log, "b\\n", "stdout", 3);
    append_at(f->log, "c\\n", "stdout", 4);
    f->printer.timestamps = true;
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
    assert_copied(f, &follow,
                  "2026-01-31T12:00:01.000000000Z a"
                  "2026-01-31T12:00:02.000000000Z x\nb\n"
                  "2026-01-31T12:00:04.000000000Z c\n");
    hx_follow_close(&follow);
}

static void test_bytes_that_are_no_text(void **state)
{
    static const struct {
        const char *record;
        const char *bytes;
        size_t len;
    } cases[] = {
        { "{\"log\":\"a\\u0000b\",\"stream\":\"stdout\"}", "a\0b", 3 },
        { "{\"log\":\"?\",\"stream\":\"stdout\",\"attrs\":{\"raw\":"
          "\"/wAK\"}}",
          "\xff\0\n", 3 },
        { "{\"log\":\"?\",\"stream\":\"stdout\",\"attrs\":{\"raw\":"
          "\"/w==\"}}",
          "\xff", 1 },
        { "{\"log\":\"?\",\"stream\":\"stderr\",\"attrs\":{\"raw\":"
          "\"/4A=\"}}",
          "\xff\x80", 2 },
        { "{\"log\":\"?\",\"stream\":\"stdout\",\"attrs\":{\"raw\":"
          "\"/w=\"}}",
          NULL, 0 },
        { "{\"log\":\"?\",\"stream\":\"stdout\",\"attrs\":{\"raw\":"
          "\"=w==\"}}",
          NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hx_log_record record = { 0 };
        int r = hx_log_record_parse(cases[i].record, strlen(cases[i].record),
                                    &record);

        assert_int_equal(r, cases[i].bytes ? 0 : -1);
        if (r < 0)
            continue;
        assert_int_equal(record.len, cases[i].len);
        assert_memory_equal(record.text, cases[i].bytes, cases[i].len);
        hx_log_record_release(&record);
    }
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
    assert_int_equal(open_tail(f, HX_FOLLOW_ALL, &follow, &err), 0);
    f->printer.fd[0] = ends[1];
    assert_true(hx_follow_read(&follow, &err) < 0);
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
    assert_true(open_tail(f, HX_FOLLOW_ALL, &follow, &err) < 0);
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
        TEST(test_a_torn_record),
        TEST(test_what_is_no_record_is_left_out_and_told),
        TEST(test_streams_and_times),
        TEST(test_timestamps_begin_lines),
        TEST(test_bytes_that_are_no_text),
        TEST(test_a_reader_that_has_gone),
        TEST(test_a_log_that_is_a_link_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
