/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blobs: plain, gzip and zstd, in pieces, damaged, and not what was said. */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

static struct hx_buf tar, blob;
static struct layer_fixture fixture;

static int setup(void **state)
{
    (void)state;
    tar = (struct hx_buf)HX_BUF_INIT(256 << 20);
    blob = (struct hx_buf)HX_BUF_INIT(256 << 20);
    fixture_init(&fixture);
    tar_text(&tar, "d a\nf a/b =*700000\nf c =small");
    tar_end(&tar);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_buf_release(&tar);
    hx_buf_release(&blob);
    fixture_release(&fixture);
    return 0;
}

#define EXPECTED "d a\nf a/b =*700000\nf c =small\n"

static void add_gzip(const char *data, size_t len)
{
    size_t room = len + len / 100 + 4096, used = 0;
    struct archive *out = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    char *buf = malloc(room);

    assert_non_null(buf);
    archive_write_set_format_raw(out);
    archive_write_add_filter_gzip(out);
    archive_write_set_bytes_in_last_block(out, 1);
    assert_int_equal(archive_write_set_options(out, "gzip:!timestamp"), 0);
    assert_int_equal(archive_write_open_memory(out, buf, room, &used), 0);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(out, entry), 0);
    assert_int_equal(archive_write_data(out, data, len), len);
    assert_int_equal(archive_write_close(out), 0);
    assert_int_equal(hx_buf_add(&blob, buf, used), 0);
    archive_entry_free(entry);
    archive_write_free(out);
    free(buf);
}

static void add_zstd(const char *data, size_t len)
{
    size_t room = ZSTD_compressBound(len), n;
    void *out = malloc(room);

    assert_non_null(out);
    n = ZSTD_compress(out, room, data, len, 1);
    assert_false(ZSTD_isError(n));
    assert_int_equal(hx_buf_add(&blob, out, n), 0);
    free(out);
}

/* In pieces of very different sizes, empty ones among them. */
static void add_pieces(void (*add)(const char *data, size_t len))
{
    static const size_t sizes[] = { 1, 0, 511, 70000, 300000, 0, 3 };
    size_t at = 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        add(tar.data + at, sizes[i]);
        at += sizes[i];
    }
    add(tar.data + at, tar.len - at);
}

static void expect_tree(void)
{
    fixture_add_blob(&fixture, blob.data, blob.len, tar.data, tar.len);
    fixture_expect(&fixture, EXPECTED);
}

static void expect_error(const char *words)
{
    fixture_add_blob(&fixture, blob.data, blob.len, tar.data, tar.len);
    fixture_expect_error(&fixture, HX_ERR_CORRUPT, words);
}

static void test_plain(void **state)
{
    (void)state;
    hx_buf_add(&blob, tar.data, tar.len);
    expect_tree();
}

static void test_gzip(void **state)
{
    (void)state;
    add_gzip(tar.data, tar.len);
    expect_tree();
}

static void test_gzip_of_many_members(void **state)
{
    (void)state;
    add_pieces(add_gzip);
    expect_tree();
}

static void test_gzip_with_every_optional_field(void **state)
{
    /* FTEXT, FEXTRA, FNAME, FCOMMENT */
    static const unsigned char header[] = { 0x1f, 0x8b, 8,   0x1d, 1,   2,
                                            3,    4,    0,   3,    2,   0,
                                            'x',  'y',  'n', 0,    'c', 0 };

    (void)state;
    add_gzip(tar.data, tar.len);
    memmove(blob.data, blob.data + 10, blob.len - 10);
    blob.len -= 10;
    hx_buf_add(&blob, header, sizeof(header));
    memmove(blob.data + sizeof(header), blob.data, blob.len - sizeof(header));
    memcpy(blob.data, header, sizeof(header));
    expect_tree();
}

static void test_gzip_padded_with_nuls(void **state)
{
    static const char zeros[300000];

    (void)state;
    add_gzip(tar.data, tar.len);
    hx_buf_add(&blob, zeros, sizeof(zeros));
    expect_tree();
}

static void test_zstd(void **state)
{
    (void)state;
    add_zstd(tar.data, tar.len);
    expect_tree();
}

static void test_zstd_of_many_frames(void **state)
{
    (void)state;
    add_pieces(add_zstd);
    expect_tree();
}

static void test_zstd_with_skippable_frames(void **state)
{
    static const unsigned char skippable[] = { 0x51, 0x2a, 0x4d, 0x18, 3,  0,
                                               0,    0,    'a',  'b',  'c' };

    (void)state;
    hx_buf_add(&blob, skippable, sizeof(skippable));
    add_zstd(tar.data, 1000);
    hx_buf_add(&blob, skippable, sizeof(skippable));
    add_zstd(tar.data + 1000, tar.len - 1000);
    hx_buf_add(&blob, skippable, sizeof(skippable));
    expect_tree();
}

/* Cut off after each of some lengths: an error, and never a tree. */
static void expect_cut(const char *words)
{
    size_t whole = blob.len;

    for (size_t cut = 1; cut < whole; cut = cut * 3 / 2 + 1) {
        fixture_release(&fixture);
        fixture_init(&fixture);
        fixture_add_blob(&fixture, blob.data, whole - cut, tar.data, tar.len);
        if (fixture_convert(&fixture) != -HX_ERR_CORRUPT)
            fail_msg("%zu bytes cut off: '%s'", cut, fixture.err.msg);
        /* Unless the tar's end is found missing first. */
        if (cut < 20)
            assert_non_null(strstr(fixture.err.msg, words));
    }
}

static void test_cut_off_gzip(void **state)
{
    (void)state;
    add_gzip(tar.data, 500000);
    add_gzip(tar.data + 500000, tar.len - 500000);
    expect_cut("in the middle of a member");
}

static void test_cut_off_zstd(void **state)
{
    (void)state;
    add_zstd(tar.data, 500000);
    add_zstd(tar.data + 500000, tar.len - 500000);
    expect_cut("in the middle of a frame");
}

/* One bit wrong, anywhere. */
static void expect_flips(void)
{
    for (size_t at = 0; at < blob.len; at = at * 5 / 4 + 1) {
        fixture_release(&fixture);
        fixture_init(&fixture);
        blob.data[at] ^= 0x10;
        fixture_add_blob(&fixture, blob.data, blob.len, tar.data, tar.len);
        /* gzip's time and its flags of no meaning change nothing. */
        if (fixture_convert(&fixture) == 0)
            assert_in_range(at, 3, 9);
        else
            assert_int_equal(fixture.err.code, HX_ERR_CORRUPT);
        blob.data[at] ^= 0x10;
    }
}

static void test_damaged_gzip(void **state)
{
    (void)state;
    add_gzip(tar.data, tar.len);
    expect_flips();
}

static void test_damaged_zstd(void **state)
{
    (void)state;
    add_zstd(tar.data, tar.len);
    expect_flips();
}

static void test_garbage_behind_gzip(void **state)
{
    (void)state;
    add_gzip(tar.data, tar.len);
    hx_buf_adds(&blob, "garbage");
    expect_error("garbage behind the gzip data");
}

static void test_garbage_behind_the_padding(void **state)
{
    (void)state;
    add_gzip(tar.data, tar.len);
    hx_buf_add(&blob, "\0\0", 2);
    add_gzip("", 0);
    expect_error("garbage behind the gzip data");
}

static void test_garbage_behind_zstd(void **state)
{
    (void)state;
    add_zstd(tar.data, tar.len);
    hx_buf_adds(&blob, "garbage");
    expect_error("the zstd data is bad");
}

static void test_bytes_behind_the_tar_count(void **state)
{
    struct hx_buf longer = HX_BUF_INIT(16 << 20);

    (void)state;
    hx_buf_add(&longer, tar.data, tar.len);
    hx_buf_adds(&longer, "and more");
    add_gzip(longer.data, longer.len);
    /* Of the tar alone, the digest does not fit... */
    expect_error("the digest sha256:");
    fixture_release(&fixture);
    fixture_init(&fixture);
    /* ...and of all bytes it does. */
    fixture_add_blob(&fixture, blob.data, blob.len, longer.data, longer.len);
    fixture_expect(&fixture, EXPECTED);
    hx_buf_release(&longer);
}

static void test_another_diff_id(void **state)
{
    (void)state;
    add_gzip(tar.data, tar.len);
    fixture_add_blob(&fixture, blob.data, blob.len, "other", 5);
    fixture_expect_error(&fixture, HX_ERR_CORRUPT, "layer 1 of 1: its content");
}

/* xz, bzip2, lz4, compress: no filter but the three is ever tried. */
static void test_other_filters(void **state)
{
    static const char *const magics[] = { "\xfd"
                                          "7zXZ",
                                          "BZh91AY", "\x04\x22\x4d\x18",
                                          "\x1f\x9d\x90" };

    (void)state;
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        hx_buf_clear(&blob);
        hx_buf_adds(&blob, magics[i]);
        hx_buf_add(&blob, tar.data, 2000);
        fixture_release(&fixture);
        fixture_init(&fixture);
        expect_error("the tar is damaged, or is none");
    }
}

/* A gigabyte and more of NULs in a small blob. */
static void test_a_bomb(void **state)
{
    const size_t chunk = 64 << 20;
    char *zeros = calloc(1, chunk);

    (void)state;
    assert_non_null(zeros);
    hx_buf_clear(&tar);
    tar_header(&tar, &(struct tar_entry){ .name = "a", .size = 40LL << 30 });
    add_zstd(tar.data, tar.len);
    for (int i = 0; i < 40; i++)
        add_zstd(zeros, chunk);
    fixture_add_blob(&fixture, blob.data, blob.len, "", 0);
    fixture_expect_error(&fixture, HX_ERR_LIMIT, "more than 200 times");
    free(zeros);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_gzip),
        TEST(test_gzip_of_many_members),
        TEST(test_gzip_with_every_optional_field),
        TEST(test_gzip_padded_with_nuls),
        TEST(test_zstd),
        TEST(test_zstd_of_many_frames),
        TEST(test_zstd_with_skippable_frames),
        TEST(test_cut_off_gzip),
        TEST(test_cut_off_zstd),
        TEST(test_damaged_gzip),
        TEST(test_damaged_zstd),
        TEST(test_garbage_behind_gzip),
        TEST(test_garbage_behind_the_padding),
        TEST(test_garbage_behind_zstd),
        TEST(test_bytes_behind_the_tar_count),
        TEST(test_another_diff_id),
        TEST(test_other_filters),
        TEST(test_a_bomb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
