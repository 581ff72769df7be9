/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The archives that hyper-save writes, as libarchive's reader
 * has them, and byte by byte where others look. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/pull/tarout.h"
#include "tests/unit/unit.h"

static int open_temp(void)
{
    char path[] = "/tmp/hx-tarout-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static const struct {
    const char *name;
    size_t size;
} files[] = {
    { "oci-layout", 30 },      { "empty", 0 },
    { "blobs/sha256/a", 511 }, { "blobs/sha256/b", 512 },
    { "blobs/sha256/c", 513 }, { "manifest.json", 5000 },
};

static void write_all(int fd)
{
    static char bytes[5000];

    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_equal(
            hx_tarout_file(fd, files[i].name, bytes, files[i].size, NULL), 0);
    assert_int_equal(hx_tarout_end(fd, NULL), 0);
}

static void test_files_come_back(void **state)
{
    struct archive *reader = archive_read_new();
    struct archive_entry *entry;
    char bytes[6000];
    int fd = open_temp();

    (void)state;
    write_all(fd);
    assert_int_equal(lseek(fd, 0, SEEK_END) % 512, 0);
    lseek(fd, 0, SEEK_SET);
    archive_read_support_format_tar(reader);
    assert_int_equal(archive_read_open_fd(reader, fd, 512), ARCHIVE_OK);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(archive_read_next_header(reader, &entry), ARCHIVE_OK);
        assert_string_equal(archive_entry_pathname(entry), files[i].name);
        assert_int_equal(archive_entry_filetype(entry), AE_IFREG);
        assert_int_equal(archive_entry_perm(entry), 0644);
        assert_int_equal(archive_entry_uid(entry), 0);
        assert_int_equal(archive_entry_gid(entry), 0);
        assert_int_equal(archive_entry_mtime(entry), 0);
        assert_int_equal(archive_read_data(reader, bytes, sizeof(bytes)),
                         files[i].size);
        for (size_t k = 0; k < files[i].size; k++)
            assert_int_equal(bytes[k], 'x');
    }
    assert_int_equal(archive_read_next_header(reader, &entry), ARCHIVE_EOF);
    archive_read_free(reader);
    close(fd);
}

static void test_the_same_bytes_again(void **state)
{
    int a = open_temp(), b = open_temp();
    char left[65536], right[65536];
    ssize_t len;

    (void)state;
    write_all(a);
    write_all(b);
    len = pread(a, left, sizeof(left), 0);
    assert_true(len > 5000);
    assert_int_equal(pread(b, right, sizeof(right), 0), len);
    assert_memory_equal(left, right, (size_t)len);
    close(a);
    close(b);
}

/* 8 GiB and more do not fit in eleven octal digits. */
static void test_sizes(void **state)
{
    static const struct {
        uint64_t size;
        const char *field; /* of 12 bytes */
    } table[] = {
        { 0, "00000000000\0" },
        { 8, "00000000010\0" },
        { (UINT64_C(1) << 33) - 1, "77777777777\0" },
        { UINT64_C(1) << 33, "\x80\0\0\0\0\0\0\x02\0\0\0\0" },
        { UINT64_C(256) << 30, "\x80\0\0\0\0\0\0\x40\0\0\0\0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct archive *reader = archive_read_new();
        struct archive_entry *entry;
        char header[512];
        int fd = open_temp();

        assert_int_equal(hx_tarout_begin(fd, "f", table[i].size, NULL), 0);
        assert_int_equal(pread(fd, header, sizeof(header), 0), 512);
        assert_memory_equal(header + 124, table[i].field, 12);
        lseek(fd, 0, SEEK_SET);
        archive_read_support_format_tar(reader);
        assert_int_equal(archive_read_open_fd(reader, fd, 512), ARCHIVE_OK);
        assert_int_equal(archive_read_next_header(reader, &entry), ARCHIVE_OK);
        assert_int_equal(archive_entry_size(entry), table[i].size);
        archive_read_free(reader);
        close(fd);
    }
}

static void test_padding(void **state)
{
    static const struct {
        uint64_t size;
        off_t pad;
    } table[] = { { 0, 0 },   { 1, 511 },   { 511, 1 },
                  { 512, 0 }, { 513, 511 }, { UINT64_C(1) << 40, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct stat st;
        int fd = open_temp();

        assert_int_equal(hx_tarout_pad(fd, table[i].size, NULL), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, table[i].pad);
        close(fd);
    }
}

static void test_a_full_disk(void **state)
{
    int fd = open("/dev/full", O_WRONLY);
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_tarout_begin(fd, "f", 1, &err), -HX_ERR_NO_SPACE);
    assert_non_null(strstr(err.msg, "writing the archive"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_come_back),
        cmocka_unit_test(test_the_same_bytes_again),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_a_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
