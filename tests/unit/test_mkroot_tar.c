/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dialects of tar: PAX, GNU, old ones, sparse files, and their damage. */
/* wrap: EVP_DigestUpdate */
#include <openssl/evp.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/mkroot/tarblock.h"
#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

#define PAX(tar, ...)                                                          \
    tar_pax(tar, 'x', (const char *const[]){ __VA_ARGS__, NULL })

/* SHA-256 alone of 8 GiB takes from 5 to 30 seconds. */
static bool hash_nothing;
#define SHA256_OF_NOTHING                                                      \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);
int __real_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len)
{
    return hash_nothing ? 1 : __real_EVP_DigestUpdate(ctx, data, len);
}

static struct hx_buf tar;
static struct layer_fixture fixture;

static int setup(void **state)
{
    (void)state;
    tar = (struct hx_buf)HX_BUF_INIT(64 << 20);
    fixture_init(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hx_buf_release(&tar);
    fixture_release(&fixture);
    hash_nothing = false;
    return 0;
}

static void add(const char *name, const char *content)
{
    tar_header(&tar, &(struct tar_entry){ .name = name,
                                          .size = (int64_t)strlen(content) });
    tar_bytes(&tar, content, strlen(content));
}

static void expect(const char *expected)
{
    fixture_add_tar(&fixture, &tar);
    fixture_expect(&fixture, expected);
}

static void expect_error(enum hx_err_code code, const char *words)
{
    fixture_add_tar(&fixture, &tar);
    fixture_expect_error(&fixture, code, words);
}

static void test_pax_overrides_the_header(void **state)
{
    (void)state;
    PAX(&tar, "path=long/name", "uid=4000000000", "gid=7", "mtime=12.75",
        "size=3", "comment=ignored", "atime=5", "ctime=5", "uname=x", "gname=y",
        "unknown.key=z");
    tar_header(
        &tar, &(struct tar_entry){
                  .name = "short", .uid = 1, .gid = 2, .mtime = 3, .size = 3 });
    tar_bytes(&tar, "abc", 3);
    add("next", "x");
    expect("d long\nf long/name =abc #4000000000:7 ~12\nf next =x\n");
}

static void test_pax_speaks_for_one_entry_only(void **state)
{
    (void)state;
    PAX(&tar, "uid=5", "SCHILY.xattr.user.a=b");
    add("a", "");
    add("b", "");
    expect("f a #5:0 +user.a=b\nf b\n");
}

static void test_pax_records_repeat_and_the_last_wins(void **state)
{
    (void)state;
    PAX(&tar, "path=a", "path=b", "uid=1", "uid=2", "size=1", "size=2");
    tar_header(&tar, &(struct tar_entry){ .name = "x", .size = 9 });
    tar_bytes(&tar, "hi", 2);
    add("next", "x");
    expect("f b =hi #2:0\nf next =x\n");
}

static void test_pax_empty_values_delete(void **state)
{
    (void)state;
    PAX(&tar, "path=gone", "path=", "uid=9", "uid=", "gid=", "mtime=", "size=7",
        "size=", "SCHILY.xattr.user.a=b", "SCHILY.xattr.user.a=");
    tar_header(&tar,
               &(struct tar_entry){
                   .name = "kept", .uid = 1, .gid = 2, .mtime = 3, .size = 2 });
    tar_bytes(&tar, "hi", 2);
    PAX(&tar, "linkpath=gone", "linkpath=");
    tar_header(&tar,
               &(struct tar_entry){ .name = "l", .type = '2', .link = "kept" });
    expect("f kept =hi #1:2 ~3\nl l -> kept\n");
}

static void test_pax_global_headers_are_ignored(void **state)
{
    (void)state;
    tar_pax(&tar, 'g',
            (const char *const[]){ "path=evil", "uid=5", "size=1", "comment=x",
                                   NULL });
    add("a", "hello");
    expect("f a =hello\n");
}

static void test_a_global_header_may_come_last(void **state)
{
    (void)state;
    add("a", "hello");
    tar_pax(&tar, 'g', (const char *const[]){ "comment=x", NULL });
    expect("f a =hello\n");
}

static void test_pax_names_are_bytes(void **state)
{
    (void)state;
    tar_pax_binary(&tar, "path", "d\xff\xfe/x\xe4", 6);
    add("short", "1");
    PAX(&tar, "linkpath=\xc3\xa4\xff");
    tar_header(&tar,
               &(struct tar_entry){ .name = "l", .type = '2', .link = "x" });
    PAX(&tar, "hdrcharset=BINARY", "path=\xfc");
    add("short", "2");
    expect("d d\\xff\\xfe\nf d\\xff\\xfe/x\\xe4 =1\nl l -> \\xc3\\xa4\\xff\n"
           "f \\xfc =2\n");
}

static void test_pax_xattrs(void **state)
{
    (void)state;
    /* base64 of "v\0w", and a name that is URL-encoded */
    PAX(&tar, "LIBARCHIVE.xattr.user.a%20b=dgB3", "SCHILY.xattr.user.c=x=y\n",
        "RHT.security.selinux=label", "LIBARCHIVE.xattr.user.d=ZA==");
    add("a", "");
    expect("f a +user.a\\x20b=v\\x00w +user.c=x=y\\x0a +user.d=d\n");
}

static void test_pax_xattrs_in_any_order(void **state)
{
    (void)state;
    PAX(&tar, "SCHILY.xattr.user.z=1", "SCHILY.xattr.user.b=1",
        "SCHILY.xattr.user.c=1", "SCHILY.xattr.user.b=2",
        "SCHILY.xattr.user.z=", "SCHILY.xattr.user.c=", "SCHILY.xattr.user.c=3",
        "SCHILY.xattr.user.b=4");
    add("a", "");
    expect("f a +user.b=4 +user.c=3\n");
}

static void test_pax_damage_is_refused(void **state)
{
    static const char *const bad[] = {
        "5 a\n",         "99 path=a\n", "0 path=a\n", "path=a\n",
        "9 path=a\nxyz", "-9 path=a\n", "11 path=ab", "7 =abc\n",
        " 9 path=a\n",   "9path=aa\n",  "8 path=a\n", "9 pathxa\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        hx_buf_clear(&tar);
        tar_header(&tar,
                   &(struct tar_entry){ .name = "pax",
                                        .type = 'x',
                                        .size = (int64_t)strlen(bad[i]) });
        tar_bytes(&tar, bad[i], strlen(bad[i]));
        add("a", "x");
        expect_error(HX_ERR_CORRUPT, "");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

static void test_pax_numbers_out_of_range(void **state)
{
    static const struct {
        const char *record;
        enum hx_err_code code;
    } bad[] = {
        { "size=-1", HX_ERR_CORRUPT },
        { "size=99999999999999999999", HX_ERR_CORRUPT },
        { "size=9223372036854775808", HX_ERR_CORRUPT },
        { "size=9223372036854775807", HX_ERR_LIMIT },
        { "size=1x", HX_ERR_CORRUPT },
        { "size=9000000000000000000", HX_ERR_LIMIT },
        { "uid=-1", HX_ERR_CORRUPT },
        { "uid=4294967295", HX_ERR_CORRUPT },
        { "uid=4294967296", HX_ERR_CORRUPT },
        { "gid=18446744073709551616", HX_ERR_CORRUPT },
        { "uid=0x10", HX_ERR_CORRUPT },
        { "mtime=abc", HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        hx_buf_clear(&tar);
        PAX(&tar, bad[i].record);
        add("a", "x");
        print_message("           %s\n", bad[i].record);
        expect_error(bad[i].code, "");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

static void test_pax_times(void **state)
{
    (void)state;
    PAX(&tar, "mtime=-1.5");
    add("a", "");
    PAX(&tar, "mtime=99999999999.9");
    add("b", "");
    PAX(&tar, "mtime=7");
    add("c", "");
    expect("f a\nf b ~4294967295\nf c ~7\n");
}

static void test_gnu_long_names(void **state)
{
    char name[301], link[401], expected[1024];

    (void)state;
    memset(name, 'n', 300);
    name[150] = '/';
    name[300] = '\0';
    memset(link, 'l', 400);
    link[400] = '\0';
    tar_gnu_long(&tar, 'L', name);
    tar_header(&tar, &(struct tar_entry){ .name = "nnn", .size = 1, .gnu = 1 });
    tar_bytes(&tar, "x", 1);
    tar_gnu_long(&tar, 'K', link);
    tar_header(&tar, &(struct tar_entry){
                         .name = "s", .type = '2', .link = "lll", .gnu = 1 });
    tar_gnu_long(&tar, 'K', name);
    tar_gnu_long(&tar, 'L', "h\xff");
    tar_header(&tar, &(struct tar_entry){
                         .name = "h", .type = '1', .link = "nnn", .gnu = 1 });
    add("next", "y");
    snprintf(expected, sizeof(expected),
             "f h\\xff =x\nf next =y\nd %.150s\nh %s => h\\xff\nl s -> %s\n",
             name, name, link);
    expect(expected);
}

static void test_ustar_prefix(void **state)
{
    (void)state;
    tar_header(&tar, &(struct tar_entry){ .name = "c", .prefix = "a/b" });
    tar_header(&tar,
               &(struct tar_entry){
                   .name = "0123456789012345678901234567890123456789012345"
                           "67890123456789012345678901234567890123456789"
                           "0123456789",
                   .prefix = "p" });
    expect("d a\nd a/b\nf a/b/c\nd p\n"
           "f p/0123456789012345678901234567890123456789012345678901234567890"
           "123456789012345678901234567890123456789\n");
}

/* Go before 1.8 wrote ustar's prefix under GNU's magic. */
static void test_a_prefix_where_gnu_has_times(void **state)
{
    (void)state;
    tar_header(&tar, &(struct tar_entry){
                         .name = "c", .prefix = "some/longer/path", .gnu = 1 });
    tar_header(&tar, &(struct tar_entry){
                         .name = "times", .prefix = "00000000001", .gnu = 1 });
    expect("d some\nd some/longer\nd some/longer/path\n"
           "f some/longer/path/c\nf times\n");
}

static void test_an_old_tar_names_folders_by_a_slash(void **state)
{
    (void)state;
    tar_header(&tar,
               &(struct tar_entry){ .name = "d/", .type = 'o', .mode = 0755 });
    tar_header(&tar, &(struct tar_entry){ .name = "f", .type = 'o' });
    /* A later one has a letter, and it counts, as everywhere. */
    tar_header(&tar, &(struct tar_entry){ .name = "g/" });
    expect("d d\nf f\nf g\n");
}

static void test_numbers_in_base_256(void **state)
{
    (void)state;
    tar_header(&tar, &(struct tar_entry){ .name = "a",
                                          .uid = 4000000000,
                                          .gid = 3000000000,
                                          .mtime = 4000000000 });
    tar_header(&tar, &(struct tar_entry){ .name = "b", .mtime = -100 });
    expect("f a #4000000000:3000000000 ~4000000000\nf b\n");
}

static void test_number_fields(void **state)
{
    static const struct {
        const char *field;
        size_t len;
        int r;
        int64_t number;
    } cases[] = {
        { "0000644", 8, 0, 0644 },
        { "   644 ", 8, 0, 0644 },
        { "\0 644\0\0", 8, 0, 0644 },
        { "644\0junk", 8, 0, 0644 },
        { "\0\0\0\0\0\0\0\0", 8, 0, 0 },
        { "        ", 8, 0, 0 },
        { "77777777", 8, 0, 077777777 },
        { "777777777777", 12, 0, 0777777777777 },
        { "0000648", 8, -1, 0 },
        { "-000644", 8, -1, 0 },
        { "64 4   ", 8, -1, 0 },
        { "0x10   ", 8, -1, 0 },
        { "\x80\0\0\0\0\0\x01\x02", 8, 0, 0x102 },
        { "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, 0, -2 },
        { "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, 0, INT64_MAX },
        { "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, -1, 0 },
        { "\x80\0\0\x01\0\0\0\0\0\0\0\0", 12, -1, 0 },
        { "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12, 0, INT64_MIN },
        { "\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, -1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number = 0;

        assert_int_equal(
            hx_tarblock_number((const unsigned char *)cases[i].field,
                               cases[i].len, &number),
            cases[i].r);
        if (cases[i].r == 0)
            assert_true(number == cases[i].number);
    }
}

static void test_negative_numbers_are_refused(void **state)
{
    static const struct tar_entry bad[] = {
        { .name = "a", .uid = -1 },         { .name = "a", .gid = -5 },
        { .name = "a", .size = -1 },        { .name = "a", .uid = 4294967295 },
        { .name = "a", .gid = 4294967296 }, { .name = "a", .uid = INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        hx_buf_clear(&tar);
        tar_header(&tar, &bad[i]);
        expect_error(HX_ERR_CORRUPT, "");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

static void test_devices_out_of_range(void **state)
{
    static const struct tar_entry bad[] = {
        { .name = "a", .type = '3', .major = 4096 },
        { .name = "a", .type = '4', .minor = 1048576 },
        { .name = "a", .type = '3', .major = -1 },
        { .name = "a", .type = '3', .minor = INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        hx_buf_clear(&tar);
        tar_header(&tar, &bad[i]);
        expect_error(HX_ERR_UNSUPPORTED, "entry 'a': its device number");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

/* -- sparse files --------------------------------------------------------- */

static void test_sparse_pax_1_0(void **state)
{
    static const char map[512] = "2\n0\n1\n5\n2\n";

    (void)state;
    PAX(&tar, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s",
        "GNU.sparse.realsize=8");
    tar_header(&tar,
               &(struct tar_entry){ .name = "GNUSparseFile.1/s", .size = 515 });
    hx_buf_add(&tar, map, sizeof(map));
    tar_bytes(&tar, "abc", 3);
    add("next", "x");
    expect("f next =x\nf s =a\\x00\\x00\\x00\\x00bc\\x00\n");
}

static void test_sparse_pax_0_1(void **state)
{
    (void)state;
    PAX(&tar, "GNU.sparse.size=8", "GNU.sparse.numblocks=2",
        "GNU.sparse.name=s", "GNU.sparse.map=0,1,5,2");
    tar_header(&tar,
               &(struct tar_entry){ .name = "GNUSparseFile.1/s", .size = 3 });
    tar_bytes(&tar, "abc", 3);
    add("next", "x");
    expect("f next =x\nf s =a\\x00\\x00\\x00\\x00bc\\x00\n");
}

static void test_sparse_pax_0_0(void **state)
{
    (void)state;
    PAX(&tar, "GNU.sparse.size=8", "GNU.sparse.numblocks=2",
        "GNU.sparse.offset=0", "GNU.sparse.numbytes=1", "GNU.sparse.offset=5",
        "GNU.sparse.numbytes=2");
    tar_header(&tar, &(struct tar_entry){ .name = "s", .size = 3 });
    tar_bytes(&tar, "abc", 3);
    add("next", "x");
    expect("f next =x\nf s =a\\x00\\x00\\x00\\x00bc\\x00\n");
}

/* The old GNU header: four pairs within it, then blocks of 21. */
static void test_sparse_old_gnu(void **state)
{
    char *header, extension[512] = "";
    unsigned sum = 0;
    size_t at = tar.len;

    (void)state;
    tar_header(&tar, &(struct tar_entry){
                         .name = "s", .type = 'S', .size = 5, .gnu = 1 });
    header = tar.data + at;
    for (size_t i = 0; i < 4; i++) {
        snprintf(header + 386 + 24 * i, 12, "%011zo", 2 * i);
        snprintf(header + 386 + 24 * i + 12, 12, "%011o", 1);
    }
    header[482] = 1;
    snprintf(header + 483, 12, "%011o", 12);
    snprintf(extension, 12, "%011o", 10);
    snprintf(extension + 12, 12, "%011o", 1);
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    hx_buf_add(&tar, extension, sizeof(extension));
    tar_bytes(&tar, "abcde", 5);
    add("next", "x");
    expect("f next =x\nf s =a\\x00b\\x00c\\x00d\\x00\\x00\\x00e\\x00\n");
}

/* That a file in the root of the disk has this size and ends with `end`. */
static void expect_end(const char *name, uint64_t size, const char *end)
{
    size_t len = strlen(end);
    sqfs_compressor_config_t config;
    sqfs_compressor_t *compressor;
    sqfs_inode_generic_t *root, *inode;
    sqfs_dir_reader_t *dirs;
    sqfs_data_reader_t *data;
    sqfs_super_t super;
    sqfs_file_t *file;
    sqfs_u64 got_size;
    char path[64], got[16] = "";

    assert_in_range(len, 1, sizeof(got) - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fixture.disk_fd);
    file = sqfs_open_file(path, SQFS_FILE_OPEN_READ_ONLY);
    assert_non_null(file);
    assert_int_equal(sqfs_super_read(&super, file), 0);
    assert_int_equal(sqfs_compressor_config_init(&config, super.compression_id,
                                                 super.block_size,
                                                 SQFS_COMP_FLAG_UNCOMPRESS),
                     0);
    assert_int_equal(sqfs_compressor_create(&config, &compressor), 0);
    dirs = sqfs_dir_reader_create(&super, compressor, file, 0);
    assert_int_equal(sqfs_dir_reader_get_root_inode(dirs, &root), 0);
    assert_int_equal(sqfs_dir_reader_find_by_path(dirs, root, name, &inode), 0);
    sqfs_inode_get_file_size(inode, &got_size);
    assert_int_equal(got_size, size);
    data = sqfs_data_reader_create(file, super.block_size, compressor, 0);
    assert_int_equal(sqfs_data_reader_load_fragment_table(data, &super), 0);
    assert_int_equal(
        sqfs_data_reader_read(data, inode, size - len, got, (sqfs_u32)len),
        len);
    assert_string_equal(got, end);
    sqfs_free(inode);
    sqfs_free(root);
    sqfs_destroy(data);
    sqfs_destroy(dirs);
    sqfs_destroy(compressor);
    sqfs_destroy(file);
}

static void test_a_large_sparse_file_is_small_on_disk(void **state)
{
    (void)state;
    PAX(&tar, "GNU.sparse.size=9000000000", "GNU.sparse.map=8999999998,2");
    tar_header(&tar, &(struct tar_entry){ .name = "s", .size = 2 });
    tar_bytes(&tar, "az", 2);
    fixture_add_tar(&fixture, &tar);
    assert_int_equal(fixture_convert(&fixture), 0);
    assert_in_range(fixture.result.bytes, 4096, 4 << 20);
    expect_end("s", 9000000000, "az");
}

static void put(int fd, const struct hx_buf *buf, off_t at)
{
    assert_int_equal(pwrite(fd, buf->data, buf->len, at), buf->len);
}

/* More than octal digits can say, and not sparse in the tar: every one of its
 * bytes is read. */
static void test_a_file_of_more_than_8_gib(void **state)
{
    const int64_t size = (INT64_C(8) << 30) + 1;
    struct hx_layer *layer = &fixture.layers[fixture.count++];

    (void)state;
    layer->fd = memfd_create("hx-test", MFD_CLOEXEC);
    assert_true(layer->fd >= 0);
    tar_header(&tar, &(struct tar_entry){ .name = "big", .size = size });
    put(layer->fd, &tar, 0);
    hx_buf_clear(&tar);
    tar_bytes(&tar, "z", 1);
    add("next", "x");
    tar_end(&tar);
    put(layer->fd, &tar, 512 + size - 1);
    layer->blob_bytes = (uint64_t)(512 + size - 1) + tar.len;
    memcpy(layer->diff_id, SHA256_OF_NOTHING, sizeof(layer->diff_id));
    hash_nothing = true;
    if (fixture_convert(&fixture) < 0)
        fail_msg("%s", fixture.err.msg);
    assert_in_range(fixture.result.bytes, 4096, 4 << 20);
    expect_end("big", (uint64_t)size, "z");
    expect_end("next", 1, "x");
}

static void test_damaged_sparse_files_are_refused(void **state)
{
    static const char *const maps[] = {
        "5,2",     /* more than the size, with the 1 below */
        "4,2,0,1", /* backwards */
        "0,2,1,1", /* overlapping */
        "0,1,2",   /* half a pair */
        "0,x",     "0,-1", "9223372036854775807,1", "0,9223372036854775807",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        char record[128];

        hx_buf_clear(&tar);
        snprintf(record, sizeof(record), "GNU.sparse.map=%s", maps[i]);
        PAX(&tar, "GNU.sparse.size=6", record);
        tar_header(&tar, &(struct tar_entry){ .name = "s", .size = 3 });
        tar_bytes(&tar, "abc", 3);
        print_message("           %s\n", maps[i]);
        expect_error(HX_ERR_CORRUPT, "");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

/* -- the end -------------------------------------------------------------- */

static void test_bytes_behind_the_end_are_hashed_and_ignored(void **state)
{
    (void)state;
    add("a", "x");
    tar_end(&tar);
    add("not-there", "x");
    tar_bytes(&tar, "garbage", 7);
    expect("f a =x\n");
}

static void test_one_block_of_nuls_is_no_end(void **state)
{
    static const char zeros[512];

    (void)state;
    add("a", "x");
    hx_buf_add(&tar, zeros, sizeof(zeros));
    add("b", "x");
    expect_error(HX_ERR_CORRUPT, "it goes on after a block of NULs");
}

static void test_the_end_may_be_one_block_at_the_end(void **state)
{
    static const char zeros[512];

    (void)state;
    add("a", "x");
    hx_buf_add(&tar, zeros, sizeof(zeros));
    fixture_add_blob(&fixture, tar.data, tar.len, tar.data, tar.len);
    fixture_expect(&fixture, "f a =x\n");
}

static void test_the_end_may_be_missing(void **state)
{
    (void)state;
    add("a", "x");
    fixture_add_blob(&fixture, tar.data, tar.len, tar.data, tar.len);
    fixture_expect(&fixture, "f a =x\n");
}

static void test_no_byte_at_all_is_an_empty_layer(void **state)
{
    (void)state;
    fixture_add_blob(&fixture, "", 0, "", 0);
    fixture_expect(&fixture, "");
}

static void test_cut_off_anywhere(void **state)
{
    (void)state;
    PAX(&tar, "path=a");
    add("x", "content");
    /* Everywhere but between entries. */
    for (size_t len = 1; len < tar.len; len += 37) {
        fixture_release(&fixture);
        fixture_init(&fixture);
        fixture_add_blob(&fixture, tar.data, len, tar.data, len);
        if (len >= 3 * 512 + 7) /* only padding is missing: umoci insert */
            fixture_expect(&fixture, "f a =content\n");
        else
            fixture_expect_error(&fixture, HX_ERR_CORRUPT, "");
    }
}

static void test_a_wrong_checksum(void **state)
{
    (void)state;
    add("a", "x");
    add("b", "y");
    tar.data[1024] ^= 1;
    expect_error(HX_ERR_CORRUPT, "layer 1 of 1");
}

static void test_not_a_tar(void **state)
{
    char junk[2048];

    (void)state;
    memset(junk, 'j', sizeof(junk));
    fixture_add_blob(&fixture, junk, sizeof(junk), junk, sizeof(junk));
    fixture_expect_error(&fixture, HX_ERR_CORRUPT, "");
}

static void test_contradicting_sizes(void **state)
{
    (void)state;
    /* A size on what has no content: no reader of layers skips any. */
    tar_header(&tar, &(struct tar_entry){ .name = "t", .size = 1 });
    tar_bytes(&tar, "x", 1);
    tar_header(&tar, &(struct tar_entry){
                         .name = "l", .type = '2', .link = "t", .size = 512 });
    tar_header(&tar, &(struct tar_entry){
                         .name = "h", .type = '1', .link = "t", .size = 512 });
    PAX(&tar, "size=512");
    tar_header(&tar,
               &(struct tar_entry){ .name = "h2", .type = '1', .link = "t" });
    tar_header(&tar, &(struct tar_entry){
                         .name = "d", .type = '5', .mode = 0755, .size = 512 });
    PAX(&tar, "size=512");
    tar_header(&tar, &(struct tar_entry){ .name = "c", .type = '3' });
    add("next", "y");
    expect("c c 0:0\nd d\nf h =x\nh h2 => h\nl l -> t\nf next =y\nh t => h\n");
}

static void test_unknown_types_are_refused(void **state)
{
    static const char types[] = "MNVZ8";

    (void)state;
    for (size_t i = 0; types[i]; i++) {
        hx_buf_clear(&tar);
        tar_header(&tar, &(struct tar_entry){ .name = "a", .type = types[i] });
        add("b", "x");
        expect_error(HX_ERR_CORRUPT, "entry 'a'");
        fixture_release(&fixture);
        fixture_init(&fixture);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pax_overrides_the_header),
        TEST(test_pax_speaks_for_one_entry_only),
        TEST(test_pax_records_repeat_and_the_last_wins),
        TEST(test_pax_empty_values_delete),
        TEST(test_pax_global_headers_are_ignored),
        TEST(test_a_global_header_may_come_last),
        TEST(test_pax_names_are_bytes),
        TEST(test_pax_xattrs),
        TEST(test_pax_xattrs_in_any_order),
        TEST(test_pax_damage_is_refused),
        TEST(test_pax_numbers_out_of_range),
        TEST(test_pax_times),
        TEST(test_gnu_long_names),
        TEST(test_ustar_prefix),
        TEST(test_a_prefix_where_gnu_has_times),
        TEST(test_an_old_tar_names_folders_by_a_slash),
        TEST(test_numbers_in_base_256),
        TEST(test_number_fields),
        TEST(test_negative_numbers_are_refused),
        TEST(test_devices_out_of_range),
        TEST(test_sparse_pax_1_0),
        TEST(test_sparse_pax_0_1),
        TEST(test_sparse_pax_0_0),
        TEST(test_sparse_old_gnu),
        TEST(test_a_large_sparse_file_is_small_on_disk),
        TEST(test_a_file_of_more_than_8_gib),
        TEST(test_damaged_sparse_files_are_refused),
        TEST(test_bytes_behind_the_end_are_hashed_and_ignored),
        TEST(test_one_block_of_nuls_is_no_end),
        TEST(test_the_end_may_be_one_block_at_the_end),
        TEST(test_the_end_may_be_missing),
        TEST(test_no_byte_at_all_is_an_empty_layer),
        TEST(test_cut_off_anywhere),
        TEST(test_a_wrong_checksum),
        TEST(test_not_a_tar),
        TEST(test_contradicting_sizes),
        TEST(test_unknown_types_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
