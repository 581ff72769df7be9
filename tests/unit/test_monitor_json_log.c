/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_write_all hx_journal_write rename */
/*
 * A container's log: its format, its bounds, and that a writer who is killed
 * at any point leaves every byte in it exactly once.
 */
#include "domain-builder/monitor/json-log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "tests/unit/pod_fixture.h"
#include "tests/unit/unit.h"

#define DOMID 7

int __wrap_hx_write_all(int fd, const void *data, size_t len);
int __real_hx_write_all(int fd, const void *data, size_t len);
int __wrap_hx_journal_write(int fd, const struct hx_journal *journal);
int __real_hx_journal_write(int fd, const struct hx_journal *journal);
int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);

struct scene {
    struct pod_fixture *fixture;
    struct hx_pod_dir dir;
};

/* -- what happens to a writer -----------------------------------------------
 */

static long steps_left = -1; /* until the writer is killed; -1: never */
static bool disk_is_full;

static void step(void)
{
    if (steps_left == 0)
        _exit(9);
    if (steps_left > 0)
        steps_left--;
}

int __wrap_hx_write_all(int fd, const void *data, size_t len)
{
    const char *bytes = data;

    if (disk_is_full) {
        assert_int_equal(__real_hx_write_all(fd, data, len / 2), 0);
        errno = ENOSPC;
        return -1;
    }
    if (steps_left < 0)
        return __real_hx_write_all(fd, data, len);
    if ((size_t)steps_left < len) {
        __real_hx_write_all(fd, bytes, (size_t)steps_left);
        _exit(9);
    }
    steps_left -= (long)len;
    return __real_hx_write_all(fd, data, len);
}

int __wrap_hx_journal_write(int fd, const struct hx_journal *journal)
{
    int r;

    step();
    r = __real_hx_journal_write(fd, journal);
    step();
    return r;
}

int __wrap_rename(const char *from, const char *to)
{
    int r;

    step();
    r = __real_rename(from, to);
    step();
    return r;
}

/* -- helpers ----------------------------------------------------------------
 */

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    pod_fixture_setup((void **)&scene->fixture);
    pod_fixture_make(scene->fixture, "web", HX_POD_RUNNING, &scene->dir);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    hx_pod_dir_release(&scene->dir);
    pod_fixture_teardown((void **)&scene->fixture);
    free(scene);
    return 0;
}

static void open_log(struct scene *scene, struct hx_json_log *log,
                     uint32_t domid, uint64_t max_bytes)
{
    struct hx_err err = { 0 };

    assert_int_equal(
        hx_json_log_open(log, &scene->dir, 0, domid, max_bytes, &err), 0);
}

static void add(struct hx_json_log *log, enum hx_json_stream stream,
                const char *text)
{
    hx_json_log_add(log, stream, text, strlen(text));
}

static void read_file(const struct scene *scene, const char *name,
                      struct hx_buf *text_r)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", scene->dir.path, name);
    if (hx_file_read(path, 16u << 20, text_r, NULL) < 0)
        assert_int_equal(access(path, F_OK), -1);
}

static void unbase64(const char *text, struct hx_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text);

    assert_int_equal(len % 4, 0);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        char bytes[3];
        size_t n = 3;

        for (size_t k = 0; k < 4; k++) {
            const char *at = strchr(digits, text[i + k]);

            n -= text[i + k] == '=';
            bits = bits << 6 | (uint32_t)(at ? at - digits : 0);
        }
        bytes[0] = (char)(bits >> 16);
        bytes[1] = (char)(bits >> 8);
        bytes[2] = (char)bits;
        assert_int_equal(hx_buf_add(out, bytes, n), 0);
    }
}

/* Takes a log's lines apart. */
static void decode(const struct hx_buf *text, struct hx_buf *streams)
{
    const char *line = text->data ? text->data : "";

    while (*line) {
        const char *end = strchr(line, '\n'), *raw = NULL;
        _cleanup_json_ json_t *doc = NULL;
        const json_t *said;
        const char *stream;

        assert_non_null(end);
        doc = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        assert_non_null(doc);
        said = json_object_get(doc, "log");
        stream = json_string_value(json_object_get(doc, "stream"));
        raw = json_string_value(
            json_object_get(json_object_get(doc, "attrs"), "raw"));
        streams += strcmp(stream, "stderr") == 0;
        if (raw)
            unbase64(raw, streams);
        else
            hx_buf_add(streams, json_string_value(said),
                       json_string_length(said));
        streams -= strcmp(stream, "stderr") == 0;
        line = end + 1;
    }
}

static void log_is(const struct scene *scene, const char *out, size_t out_len,
                   const char *errors, size_t errors_len)
{
    _cleanup_buf_ struct hx_buf older = { 0 };
    _cleanup_buf_ struct hx_buf newer = { 0 };
    struct hx_buf streams[2] = { HX_BUF_INIT(1 << 24), HX_BUF_INIT(1 << 24) };

    read_file(scene, "0-json.log.1", &older);
    read_file(scene, "0-json.log", &newer);
    decode(&older, streams);
    decode(&newer, streams);
    assert_int_equal(streams[0].len, out_len);
    assert_int_equal(streams[1].len, errors_len);
    if (out_len)
        assert_memory_equal(streams[0].data, out, out_len);
    if (errors_len)
        assert_memory_equal(streams[1].data, errors, errors_len);
    hx_buf_release(&streams[0]);
    hx_buf_release(&streams[1]);
}

/* -- records ----------------------------------------------------------------
 */

static void a_record_is_as_dockers(void **state)
{
    static const struct {
        const char *raw;
        size_t len;
        const char *record; /* without the time */
    } cases[] = {
        { "hello\n", 6, "{\"log\":\"hello\\n\",\"stream\":\"stdout\"" },
        { "\0\t\r\"\\\033\177", 7,
          "{\"log\":\"\\u0000\\t\\r\\\"\\\\\\u001b\177\",\"stream\":"
          "\"stdout\"" },
        { "\303\251\342\202\254\360\237\230\200", 9,
          "{\"log\":\"\303\251\342\202\254\360\237\230\200\",\"stream\":"
          "\"stdout\"" },
        { "\377\n", 2,
          "{\"log\":\"\\ufffd\\n\",\"stream\":\"stdout\","
          "\"attrs\":{\"raw\":\"/wo=\"}" },
        { "a\355\240\200", 4, /* a surrogate */
          "{\"log\":\"a\\ufffd\\ufffd\\ufffd\",\"stream\":\"stdout\","
          "\"attrs\":{\"raw\":\"Ye2ggA==\"}" },
        { "\303", 1,
          "{\"log\":\"\\ufffd\",\"stream\":\"stdout\","
          "\"attrs\":{\"raw\":\"ww==\"}" },
    };
    const struct timespec when = { .tv_sec = 1795649239, .tv_nsec = 123456789 };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buf_ struct hx_buf out = { 0 };
        char wanted[200];

        snprintf(wanted, sizeof(wanted),
                 "%s,\"time\":\"2026-11-25T23:27:19.123456789Z\"}\n",
                 cases[i].record);
        assert_int_equal(
            hx_json_record(&out, "stdout", cases[i].raw, cases[i].len, &when),
            0);
        assert_string_equal(out.data, wanted);
    }
}

static void a_record_that_does_not_fit_leaves_nothing(void **state)
{
    struct hx_buf out = HX_BUF_INIT(20);
    const struct timespec when = { 0 };

    (void)state;
    hx_buf_adds(&out, "before");
    assert_int_equal(hx_json_record(&out, "stdout", "x", 1, &when), -1);
    assert_string_equal(out.data, "before");
    hx_buf_release(&out);
}

static void a_character_that_goes_on_is_known(void **state)
{
    (void)state;
    assert_int_equal(hx_json_record_cut("abc", 3), 0);
    assert_int_equal(hx_json_record_cut("ab\303", 3), 1);
    assert_int_equal(hx_json_record_cut("a\342\202", 3), 2);
    assert_int_equal(hx_json_record_cut("\360\237\230", 3), 3);
    assert_int_equal(hx_json_record_cut("a\303\251", 3), 0);
    assert_int_equal(hx_json_record_cut("\202\202\202\202", 4), 0);
    assert_int_equal(hx_json_record_cut("\377", 1), 0);
    assert_int_equal(hx_json_record_cut("", 0), 0);
}

/* -- the log ----------------------------------------------------------------
 */

static size_t lines_of(const struct scene *scene)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    size_t lines = 0;

    read_file(scene, "0-json.log", &text);
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static void a_line_is_a_record_and_a_rest_waits(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;

    open_log(scene, &log, DOMID, 1 << 20);
    add(&log, HX_JSON_STDOUT, "one\ntwo\nthr");
    add(&log, HX_JSON_STDERR, "oops\n");
    hx_json_log_write(&log, false);
    assert_int_equal(lines_of(scene), 3);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 8);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDERR), 5);
    assert_in_range(hx_json_log_timeout_ms(&log), 0, HX_JSON_LOG_WAIT_MS);
    add(&log, HX_JSON_STDOUT, "ee\n$ ");
    hx_json_log_write(&log, false);
    assert_int_equal(lines_of(scene), 4);
    usleep(HX_JSON_LOG_WAIT_MS * 1000);
    assert_int_equal(hx_json_log_timeout_ms(&log), 0);
    hx_json_log_write(&log, false);
    assert_int_equal(lines_of(scene), 5);
    assert_int_equal(hx_json_log_timeout_ms(&log), -1);
    add(&log, HX_JSON_STDOUT, "bye");
    hx_json_log_end(&log, HX_JSON_STDOUT);
    hx_json_log_write(&log, false);
    assert_int_equal(lines_of(scene), 6);
    log_is(scene, "one\ntwo\nthree\n$ bye", 19, "oops\n", 5);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 19);
    hx_json_log_close(&log);
    hx_json_log_close(&log);
}

static void a_long_line_is_cut_between_characters(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;
    size_t len = HX_JSON_RECORD_RAW_MAX + 1001;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 'x', len);
    text[HX_JSON_RECORD_RAW_MAX - 1] = '\303';
    text[HX_JSON_RECORD_RAW_MAX] = '\251';
    open_log(scene, &log, DOMID, 1 << 20);
    hx_json_log_add(&log, HX_JSON_STDOUT, text, len);
    hx_json_log_write(&log, true);
    assert_int_equal(lines_of(scene), 2);
    log_is(scene, text, len, "", 0);
    /* Nothing of it needed its raw bytes. */
    {
        _cleanup_buf_ struct hx_buf written = { 0 };

        read_file(scene, "0-json.log", &written);
        assert_null(strstr(written.data, "attrs"));
    }
    hx_json_log_close(&log);
    free(text);
}

static void any_bytes_come_back_exactly(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;
    size_t len = 300000;
    char *text = malloc(len);
    uint32_t seed = 1;

    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)(seed >> 24);
    }
    open_log(scene, &log, DOMID, 16 << 20);
    for (size_t i = 0; i < len; i += 7000) {
        hx_json_log_add(&log, HX_JSON_STDERR, text + i,
                        len - i < 7000 ? len - i : 7000);
        hx_json_log_write(&log, false);
    }
    hx_json_log_write(&log, true);
    log_is(scene, "", 0, text, len);
    hx_json_log_close(&log);
    free(text);
}

static void a_log_stays_within_its_bound(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;
    struct hx_buf parts[2] = { { 0 }, { 0 } };
    char line[32];

    open_log(scene, &log, DOMID, 4096);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "line %d\n", i);
        add(&log, HX_JSON_STDOUT, line);
        if (i % 10 == 0)
            hx_json_log_write(&log, false);
    }
    hx_json_log_write(&log, false);
    read_file(scene, "0-json.log.1", &parts[0]);
    read_file(scene, "0-json.log", &parts[1]);
    assert_in_range(parts[0].len, 2000, 4096);
    assert_in_range(parts[1].len, 1, 4096);
    assert_non_null(strstr(parts[1].data, "line 999\\n"));
    hx_buf_release(&parts[0]);
    hx_buf_release(&parts[1]);
    hx_json_log_close(&log);
}

static void a_log_that_cannot_be_renamed_begins_anew(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;
    struct hx_err err = { 0 };
    struct stat st;
    char path[200];

    snprintf(path, sizeof(path), "%s/0-json.log.1/x", scene->dir.path);
    assert_int_equal(hx_mkdir_p(path, 0700, &err), 0);
    open_log(scene, &log, DOMID, 4096);
    for (int i = 0; i < 100; i++) {
        add(&log, HX_JSON_STDOUT, "again and again\n");
        hx_json_log_write(&log, false);
    }
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 1600);
    assert_int_equal(stat(log.path, &st), 0);
    assert_in_range(st.st_size, 1, 4096);
    hx_json_log_close(&log);
}

static void what_a_full_disk_costs_is_told(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;
    _cleanup_buf_ struct hx_buf text = { 0 };
    const char *note;

    open_log(scene, &log, DOMID, 1 << 20);
    add(&log, HX_JSON_STDOUT, "before\n");
    hx_json_log_write(&log, false);
    disk_is_full = true;
    add(&log, HX_JSON_STDOUT, "lost\n");
    hx_json_log_write(&log, false);
    add(&log, HX_JSON_STDERR, "lost, too\n");
    hx_json_log_write(&log, false);
    disk_is_full = false;
    /* The guest may forget it, and the next monitor knows that. */
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 12);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDERR), 10);
    add(&log, HX_JSON_STDOUT, "after\n");
    hx_json_log_write(&log, false);
    add(&log, HX_JSON_STDOUT, "and on\n");
    hx_json_log_write(&log, false);
    read_file(scene, "0-json.log", &text);
    note = strstr(text.data, "xl-hyper: 15 bytes of output were lost here");
    assert_non_null(note);
    assert_true(note < strstr(text.data, "after"));
    assert_null(strstr(note + 1, "xl-hyper:"));
    assert_null(strstr(text.data, "lost\\n"));
    assert_int_equal(lines_of(scene), 4);
    hx_json_log_close(&log);
    open_log(scene, &log, DOMID, 1 << 20);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 25);
    hx_json_log_close(&log);
}

/* -- writers that are killed ------------------------------------------------
 */

/* What the guest has to say, and says again from any offset. */
static const char said[2][40] = {
    "one\n\n\377\376 raw\nno end",
    "oops\n",
};

/* In pieces, as frames come; each is a batch. */
static void write_all_said(struct hx_json_log *log)
{
    static const size_t piece[2] = { 7, 3 };
    size_t at[2], len[2] = { strlen(said[0]), strlen(said[1]) };

    at[0] = (size_t)hx_json_log_offset(log, HX_JSON_STDOUT);
    at[1] = (size_t)hx_json_log_offset(log, HX_JSON_STDERR);
    assert_true(at[0] <= len[0] && at[1] <= len[1]);
    while (at[0] < len[0] || at[1] < len[1]) {
        for (unsigned k = 0; k < 2; k++) {
            size_t n = len[k] - at[k] < piece[k] ? len[k] - at[k] : piece[k];

            hx_json_log_add(log, k, said[k] + at[k], n);
            at[k] += n;
        }
        hx_json_log_write(log, false);
    }
    hx_json_log_write(log, true);
}

/* A process that is killed after so many steps; whether it was. */
static bool writer_dies(struct scene *scene, long steps, uint64_t max_bytes)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct hx_json_log log;

        steps_left = steps;
        if (hx_json_log_open(&log, &scene->dir, 0, DOMID, max_bytes, NULL) < 0)
            _exit(1);
        write_all_said(&log);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9);
    return WEXITSTATUS(status) == 9;
}

static void forget_all(const struct scene *scene)
{
    static const char *const names[] = { "0-json.log", "0-json.log.1" };
    char path[200];

    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", scene->dir.path, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/0-journal", scene->dir.run_path);
    unlink(path);
}

/* How many kills it took to go through all of the steps. */
static long kill_at_each_step(struct scene *scene, uint64_t max_bytes)
{
    struct hx_json_log log;
    long steps = 0;

    for (;; steps++) {
        bool died = writer_dies(scene, steps, max_bytes);

        /* Now and then the next one dies, too: while it looks at what there
         * is, or with its first batch. */
        if (steps % 4 == 0)
            writer_dies(scene, steps / 4 % 23, max_bytes);
        open_log(scene, &log, DOMID, max_bytes);
        write_all_said(&log);
        hx_json_log_close(&log);
        log_is(scene, said[0], strlen(said[0]), said[1], strlen(said[1]));
        forget_all(scene);
        if (!died)
            return steps;
    }
}

static void killed_anywhere_every_byte_is_there_once(void **state)
{
    assert_true(kill_at_each_step(*state, 1 << 20) > 300);
}

static void and_so_with_a_rotation(void **state)
{
    struct scene *scene = *state;
    char path[200];

    assert_true(kill_at_each_step(scene, 320) > 300);
    /* There was one. */
    writer_dies(scene, -1, 320);
    snprintf(path, sizeof(path), "%s/0-json.log.1", scene->dir.path);
    assert_int_equal(access(path, F_OK), 0);
}

static void another_domain_begins_anew(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;

    open_log(scene, &log, DOMID, 1 << 20);
    add(&log, HX_JSON_STDOUT, "one\n");
    hx_json_log_write(&log, false);
    hx_json_log_close(&log);
    open_log(scene, &log, DOMID + 1, 1 << 20);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 0);
    add(&log, HX_JSON_STDOUT, "two\n");
    hx_json_log_write(&log, false);
    hx_json_log_close(&log);
    log_is(scene, "one\ntwo\n", 8, "", 0);
}

static void a_log_that_was_emptied_goes_on(void **state)
{
    struct scene *scene = *state;
    struct hx_json_log log;

    open_log(scene, &log, DOMID, 1 << 20);
    add(&log, HX_JSON_STDOUT, "one\n");
    hx_json_log_write(&log, false);
    assert_int_equal(truncate(log.path, 0), 0);
    add(&log, HX_JSON_STDOUT, "two\n");
    hx_json_log_write(&log, false);
    assert_int_equal(truncate(log.path, 0), 0);
    hx_json_log_close(&log);
    open_log(scene, &log, DOMID, 1 << 20);
    assert_int_equal(hx_json_log_offset(&log, HX_JSON_STDOUT), 8);
    hx_json_log_close(&log);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_as_dockers),
        cmocka_unit_test(a_record_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(a_character_that_goes_on_is_known),
        SCENE(a_line_is_a_record_and_a_rest_waits),
        SCENE(a_long_line_is_cut_between_characters),
        SCENE(any_bytes_come_back_exactly),
        SCENE(a_log_stays_within_its_bound),
        SCENE(a_log_that_cannot_be_renamed_begins_anew),
        SCENE(what_a_full_disk_costs_is_told),
        SCENE(killed_anywhere_every_byte_is_there_once),
        SCENE(and_so_with_a_rotation),
        SCENE(another_domain_begins_anew),
        SCENE(a_log_that_was_emptied_goes_on),
    };

    return cmocka_run_group_tests_name("monitor_json_log", tests, NULL, NULL);
}
