/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which image a launch gets, and whether one is pulled for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/record.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/unit.h"

static void test_get(void **state)
{
    static const struct {
        const char *name, *familiar;
    } table[] = {
        { "nginx", "nginx:latest" },
        { "docker.io/library/nginx:latest", "nginx:latest" },
        { "h:5000/a/b:1", "h:5000/a/b:1" },
        { "aaaaaaaaaaaa", "nginx:latest" },
        { "sha256:aaaaaaaaaaaa", "nginx:latest" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "nginx:latest" },
        /* No reference names it. */
        { "cccccccccccc", "cccccccccccc" },
    };
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_image(store, 'b', 'd', 'e', 'f');
    store_add_image(store, 'c', 'd', 'e', 'f');
    store_add_ref(store, "nginx", 'a');
    store_add_ref(store, "h:5000/a/b:1", 'b');
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (store_get(store, table[i].name, &image, &err) != 0)
            fail_msg("%s: %s", table[i].name, err.msg);
        assert_string_equal(image.familiar, table[i].familiar);
        assert_string_equal(image.config.cmd[0], "x");
        assert_int_equal(image.root_disk_bytes, 4);
        assert_int_equal(access(image.root_disk, R_OK), 0);
        hx_image_release(&image);
    }
    assert_int_equal(store_get(store, "nginx", &image, &err), 0);
    assert_string_equal(image.reference, "docker.io/library/nginx:latest");
    assert_string_equal(image.id, store_digest('a'));
    assert_string_equal(image.digest, store_digest('9'));
    assert_int_equal(image.pulled_at_s, 2000);
    hx_image_release(&image);
}

static void test_get_what_is_not_there(void **state)
{
    static const struct {
        const char *name;
        int rc;
    } table[] = {
        { "redis", -HX_ERR_NOT_FOUND },
        { "nginx:other", -HX_ERR_NOT_FOUND },
        { "bbbbbbbbbbbb", -HX_ERR_NOT_FOUND },
        { "sha256:bbbbbbbbbbbb", -HX_ERR_NOT_FOUND },
        /* Too short for an id: a name. */
        { "aaaaaaaaaaa", -HX_ERR_NOT_FOUND },
        { "Nginx", -HX_ERR_USAGE },
        { "", -HX_ERR_USAGE },
    };
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err = { 0 };

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx", 'a');
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int rc = store_get(store, table[i].name, &image, &err);

        if (rc != table[i].rc)
            fail_msg("%s: %d %s", table[i].name, rc, err.msg);
        assert_null(image.familiar);
    }
    assert_int_equal(store_get(store, "redis", &image, &err),
                     -HX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "xl hyper-pull redis"));
}

static void test_ambiguous_id(void **state)
{
    struct hx_image_record record = { .disk_bytes = 1 };
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    hx_digest_copy(record.id, store_digest('a'));
    record.id[strlen(record.id) - 1] = '0';
    hx_hex_copy(record.disk, store_hex('d'));
    assert_int_equal(hx_image_record_save(store, &record, NULL), 0);
    assert_int_equal(store_get(store, "aaaaaaaaaaaa", &image, &err),
                     -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "2 images"));
}

/* Where no `pull` is that could hash a disk. */
static void test_a_disk_is_hashed_when_it_looks_otherwise(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    struct hx_err err;
    char disk[200];

    snprintf(disk, sizeof(disk), "disks/%s.squashfs", store_hex('d'));
    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx", 'a');
    assert_int_equal(hx_image_check_disk(store, store_digest('a'), &err), 0);
    assert_int_equal(store_get(store, "nginx", &image, &err), 0);
    hx_image_release(&image);
    store_put(store, disk, "dosk");
    assert_int_equal(hx_image_check_disk(store, store_digest('a'), &err),
                     -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "could not be started"));
    assert_int_equal(store_get(store, "nginx", &image, &err),
                     -HX_ERR_NOT_FOUND);
    store_put(store, disk, "longer");
    assert_int_equal(hx_image_check_disk(store, store_digest('a'), &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(store_get(store, "nginx", &image, &err), -HX_ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "pull the image again"));
}

/* A damaged part is named to who wants no pull; else one brings it back. */
static void test_get_damaged(void **state)
{
    static const char *const parts[][2] = { { "disks/", ".squashfs" },
                                            { "images/", ".json" },
                                            { "blobs/sha256/", "" } };
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;
    char name[200];

    for (size_t i = 0; i < 3; i++) {
        store_add_image(store, 'a', 'a', 'e', 'f');
        store_add_ref(store, "nginx", 'a');
        assert_int_equal(store_get(store, "nginx", &image, &err), 0);
        hx_image_release(&image);
        snprintf(name, sizeof(name), "%s%s%s", parts[i][0], store_hex('a'),
                 parts[i][1]);
        store_put(store, name, "{damaged");
        assert_int_equal(store_get(store, "nginx", &image, &err),
                         -HX_ERR_CORRUPT);
    }
}

static void test_other_platform(void **state)
{
    struct hx_image_options options = { .pull = HX_PULL_NEVER,
                                        .platform = "linux/s390x" };
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    struct hx_err err;

    store_add_image_for(store, 'a', 'd', 'e', 'f', "s390x");
    store_add_ref(store, "nginx", 'a');
    assert_int_equal(store_get(store, "nginx", &image, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_image_get(store, "nginx", &options, NULL, &image, &err),
                     0);
    hx_image_release(&image);
    /* Who names an id means that one. */
    assert_int_equal(store_get(store, "aaaaaaaaaaaa", &image, &err), 0);
    hx_image_release(&image);
}

static void test_missing_helper(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    struct hx_err err;

    assert_int_equal(hx_image_get(store, "nginx", NULL, NULL, &image, &err),
                     -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "pulling nginx: /nonexistent/pull could "
                                    "not be started"));
}

/* Another pull moves the tag before we look: ours is what we get. */
static void test_get_what_was_pulled(void **state)
{
    static const struct hx_image_options always_pull = { .pull =
                                                             HX_PULL_ALWAYS };
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    char script[500];

    store_add_image(store, 'a', 'b', 'c', 'd');
    store_add_image(store, 'e', 'f', '1', '2');
    store_add_ref(store, "nginx", 'e');
    snprintf(script, sizeof(script),
             "#!/bin/sh\necho '{\"image\":{\"id\":\"%s\",\"reference\":"
             "\"docker.io/library/nginx:latest\"}}'\n",
             store_digest('a'));
    store_put(store, "tmp/pull", script);
    snprintf(script, sizeof(script), "%s/tmp", store->root);
    setenv("HX_LIBEXEC", script, 1);
    strcat(script, "/pull");
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(
        hx_image_get(store, "nginx", &always_pull, NULL, &image, NULL), 0);
    assert_string_equal(image.id, store_digest('a'));
    assert_null(image.reference);
    hx_image_release(&image);
    store_add_ref(store, "nginx", 'a');
    assert_int_equal(
        hx_image_get(store, "nginx", &always_pull, NULL, &image, NULL), 0);
    assert_string_equal(image.id, store_digest('a'));
    assert_string_equal(image.familiar, "nginx:latest");
    hx_image_release(&image);
}

/* Whether each policy pulls, by what the store has of the image. */
static void test_policies(void **state)
{
    static const struct {
        enum hx_pull_policy policy;
        const char *name, *platform;
        int pulls, rc;
    } table[] = {
        { HX_PULL_MISSING, "here", NULL, 0, 0 },
        { HX_PULL_ALWAYS, "here", NULL, 1, 0 },
        { HX_PULL_NEVER, "here", NULL, 0, 0 },
        { HX_PULL_MISSING, "gone", NULL, 1, 0 },
        { HX_PULL_ALWAYS, "gone", NULL, 1, 0 },
        { HX_PULL_NEVER, "gone", NULL, 0, -HX_ERR_NOT_FOUND },
        /* For another platform it is missing. */
        { HX_PULL_MISSING, "here", "linux/s390x", 1, 0 },
        { HX_PULL_NEVER, "here", "linux/s390x", 0, -HX_ERR_NOT_FOUND },
        /* One without its disk, too. */
        { HX_PULL_MISSING, "broken", NULL, 1, 0 },
        { HX_PULL_NEVER, "broken", NULL, 0, -HX_ERR_NOT_FOUND },
    };
    struct hx_store *store = *state;
    char script[500], path[200];

    store_add_image(store, 'a', 'b', 'c', 'd');
    store_add_ref(store, "here", 'a');
    store_add_image(store, 'e', 'f', '1', '2');
    store_add_ref(store, "broken", 'e');
    snprintf(path, sizeof(path), "%s/disks/%s.squashfs", store->root,
             store_hex('f'));
    assert_int_equal(unlink(path), 0);
    snprintf(script, sizeof(script),
             "#!/bin/sh\n: >\"${0%%/*}/asked\"\n"
             "echo '{\"image\":{\"id\":\"%s\"}}'\n",
             store_digest('a'));
    store_put(store, "tmp/pull", script);
    snprintf(path, sizeof(path), "%s/tmp/pull", store->root);
    assert_int_equal(chmod(path, 0700), 0);
    *strrchr(path, '/') = '\0';
    setenv("HX_LIBEXEC", path, 1);
    strcat(path, "/asked");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_image_options options = { .pull = table[i].policy,
                                            .platform = table[i].platform };
        struct hx_image image = { 0 };
        struct hx_err err = { 0 };
        int rc =
            hx_image_get(store, table[i].name, &options, NULL, &image, &err);

        if (rc != table[i].rc || (unlink(path) == 0) != table[i].pulls)
            fail_msg("row %zu: %d, %s", i, rc, err.msg);
        if (rc == 0)
            assert_string_equal(image.id, store_digest('a'));
        hx_image_release(&image);
    }
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_get_what_is_not_there),
        TEST(test_ambiguous_id),
        TEST(test_a_disk_is_hashed_when_it_looks_otherwise),
        TEST(test_get_damaged),
        TEST(test_other_platform),
        TEST(test_missing_helper),
        TEST(test_get_what_was_pulled),
        TEST(test_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
