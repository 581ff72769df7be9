/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program: its command line and the lines it says. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

#define TYPE "application/vnd.oci.image.layer.v1.tar"
#define ID64 "0123456789012345678901234567890123456789012345678901234567890123"

static char *said; /* what the program wrote */
static struct layer_fixture fixture;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_release(&fixture);
    free(said);
    said = NULL;
    return 0;
}

static char *read_all(int fd)
{
    struct hx_buf buf = HX_BUF_INIT(1 << 20);
    char part[4096];
    ssize_t n;

    while ((n = read(fd, part, sizeof(part))) > 0)
        assert_int_equal(hx_buf_add(&buf, part, (size_t)n), 0);
    return hx_buf_detach(&buf);
}

/* Runs mkroot with these arguments; its exit status. */
static int run(char *const *args)
{
    const char *build = getenv("HX_BUILD");
    char program[4096];
    int status, out[2];
    pid_t pid;

    snprintf(program, sizeof(program), "%s/bin/mkroot",
             build ? build : "build");
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execv(program, args);
        _exit(127);
    }
    close(out[1]);
    free(said);
    said = read_all(out[0]);
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(...) run((char *[]){ (char *)"mkroot", __VA_ARGS__, NULL })

/* The last line as JSON, the caller's. */
static json_t *last_line(void)
{
    size_t len = strlen(said);
    char *start;
    json_t *json;

    assert_true(len > 0 && said[len - 1] == '\n');
    said[len - 1] = '\0';
    start = strrchr(said, '\n');
    json = json_loads(start ? start + 1 : said, 0, NULL);
    assert_non_null(json);
    return json;
}

static void expect_error(const char *code, const char *words)
{
    json_t *json = last_line();
    const char *got_code = NULL, *got_message = NULL;

    assert_int_equal(json_unpack(json, "{s:{s:s,s:s}}", "error", "code",
                                 &got_code, "message", &got_message),
                     0);
    assert_string_equal(got_code, code);
    if (!strstr(got_message, words))
        fail_msg("'%s' and not '%s'", got_message, words);
    json_decref(json);
}

/* An empty file that the program inherits. */
static int output_fd(void)
{
    return memfd_create("disk", 0);
}

/* A descriptor without close-on-exec, as `--output-fd` and `--layer` take. */
static char *fd_text(int fd)
{
    static char text[16];

    snprintf(text, sizeof(text), "%d", fd);
    return text;
}

static char *layer_text(const struct hx_layer *layer, const char *type)
{
    static char text[256];

    snprintf(text, sizeof(text), "%d:%s:sha256:%s", dup(layer->fd), type,
             layer->diff_id);
    return text;
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(RUN("--help"), 0);
    assert_non_null(strstr(said, "Usage: mkroot"));
}

static void test_bad_command_lines(void **state)
{
    static const struct {
        const char *args[4];
        const char *words;
    } bad[] = {
        { { NULL }, "--output-fd is missing" },
        { { "--nothing" }, "unknown option" },
        { { "--output-fd" }, "unknown option, or one without its value" },
        { { "--output-fd", "x" }, "--output-fd x: not an empty file" },
        { { "--output-fd", "-1" }, "--output-fd -1: not an empty file" },
        { { "--output-fd", "999" }, "--output-fd 999: not an empty file" },
        { { "--output-fd", "0" }, "--output-fd 0: not an empty file" },
        { { "word" }, "'word' is no option" },
        { { "--layer", "1" }, "not FD:MEDIATYPE:DIFFID" },
        { { "--layer", "1:x" }, "not FD:MEDIATYPE:DIFFID" },
        { { "--layer", "999:" TYPE ":sha256:" ID64 }, "not an open file" },
        { { "--layer", "1x:" TYPE ":sha256:" ID64 }, "not an open file" },
        { { "--grown-fd", "x" }, "--grown-fd x: not a pipe" },
        { { "--grown-fd", "0" }, "--grown-fd 0: not a pipe" },
        { { "--level", "0" }, "--level 0: not 1 to 22" },
        { { "--level", "23" }, "--level 23: not 1 to 22" },
        { { "--block-size", "5000" }, "--block-size 5000: not a power" },
        { { "--threads", "0" }, "--threads 0: not 1 to 64" },
        { { "--threads", "1e3" }, "--threads 1e3: not 1 to 64" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *args[6] = { (char *)"mkroot" };

        for (int k = 0; bad[i].args[k]; k++)
            args[k + 1] = (char *)bad[i].args[k];
        assert_int_equal(run(args), 1);
        expect_error("usage", bad[i].words);
    }
}

static void test_media_types_and_diff_ids(void **state)
{
    static const struct {
        const char *type;
        const char *id;
        const char *code;
    } bad[] = {
        { "application/vnd.oci.image.layer.v1.tar+encrypted", "sha256:" ID64,
          "unsupported" },
        { "text/html", "sha256:" ID64, "unsupported" },
        { TYPE, "sha256:" ID64 "0", "usage" },
        { TYPE, "sha256:../../../etc/passwd", "usage" },
        { TYPE, "sha512:" ID64, "usage" },
        { TYPE, "sha256:" ID64 ":", "usage" },
        { TYPE, "sha256:" ID64 ":-1", "usage" },
        { TYPE, "sha256:" ID64 ":10", "usage" }, /* and no pipe */
        { TYPE, "", "usage" },
    };

    (void)state;
    fixture_add_text(&fixture, "f a =x");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[512];

        snprintf(text, sizeof(text), "%d:%s:%s", dup(fixture.layers[0].fd),
                 bad[i].type, bad[i].id);
        assert_int_equal(RUN((char *)"--output-fd", fd_text(output_fd()),
                             (char *)"--layer", text),
                         1);
        expect_error(bad[i].code, "");
    }
}

static void test_a_disk(void **state)
{
    json_int_t bytes, files;
    const char *sha256;
    json_t *json;
    int fd = output_fd();

    (void)state;
    fixture_add_text(&fixture, "f a =x\nd b");
    assert_int_equal(RUN((char *)"--output-fd", fd_text(fd), (char *)"--layer",
                         layer_text(&fixture.layers[0], TYPE "+zstd")),
                     0);
    assert_non_null(strstr(said, "{\"written\":true}\n{\"bytes\":"));
    json = last_line();
    assert_int_equal(json_unpack(json, "{s:I,s:I,s:s}", "bytes", &bytes,
                                 "files", &files, "sha256", &sha256),
                     0);
    assert_int_equal(bytes, lseek(fd, 0, SEEK_END));
    assert_int_equal(files, 3);
    /* The library, with other threads, gives the same. */
    assert_int_equal(fixture_convert(&fixture), 0);
    assert_string_equal(sha256, fixture.result.sha256);
    json_decref(json);
    close(fd);
}

static void test_no_layers(void **state)
{
    json_t *json;

    (void)state;
    assert_int_equal(RUN((char *)"--output-fd", fd_text(output_fd())), 0);
    json = last_line();
    assert_int_equal(json_integer_value(json_object_get(json, "files")), 1);
    json_decref(json);
}

static void test_a_bad_layer(void **state)
{
    (void)state;
    fixture_add_text(&fixture, "f a =x");
    fixture.layers[0].diff_id[0] ^= 1;
    assert_int_equal(RUN((char *)"--output-fd", fd_text(output_fd()),
                         (char *)"--layer",
                         layer_text(&fixture.layers[0], TYPE)),
                     1);
    expect_error("corrupt", "layer 1 of 1: its content has the digest sha256:");
}

static void test_an_output_that_is_not_empty(void **state)
{
    int fd = output_fd();

    (void)state;
    assert_int_equal(hx_write_all(fd, "x", 1), 0);
    assert_int_equal(RUN((char *)"--output-fd", fd_text(fd)), 1);
    expect_error("usage", "not an empty file");
    close(fd);
}

/* At most ten lines a second and the end, each whole and in bounds. */
static void test_progress(void **state)
{
    struct hx_buf tar = HX_BUF_INIT(256 << 20);
    json_int_t done = 0;
    time_t begun;
    unsigned lines = 0;
    char *line;

    (void)state;
    for (int i = 0; i < 60; i++) {
        char text[64];

        snprintf(text, sizeof(text), "f %d =*%d", i, 3000000 + i);
        tar_text(&tar, text);
    }
    fixture_add_tar(&fixture, &tar);
    hx_buf_release(&tar);
    begun = time(NULL);
    assert_int_equal(RUN((char *)"--output-fd", fd_text(output_fd()),
                         (char *)"--compressor", (char *)"gzip",
                         (char *)"--layer",
                         layer_text(&fixture.layers[0], TYPE)),
                     0);
    json_decref(last_line());
    for (line = strtok(said, "\n"); line; line = strtok(NULL, "\n")) {
        json_int_t layer, total;
        json_t *json = json_loads(line, 0, NULL);

        assert_non_null(json);
        if (json_unpack(json, "{s:{s:I,s:I,s:I}}", "progress", "layer", &layer,
                        "done_bytes", &done, "total_bytes", &total) == 0) {
            lines++;
            assert_int_equal(layer, 0);
            assert_true(done <= total);
            assert_int_equal(total, fixture.layers[0].blob_bytes);
        }
        json_decref(json);
    }
    assert_in_range(lines, 1, 10 * (time(NULL) - begun + 1) + 1);
    assert_int_equal(done, fixture.layers[0].blob_bytes);
}

/* -- a blob that is still on its way -------------------------------------- */

enum end { WHOLE, BEGUN_ANEW, CUT_OFF };

static void feed_piece(int blob, int grown, const char *data, size_t from,
                       size_t to)
{
    assert_int_equal(pwrite(blob, data + from, to - from, (off_t)from),
                     to - from);
    assert_int_equal(write(grown, "", 1), 1);
    usleep(50000);
}

/* Writes the blob in pieces, in a process whose end is the pipe's. */
static void feed(int blob, int grown[2], const struct hx_layer *whole,
                 enum end end)
{
    size_t len = whole->blob_bytes, third = len / 3;
    char *data = malloc(len);

    assert_int_equal(pread(whole->fd, data, len, 0), len);
    if (fork() == 0) {
        feed_piece(blob, grown[1], data, 0, third);
        feed_piece(blob, grown[1], data, third, 2 * third);
        if (end == BEGUN_ANEW) {
            assert_int_equal(ftruncate(blob, 0), 0);
            feed_piece(blob, grown[1], data, 0, third / 2);
        }
        if (end != CUT_OFF)
            feed_piece(blob, grown[1], data, 0, len);
        _exit(0);
    }
    free(data);
    close(grown[1]);
}

static int run_growing(enum end end)
{
    struct hx_layer *layer = &fixture.layers[0];
    int blob = memfd_create("blob", 0), grown[2];
    char text[256], pipe_text[16];
    int rc;

    assert_int_equal(pipe2(grown, 0), 0);
    fcntl(grown[1], F_SETFD, FD_CLOEXEC);
    snprintf(pipe_text, sizeof(pipe_text), "%d", grown[0]);
    snprintf(text, sizeof(text), "%d:%s:sha256:%s:%llu", blob, TYPE,
             layer->diff_id, (unsigned long long)layer->blob_bytes);
    feed(blob, grown, layer, end);
    rc = RUN((char *)"--output-fd", fd_text(output_fd()), (char *)"--layer",
             text, (char *)"--grown-fd", pipe_text);
    close(grown[0]);
    close(blob);
    return rc;
}

static void expect_same_disk(void)
{
    json_t *json = last_line();

    assert_int_equal(fixture_convert(&fixture), 0);
    assert_string_equal(json_string_value(json_object_get(json, "sha256")),
                        fixture.result.sha256);
    json_decref(json);
}

static void test_a_blob_that_grows(void **state)
{
    (void)state;
    fixture_add_text(&fixture, "f a =*700000\nd b");
    assert_int_equal(run_growing(WHOLE), 0);
    expect_same_disk();
    assert_int_equal(run_growing(BEGUN_ANEW), 0);
    expect_same_disk();
}

static void test_a_blob_that_stays_short(void **state)
{
    (void)state;
    fixture_add_text(&fixture, "f a =*700000\nd b");
    assert_int_equal(run_growing(CUT_OFF), 1);
    expect_error("corrupt", "layer 1 of 1: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_help),
        TEST(test_bad_command_lines),
        TEST(test_media_types_and_diff_ids),
        TEST(test_a_disk),
        TEST(test_no_layers),
        TEST(test_a_bad_layer),
        TEST(test_an_output_that_is_not_empty),
        TEST(test_progress),
        TEST(test_a_blob_that_grows),
        TEST(test_a_blob_that_stays_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
