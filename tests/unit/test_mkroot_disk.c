/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The squashfs that comes out: the same bytes always, content once, and the
 * sizes at which its tables change shape. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

static struct hx_buf tar, expected;
static struct layer_fixture fixture;

static int setup(void **state)
{
    (void)state;
    tar = (struct hx_buf)HX_BUF_INIT(256 << 20);
    expected = (struct hx_buf)HX_BUF_INIT(64 << 20);
    fixture_init(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_buf_release(&tar);
    hx_buf_release(&expected);
    fixture_release(&fixture);
    return 0;
}

static void add_file(const char *name, const void *data, size_t len)
{
    tar_header(&tar, &(struct tar_entry){ .name = name, .size = (int64_t)len });
    tar_bytes(&tar, data, len);
}

/* `len` bytes that do not compress, others for each seed. */
static unsigned char *noise(size_t len, unsigned seed)
{
    unsigned char *data = malloc(len);
    uint64_t x = (uint64_t)seed * 2654435761U + 88172645463325252U;

    assert_non_null(data);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        data[i] = (unsigned char)(x >> 32);
    }
    return data;
}

static void convert(void)
{
    if (fixture_convert(&fixture) < 0)
        fail_msg("%s", fixture.err.msg);
}

static void add_mixed_tree(void)
{
    unsigned char *data = noise(1 << 20, 1);
    char name[64];

    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "d%u/f%u", i % 7, i);
        add_file(name, data + i, (i * 7919) % 300000);
    }
    memset(data, 0, 1 << 20);
    add_file("zeros", data, 1000000);
    free(data);
    tar_text(&tar, "f x =1 +user.a=b\nh y => x\nl l -> x\nc c 1:3");
}

static void test_the_threads_do_not_matter(void **state)
{
    static const unsigned threads[] = { 1, 2, 3, 8, 2, 1 };
    char first[65];

    (void)state;
    add_mixed_tree();
    fixture_add_tar(&fixture, &tar);
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        fixture.squash.threads = threads[i];
        convert();
        if (i == 0)
            memcpy(first, fixture.result.sha256, sizeof(first));
        assert_string_equal(fixture.result.sha256, first);
    }
}

static void test_every_compressor_and_block_size(void **state)
{
    static const char *const names[] = { "lz4", "zstd", "gzip" };
    static const uint32_t sizes[] = { 4096, 65536, 131072, 1 << 20 };
    char *first = NULL;

    (void)state;
    add_mixed_tree();
    fixture_add_tar(&fixture, &tar);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            char *text;

            fixture.squash.compressor = names[i];
            fixture.squash.block_bytes = sizes[k];
            convert();
            text = fixture_read_disk(&fixture);
            if (!first)
                first = strdup(text);
            assert_string_equal(text, first);
            free(text);
        }
    }
    free(first);
}

static void test_options_that_make_no_sense(void **state)
{
    (void)state;
    fixture.squash.compressor = "rar";
    fixture_expect_error(&fixture, HX_ERR_USAGE, "no compressor 'rar'");
    fixture.squash.compressor = "lz4";
    fixture.squash.block_bytes = 5000;
    fixture_expect_error(&fixture, HX_ERR_USAGE, "no block size");
}

/* The sum of the sizes of files that have the same content. */
static uint64_t disk_with(unsigned copies, size_t len)
{
    unsigned char *data = noise(len, 2);
    char name[32];

    setup(NULL);
    for (unsigned i = 0; i < copies; i++) {
        snprintf(name, sizeof(name), "%u", i);
        add_file(name, data, len);
        hx_buf_addf(&expected, "f %u =?%zu\n", i, len);
    }
    free(data);
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected.data);
    return fixture.result.bytes;
}

static void test_content_is_stored_once(void **state)
{
    static const size_t lens[] = { 300,    5000,   65535,  65536,  65537,
                                   131071, 131072, 131073, 262144, 700000 };

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint64_t one = disk_with(1, lens[i]);

        teardown(NULL);
        assert_in_range(disk_with(9, lens[i]), one, one + 4096);
        teardown(NULL);
    }
    setup(NULL);
}

/* Known blocks are written over by what follows, fragment blocks are not. */
static void test_known_content_between_new(void **state)
{
    unsigned char *a = noise(500000, 3), *b = noise(500000, 4);
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        size_t len = i % 4 == 3 ? 131072 * 2 + i * 1000 : 400000;

        snprintf(name, sizeof(name), "%02u", i);
        add_file(name, i % 4 == 1 ? b : a, len);
    }
    fixture_add_tar(&fixture, &tar);
    convert();
    {
        struct layer_fixture again = fixture;
        char path[64], command[256];

        /* squashfs-tools reads the bytes with code of its own. */
        snprintf(path, sizeof(path), "/tmp/hx-disk-%d", getpid());
        snprintf(command, sizeof(command),
                 "rm -rf %s && unsquashfs -q -n -no-xattrs -d %s "
                 "/proc/%d/fd/%d >/dev/null",
                 path, path, getpid(), again.disk_fd);
        assert_int_equal(system(command), 0);
        for (unsigned i = 0; i < 40; i++) {
            size_t len = i % 4 == 3 ? 131072 * 2 + i * 1000 : 400000;
            char file[128];
            unsigned char *got = malloc(len + 1);
            int fd;

            snprintf(file, sizeof(file), "%s/%02u", path, i);
            fd = open(file, O_RDONLY);
            assert_true(fd >= 0);
            assert_int_equal(read(fd, got, len + 1), len);
            assert_memory_equal(got, i % 4 == 1 ? b : a, len);
            close(fd);
            free(got);
        }
        snprintf(command, sizeof(command), "rm -rf %s", path);
        assert_int_equal(system(command), 0);
    }
    free(a);
    free(b);
}

static void test_holes_take_no_room(void **state)
{
    char *zeros = calloc(1, 20 << 20);

    (void)state;
    assert_non_null(zeros);
    add_file("z", zeros, 20 << 20);
    zeros[10 << 20] = 1;
    add_file("y", zeros, 20 << 20);
    fixture_add_tar(&fixture, &tar);
    convert();
    assert_in_range(fixture.result.bytes, 4096, 8192);
    free(zeros);
}

/* Ends of files that are nothing but NULs fill a whole fragment block. */
static void test_ends_of_nuls(void **state)
{
    char *zeros = calloc(1, 4096);

    (void)state;
    assert_non_null(zeros);
    for (unsigned i = 1; i < 200; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%03u", i);
        add_file(name, zeros, i);
        hx_buf_addf(&expected, "f %03u =", i);
        for (unsigned k = 0; k < i; k++)
            hx_buf_adds(&expected, "\\x00");
        hx_buf_adds(&expected, "\n");
    }
    free(zeros);
    fixture.squash.block_bytes = 4096;
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected.data);
}

/* What an upper layer hides is not written. */
static void test_hidden_content_takes_no_room(void **state)
{
    static const char *const above[] = {
        "f d/f =x",           /* another file */
        "d d/f",              /* a folder */
        "l d/f -> x",         /* a link */
        "f d/.wh.f",          /* a whiteout */
        "f .wh.d",            /* of its folder */
        "f d =x",             /* a file in its folder's place */
        "f d/.wh..wh..opq",   /* an opaque folder */
        "f .wh..wh..opq",     /* the root */
        "f x =x\nh d/f => x", /* a hard link */
    };
    unsigned char *data = noise(1 << 20, 6);

    (void)state;
    for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
        teardown(NULL);
        setup(NULL);
        add_file("d/f", data, 1 << 20);
        fixture_add_tar(&fixture, &tar);
        fixture_add_text(&fixture, above[i]);
        convert();
        assert_in_range(fixture.result.bytes, 4096, 8192);
    }
    free(data);
}

/* At 512 sets the table of them fills its block exactly. */
static void test_many_sets_of_attributes(void **state)
{
    static const unsigned counts[] = { 1, 511, 512, 513, 1024, 1500 };

    (void)state;
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        teardown(NULL);
        setup(NULL);
        for (unsigned i = 0; i < counts[c]; i++) {
            char line[64];

            snprintf(line, sizeof(line), "f %06u +user.n=%u", i, i);
            tar_text(&tar, line);
            hx_buf_addf(&expected, "%s\n", line);
            /* And each once more. */
            snprintf(line, sizeof(line), "f %06ux +user.n=%u", i, i);
            tar_text(&tar, line);
            hx_buf_addf(&expected, "%s\n", line);
        }
        fixture_add_tar(&fixture, &tar);
        fixture_expect(&fixture, expected.data);
    }
}

static void test_many_owners(void **state)
{
    char line[64];

    (void)state;
    for (unsigned i = 1; i <= 65533; i++) {
        snprintf(line, sizeof(line), "f %05u #%u:0", i, i * 65537);
        tar_text(&tar, line);
        hx_buf_addf(&expected, "%s\n", line);
    }
    tar_text(&tar, "f a #1:1");
    hx_buf_adds(&expected, "f a #1:1\n");
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected.data); /* and 0: 65535 of them */

    fixture_release(&fixture);
    fixture_init(&fixture);
    tar.len -= 1024;
    tar_text(&tar, "f b #2:2");
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "65535 different owners");
}

static void test_large_folders(void **state)
{
    static const unsigned counts[] = { 0, 1, 255, 256, 257, 3000, 40000 };

    (void)state;
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        teardown(NULL);
        setup(NULL);
        tar_text(&tar, "d d");
        hx_buf_adds(&expected, "d d\n");
        for (unsigned i = 0; i < counts[c]; i++) {
            char line[64];

            snprintf(line, sizeof(line), "f d/some-longer-name-%05u", i);
            tar_text(&tar, line);
            hx_buf_addf(&expected, "%s\n", line);
        }
        fixture_add_tar(&fixture, &tar);
        fixture_expect(&fixture, expected.data);
    }
}

/* Two folders side by side, with many numbers of inodes between them. */
static void test_numbers_far_apart(void **state)
{
    (void)state;
    tar_text(&tar, "d a\nd b");
    hx_buf_adds(&expected, "d a\n");
    for (unsigned i = 0; i < 33000; i++) {
        char line[64];

        snprintf(line, sizeof(line), "f a/%05u", i);
        tar_text(&tar, line);
        hx_buf_addf(&expected, "%s\n", line);
    }
    hx_buf_adds(&expected, "d b\n");
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected.data);
}

/* Names of one file all over the tree: headers of one entry each. */
static void test_hard_links_everywhere(void **state)
{
    char line[128];

    (void)state;
    tar_text(&tar, "f 000000 =x");
    hx_buf_adds(&expected, "f 000000 =x\n");
    for (unsigned i = 1; i < 4000; i++) {
        snprintf(line, sizeof(line), "%s %06u%s", i % 2 ? "f" : "h", i,
                 i % 2 ? "" : " => 000000");
        tar_text(&tar, line);
        hx_buf_addf(&expected, "%s\n", line);
    }
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected.data);
}

static void test_a_full_disk(void **state)
{
    struct hx_convert run = { .squash = fixture.squash, .output_fd = -1 };
    unsigned char *data = noise(1 << 20, 5);

    (void)state;
    for (int i = 0; i < 4; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%d", i);
        add_file(name, data + i, 900000);
    }
    free(data);
    fixture_add_tar(&fixture, &tar);
    run.layers = fixture.layers;
    run.layer_count = 1;
    run.output_fd = open("/dev/full", O_RDWR);
    assert_true(run.output_fd >= 0);
    assert_int_equal(hx_convert_run(&run, &fixture.result, &fixture.err),
                     -HX_ERR_NO_SPACE);
    assert_non_null(strstr(fixture.err.msg, "No space left on device"));
    close(run.output_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_threads_do_not_matter),
        TEST(test_every_compressor_and_block_size),
        TEST(test_options_that_make_no_sense),
        TEST(test_content_is_stored_once),
        TEST(test_known_content_between_new),
        TEST(test_holes_take_no_room),
        TEST(test_ends_of_nuls),
        TEST(test_hidden_content_takes_no_room),
        TEST(test_many_sets_of_attributes),
        TEST(test_many_owners),
        TEST(test_large_folders),
        TEST(test_numbers_far_apart),
        TEST(test_hard_links_everywhere),
        TEST(test_a_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
