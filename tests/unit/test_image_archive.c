/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of an archive's members: documents, layers, and what looks like
 * one of them and is the other. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/pull/archive.h"
#include "image/pull/blob.h"
#include "tests/unit/unit.h"

#define BIG_BYTES ((size_t)5 << 20) /* more than a plain file's scan reads */

struct fixture {
    char folder[40];
    struct hx_store store;
    char *big; /* a tar, as far as its head tells */
    int fd;    /* the archive */
};

static void put(struct archive *tar, const char *name, const void *data,
                size_t len)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)len);
    assert_int_equal(archive_write_header(tar, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(tar, data, len), len);
    archive_entry_free(entry);
}

/* `gzip`: no plain file, so that all is read at once. */
static void write_archive(const struct fixture *f, int gzip)
{
    struct archive *tar = archive_write_new();
    char text[HX_PACK_HEAD + 1];

    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    memcpy(text + 257, "ustar", 5); /* a document all the same */
    archive_write_set_format_ustar(tar);
    if (gzip)
        archive_write_add_filter_gzip(tar);
    assert_int_equal(archive_write_open_fd(tar, f->fd), ARCHIVE_OK);
    put(tar, "document", "[]", 2);
    put(tar, "like-a-tar", text, sizeof(text));
    put(tar, "big", f->big, BIG_BYTES);
    put(tar, "packed", "\x1f\x8b\x08 and more", 12);
    assert_int_equal(archive_write_free(tar), ARCHIVE_OK);
    assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[] = "/tmp/hx-archive-XXXXXX";

    assert_non_null(f);
    strcpy(f->folder, "/tmp/hx-archive-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(hx_store_open(f->folder, &f->store, NULL), 0);
    f->fd = mkstemp(path);
    assert_true(f->fd >= 0);
    unlink(path);
    f->big = calloc(1, BIG_BYTES);
    assert_non_null(f->big);
    memcpy(f->big, "name", 4);
    memcpy(f->big + 257, "ustar", 5);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hx_store_close(&f->store);
    hx_rm_rf(f->folder, NULL);
    close(f->fd);
    free(f->big);
    free(f);
    return 0;
}

static struct hx_archive *open_archive(struct fixture *f)
{
    struct hx_archive *archive = NULL;

    assert_int_equal(hx_archive_open(&f->store, f->fd, "test", &archive, NULL),
                     0);
    return archive;
}

static void assert_file_is(struct hx_archive *archive, const char *name,
                           const void *data, size_t len)
{
    char *bytes = malloc(len + 1);
    int fd = -1;

    assert_non_null(bytes);
    assert_int_equal(hx_archive_file(archive, name, &fd, NULL), 0);
    assert_int_equal(read(fd, bytes, len + 1), len);
    assert_memory_equal(bytes, data, len);
    close(fd);
    free(bytes);
}

static uint64_t spooled;

static int add_size(const char *path, const struct stat *st, int type,
                    struct FTW *where)
{
    (void)path;
    (void)where;
    if (type == FTW_F)
        spooled += (uint64_t)st->st_size;
    return 0;
}

/* How many bytes of temporary files there are. */
static uint64_t spooled_bytes(const struct fixture *f)
{
    _cleanup_free_ char *path = hx_store_path(&f->store, "tmp");

    spooled = 0;
    assert_int_equal(nftw(path, add_size, 8, FTW_PHYS), 0);
    return spooled;
}

static void check_all(struct fixture *f, int gzip)
{
    _cleanup_archive_ struct hx_archive *archive = NULL;
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    struct hx_packed packed = { .diff_id = "" };
    char digest[HX_DIGEST_TEXT_MAX];
    struct hx_err err = { 0 };

    write_archive(f, gzip);
    archive = open_archive(f);
    /* No layer lies there as it is. */
    assert_true(spooled_bytes(f) < BIG_BYTES / 10);
    assert_int_equal(hx_archive_read(archive, "document", 10, &text, NULL), 0);
    assert_int_equal(text.len, 2);
    hx_buf_release(&text);
    assert_int_equal(hx_archive_read(archive, "like-a-tar", 1000, &text, NULL),
                     0);
    assert_int_equal(text.len, HX_PACK_HEAD + 1);
    assert_memory_equal(text.data, "{}  ", 4);

    assert_int_equal(hx_hash_bytes(f->big, BIG_BYTES, digest), 0);
    assert_int_equal(hx_archive_layer(archive, "big", &packed, NULL), 0);
    assert_string_equal(packed.diff_id, digest);
    assert_int_equal(packed.blob.media, HX_MEDIA_LAYER_GZIP);
    assert_int_equal(
        hx_blob_remove_damaged(&f->store, packed.blob.digest, NULL), 0);
    /* And it is still a file of the archive, as for an OCI layout. */
    assert_file_is(archive, "big", f->big, BIG_BYTES);

    assert_file_is(archive, "packed", "\x1f\x8b\x08 and more", 12);
    assert_int_equal(hx_archive_layer(archive, "packed", &packed, NULL), 0);
    assert_string_equal(packed.diff_id, "");
    assert_int_equal(packed.blob.size_bytes, 12);
    /* What does not look like a layer is one when it is named so. */
    assert_int_equal(hx_archive_layer(archive, "document", &packed, NULL), 0);
    assert_int_equal(hx_hash_bytes("[]", 2, digest), 0);
    assert_string_equal(packed.diff_id, digest);
    assert_file_is(archive, "document", "[]", 2);
    assert_int_equal(hx_archive_layer(archive, "none", &packed, &err),
                     -HX_ERR_NOT_FOUND);
}

static void test_members_of_a_plain_file(void **state)
{
    check_all(*state, 0);
}

static void test_members_of_a_stream(void **state)
{
    check_all(*state, 1);
}

/* A file of a plain archive that was read as it is becomes a layer later. */
static void test_a_file_that_becomes_a_layer(void **state)
{
    struct fixture *f = *state;
    _cleanup_archive_ struct hx_archive *archive = NULL;
    struct hx_packed packed = { .diff_id = "" };
    char digest[HX_DIGEST_TEXT_MAX];

    write_archive(f, 0);
    archive = open_archive(f);
    assert_file_is(archive, "big", f->big, BIG_BYTES);
    assert_int_equal(hx_archive_layer(archive, "big", &packed, NULL), 0);
    assert_int_equal(hx_hash_bytes(f->big, BIG_BYTES, digest), 0);
    assert_string_equal(packed.diff_id, digest);
    assert_true(spooled_bytes(f) < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members_of_a_plain_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_members_of_a_stream, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_becomes_a_layer, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
