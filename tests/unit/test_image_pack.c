/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers that are compressed here: the same bytes for the same tar, whatever
 * the pieces it comes in, and what is compressed already stays as it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "image/pull/hash.h"
#include "image/pull/pack.h"
#include "tests/unit/unit.h"

#define TAR_BYTES ((size_t)3 << 20)

static int open_temp(void)
{
    char path[] = "/tmp/hx-pack-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

/* Half of it can be compressed. */
static unsigned char *make_tar(void)
{
    unsigned char *tar = malloc(TAR_BYTES);
    unsigned state = 1;

    assert_non_null(tar);
    for (size_t i = 0; i < TAR_BYTES; i++) {
        state = state * 1103515245u + 12345u;
        tar[i] = i & 4096 ? (unsigned char)(state >> 16) : 'x';
    }
    memcpy(tar + 257, "ustar", 5);
    return tar;
}

static struct hx_packed pack(int fd, enum hx_media media, const void *data,
                             size_t len, size_t piece)
{
    _cleanup_pack_ struct hx_pack *to = NULL;
    struct hx_packed packed = { .diff_id = "" };

    assert_int_equal(hx_pack_new(fd, media, &to, NULL), 0);
    for (size_t at = 0; at < len; at += piece)
        assert_int_equal(hx_pack_add(to, (const char *)data + at,
                                     len - at < piece ? len - at : piece, NULL),
                         0);
    assert_int_equal(hx_pack_finish(to, &packed, NULL), 0);
    return packed;
}

static void assert_file_has(int fd, const struct hx_descriptor *blob)
{
    _cleanup_hash_ struct hx_hash hash = { 0 };
    char digest[HX_DIGEST_TEXT_MAX];
    off_t bytes = 0;

    assert_int_equal(hx_hash_start(&hash), 0);
    assert_int_equal(hx_hash_add_file(&hash, fd, &bytes), 0);
    assert_int_equal(hx_hash_digest(&hash, digest), 0);
    assert_string_equal(digest, blob->digest);
    assert_int_equal(bytes, blob->size_bytes);
}

static void assert_unpacks_to(int fd, const unsigned char *tar, size_t len)
{
    unsigned char *bytes = malloc(len + 1);
    gzFile file;

    assert_non_null(bytes);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    file = gzdopen(dup(fd), "r");
    assert_non_null(file);
    assert_int_equal(gzread(file, bytes, (unsigned)len + 1), len);
    assert_memory_equal(bytes, tar, len);
    gzclose(file);
    free(bytes);
}

static void test_a_tar_becomes_gzip(void **state)
{
    static const size_t pieces[] = { TAR_BYTES, 262144, 65536, 10240, 4097 };
    static const unsigned char start[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0 };
    unsigned char *tar = make_tar(), head[sizeof(start)];
    char diff_id[HX_DIGEST_TEXT_MAX], digest[HX_DIGEST_TEXT_MAX] = "";

    (void)state;
    assert_int_equal(hx_pack_media(tar, HX_PACK_HEAD), HX_MEDIA_LAYER_TAR);
    assert_int_equal(hx_hash_bytes(tar, TAR_BYTES, diff_id), 0);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        int fd = open_temp();
        struct hx_packed packed =
            pack(fd, HX_MEDIA_LAYER_TAR, tar, TAR_BYTES, pieces[i]);

        assert_int_equal(packed.blob.media, HX_MEDIA_LAYER_GZIP);
        assert_true(packed.blob.size_bytes < TAR_BYTES * 2 / 3);
        assert_string_equal(packed.diff_id, diff_id);
        assert_file_has(fd, &packed.blob);
        assert_unpacks_to(fd, tar, TAR_BYTES);
        /* No name, no time. */
        assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
        assert_memory_equal(head, start, sizeof(start));
        if (*digest)
            assert_string_equal(packed.blob.digest, digest);
        hx_digest_copy(digest, packed.blob.digest);
        close(fd);
    }
    free(tar);
}

static void test_an_empty_layer(void **state)
{
    int fd = open_temp();
    struct hx_packed packed = pack(fd, HX_MEDIA_LAYER_TAR, "", 0, 1);

    (void)state;
    assert_string_equal(packed.diff_id,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934"
                        "ca495991b7852b855");
    assert_file_has(fd, &packed.blob);
    assert_unpacks_to(fd, (const unsigned char *)"", 0);
    close(fd);
}

static void test_what_is_compressed_stays(void **state)
{
    static const enum hx_media kinds[] = { HX_MEDIA_LAYER_GZIP,
                                           HX_MEDIA_LAYER_ZSTD,
                                           HX_MEDIA_UNKNOWN };
    char digest[HX_DIGEST_TEXT_MAX];

    (void)state;
    assert_int_equal(hx_hash_bytes("as it is", 8, digest), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int fd = open_temp();
        struct hx_packed packed = pack(fd, kinds[i], "as it is", 8, 3);

        assert_int_equal(packed.blob.media, kinds[i]);
        assert_string_equal(packed.blob.digest, digest);
        assert_int_equal(packed.blob.size_bytes, 8);
        assert_string_equal(packed.diff_id, "");
        assert_file_has(fd, &packed.blob);
        close(fd);
    }
}

static void test_what_a_file_is(void **state)
{
    static const struct {
        const char *head;
        size_t len;
        enum hx_media media;
    } table[] = {
        { "\x1f\x8b\x08\0", 4, HX_MEDIA_LAYER_GZIP },
        { "\x1f\x8b", 2, HX_MEDIA_UNKNOWN },
        { "\x28\xb5\x2f\xfd", 4, HX_MEDIA_LAYER_ZSTD },
        { "\x5e\x2a\x4d\x18", 4, HX_MEDIA_LAYER_ZSTD },
        { "\x60\x2a\x4d\x18", 4, HX_MEDIA_UNKNOWN },
        { "[{\"Config\":", 11, HX_MEDIA_UNKNOWN },
        { "", 0, HX_MEDIA_UNKNOWN },
    };
    unsigned char head[HX_PACK_HEAD] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(hx_pack_media(table[i].head, table[i].len),
                         table[i].media);
    /* A tar without files, and a file of zeros that is too short for one. */
    assert_int_equal(hx_pack_media(head, sizeof(head)), HX_MEDIA_LAYER_TAR);
    assert_int_equal(hx_pack_media(head, 511), HX_MEDIA_UNKNOWN);
    memcpy(head, "file", 4);
    assert_int_equal(hx_pack_media(head, sizeof(head)), HX_MEDIA_UNKNOWN);
    memcpy(head + 257, "ustar  ", 7);
    assert_int_equal(hx_pack_media(head, sizeof(head)), HX_MEDIA_LAYER_TAR);
    assert_int_equal(hx_pack_media(head, 300), HX_MEDIA_UNKNOWN);
}

static void test_a_full_disk(void **state)
{
    _cleanup_pack_ struct hx_pack *to = NULL;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_pack_new(fd, HX_MEDIA_LAYER_TAR, &to, NULL), 0);
    /* What begins a gzip is written at once. */
    assert_int_equal(hx_pack_add(to, "few", 3, &err), -HX_ERR_NO_SPACE);
    assert_non_null(strstr(err.msg, "writing a layer"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tar_becomes_gzip),
        cmocka_unit_test(test_an_empty_layer),
        cmocka_unit_test(test_what_is_compressed_stays),
        cmocka_unit_test(test_what_a_file_is),
        cmocka_unit_test(test_a_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
