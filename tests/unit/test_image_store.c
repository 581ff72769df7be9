/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the store knows of its images, and what it sweeps up. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/details.h"
#include "image/image.h"
#include "image/record.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/unit.h"

static void test_list(void **state)
{
    struct hx_store *store = *state;
    struct hx_image *images;
    struct hx_err err;
    size_t count;

    assert_int_equal(hx_image_list(store, &images, &count, &err), 0);
    assert_int_equal(count, 0);
    hx_image_list_free(images, count);
    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_image(store, 'b', 'd', 'e', 'f');
    store_add_ref(store, "nginx:2", 'a');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "gone", '7');
    store_put(store, "images/junk", "{}");
    store_put(store, "refs/junk", "{}");
    /* A file that a killed write left is no tag. */
    store_put(
        store, "refs/docker.io/library/nginx/_tags/1.x",
        "{\"reference\":\"docker.io/library/nginx:1\",\"id\":\"sha256:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}");
    assert_int_equal(hx_image_list(store, &images, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(images[0].familiar, "nginx:1");
    assert_string_equal(images[1].familiar, "nginx:2");
    assert_string_equal(images[2].familiar, "bbbbbbbbbbbb");
    assert_null(images[2].reference);
    hx_image_list_free(images, count);
}

/* A further name, and a name that another image had. */
static void test_add_name(void **state)
{
    static const char digest_of_nobody[] =
        "x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaa";
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_image(store, 'b', '1', '2', 'f');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "mine", 'b');
    assert_int_equal(hx_image_add_name(store, "nginx:1", "nginx:2", &err), 0);
    assert_int_equal(hx_image_add_name(store, "aaaaaaaaaaaa", "mine", &err), 0);
    assert_int_equal(store_get(store, "nginx:2", &image, &err), 0);
    assert_string_equal(image.id, store_digest('a'));
    /* The registry's digest is known of its own repository alone. */
    assert_string_equal(image.digest, store_digest('9'));
    hx_image_release(&image);
    assert_int_equal(store_get(store, "mine", &image, &err), 0);
    assert_string_equal(image.id, store_digest('a'));
    assert_string_equal(image.digest, "");
    hx_image_release(&image);
    assert_int_equal(store_get(store, "bbbbbbbbbbbb", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_add_name(store, "none", "x", &err),
                     -HX_ERR_NOT_FOUND);
    assert_string_equal(err.msg, "tagging: none: no such image is stored; 'xl "
                                 "hyper-images' lists them");
    assert_int_equal(hx_image_add_name(store, "mine", digest_of_nobody, &err),
                     -HX_ERR_USAGE);
    assert_int_equal(hx_image_add_name(store, "mine", "A B", &err),
                     -HX_ERR_USAGE);
}

static void test_details(void **state)
{
    _cleanup_details_ struct hx_image_details details = { 0 };
    struct hx_store *store = *state;
    struct hx_err err;
    char name[200];

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "nginx:2", 'a');
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     0);
    assert_string_equal(details.record.disk, store_hex('d'));
    assert_string_equal(details.tags[0], "nginx:1");
    assert_string_equal(details.tags[1], "nginx:2");
    snprintf(name, sizeof(name), "nginx@%s", store_digest('9'));
    assert_string_equal(details.digests[0], name);
    assert_null(details.digests[1]);
    assert_int_equal(details.tagged_at_s, 2000);
    assert_int_equal(details.manifest.layer_count, 1);
    assert_int_equal(details.manifest.layers[0].size_bytes, 5);
    hx_image_details_release(&details);
    /* Without its manifest the sizes of its layers are not known. */
    snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex('e'));
    store_put(store, name, "{damaged");
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     0);
    assert_int_equal(details.manifest.layer_count, 0);
    hx_image_details_release(&details);
    snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex('a'));
    store_put(store, name, "{damaged");
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     -HX_ERR_CORRUPT);
}

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Records come from files: what is in them is checked before it is a path. */
static void test_hostile_records(void **state)
{
    static const char leads_out[] =
        "{\"id\":\"sha256:" A64 "\",\"disk\":\"../../../etc/passwd\","
        "\"disk_bytes\":1}";
    static const char *const bad[] = {
        "{}",      "{\"id\":\"../../x\",\"disk\":\"y\",\"disk_bytes\":1}",
        leads_out, "[]",
        "",
    };
    struct hx_store *store = *state;
    struct hx_image_record record;
    char name[200];

    snprintf(name, sizeof(name), "images/%s.json", store_hex('a'));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        store_put(store, name, bad[i]);
        assert_int_equal(
            hx_image_record_load(store, store_digest('a'), &record, NULL),
            -HX_ERR_CORRUPT);
    }
}

static void test_sweep(void **state)
{
    struct hx_store *store = *state;
    int file, folder, pulls;
    char *file_path, *folder_path;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_put(store, "tmp/blob-left", "x");
    store_put(store, "blobs/sha256/notes", "not ours");
    assert_int_equal(hx_mkdir_p(store->root, 0700, &err), 0);
    assert_int_equal(hx_store_temp(store, "mine", &file, &file_path, &err), 0);
    assert_int_equal(
        hx_store_temp_folder(store, "mine", &folder, &folder_path, &err), 0);
    store_add_image(store, 'b', '1', '2', '3');
    assert_int_equal(hx_image_record_remove(store, store_digest('b'), &err), 0);

    /* While a pull runs, only temporary files go. */
    assert_int_equal(hx_store_join_pulls(store, &pulls, &err), 0);
    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_false(store_has(store, "tmp/blob-left", "", ""));
    assert_int_equal(access(file_path, F_OK), 0);
    assert_int_equal(access(folder_path, F_OK), 0);
    assert_true(store_has(store, "blobs/sha256/", store_hex('3'), ""));
    close(pulls);
    close(file);
    close(folder);

    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_true(access(file_path, F_OK) < 0);
    assert_true(access(folder_path, F_OK) < 0);
    assert_false(store_has(store, "blobs/sha256/", store_hex('b'), ""));
    assert_false(store_has(store, "blobs/sha256/", store_hex('2'), ""));
    assert_false(store_has(store, "blobs/sha256/", store_hex('3'), ""));
    assert_false(store_has(store, "disks/", store_hex('1'), ".squashfs"));
    assert_true(store_has(store, "blobs/sha256/", store_hex('a'), ""));
    assert_true(store_has(store, "blobs/sha256/", store_hex('e'), ""));
    assert_true(store_has(store, "blobs/sha256/", store_hex('f'), ""));
    assert_true(store_has(store, "disks/", store_hex('d'), ".squashfs"));
    assert_true(store_has(store, "blobs/sha256/notes", "", ""));
    free(file_path);
    free(folder_path);
}

/* A file of the store as if it had been written to so long ago. */
static void set_age(struct hx_store *store, const char *name, int64_t age_s)
{
    _cleanup_free_ char *path = hx_store_path(store, "%s", name);
    struct timespec times[2] = { { .tv_sec = time(NULL) - age_s },
                                 { .tv_sec = time(NULL) - age_s } };

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* What failed pulls have left serves the next one for a day. */
static void test_sweep_old(void **state)
{
    static const struct {
        int64_t age_s;
        int stays;
    } table[] = {
        { 0, 1 },   { HX_LEFTOVERS_S - 60, 1 },  { HX_LEFTOVERS_S + 60, 0 },
        { -60, 1 }, { -HX_LEFTOVERS_S - 60, 0 }, /* the clock has jumped */
    };
    struct hx_store *store = *state;
    struct hx_err err;
    char blob[100];

    store_add_image(store, 'a', 'd', 'e', 'f');
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", store_hex('f'));
    set_age(store, blob, 10 * HX_LEFTOVERS_S);
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", store_hex('5'));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        store_put(store, "tmp/blob-left", "x");
        store_put(store, "tmp/blob-begun", "");
        store_put(store, "tmp/disk-left", "x");
        store_put(store, blob, "layer");
        snprintf(blob, sizeof(blob), "disks/%s.squashfs", store_hex('5'));
        store_put(store, blob, "disk");
        snprintf(blob, sizeof(blob), "blobs/sha256/%s", store_hex('5'));
        set_age(store, blob, table[i].age_s);
        set_age(store, "tmp/blob-left", table[i].age_s);
        assert_int_equal(hx_store_sweep_old(store, &err), 0);
        assert_int_equal(store_has(store, blob, "", ""), table[i].stays);
        assert_int_equal(store_has(store, "tmp/blob-left", "", ""),
                         table[i].stays);
        assert_false(store_has(store, "tmp/blob-begun", "", ""));
        assert_false(store_has(store, "tmp/disk-left", "", ""));
        assert_false(store_has(store, "disks/", store_hex('5'), ".squashfs"));
        assert_true(store_has(store, "blobs/sha256/", store_hex('f'), ""));
    }
}

/* What cannot be read now may name files that are needed. */
static void test_sweep_with_an_unreadable_record(void **state)
{
    struct hx_store *store = *state;
    char path[200];
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    snprintf(path, sizeof(path), "%s/images/%s.json", store->root,
             store_hex('a'));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(hx_store_sweep(store, &err), -HX_ERR_SYSTEM);
    assert_true(store_has(store, "disks/", store_hex('d'), ".squashfs"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_false(store_has(store, "disks/", store_hex('d'), ".squashfs"));
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_add_name),
        TEST(test_details),
        TEST(test_hostile_records),
        TEST(test_sweep),
        TEST(test_sweep_old),
        TEST(test_sweep_with_an_unreadable_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
