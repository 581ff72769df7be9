/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes: an image by its name, those that nobody needs, those over the
 * cap; and what keeps one from it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/image.h"
#include "image/prune.h"
#include "image/record.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/unit.h"

static void test_remove(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_image(store, 'b', '1', '2', 'f');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "nginx:2", 'a');
    store_add_ref(store, "redis", 'b');
    assert_int_equal(hx_image_remove(store, "nginx:1", 0, NULL, NULL, &err), 0);
    assert_int_equal(store_get(store, "nginx:1", &image, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(store_get(store, "nginx:2", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, NULL, NULL, &err), 0);
    assert_false(store_has(store, "images/", store_hex('a'), ".json"));
    assert_false(store_has(store, "blobs/sha256/", store_hex('a'), ""));
    assert_false(store_has(store, "blobs/sha256/", store_hex('e'), ""));
    assert_false(store_has(store, "disks/", store_hex('d'), ".squashfs"));
    assert_false(store_has(store, "refs/docker.io/library/nginx", "", ""));
    /* The layer that the other image has, too. */
    assert_true(store_has(store, "blobs/sha256/", store_hex('f'), ""));
    assert_int_equal(store_get(store, "redis", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, NULL, NULL, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(
        hx_image_remove(store, "bbbbbbbbbbbb", 0, NULL, NULL, &err), 0);
    assert_false(store_has(store, "blobs/sha256/", store_hex('f'), ""));
    assert_false(store_has(store, "refs/docker.io", "", ""));
    assert_true(store_has(store, "refs", "", ""));
}

static void test_remove_id_with_many_names(void **state)
{
    struct hx_store *store = *state;
    struct hx_err err;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "nginx:2", 'a');
    assert_int_equal(
        hx_image_remove(store, "aaaaaaaaaaaa", 0, NULL, NULL, &err),
        -HX_ERR_STATE);
    assert_non_null(strstr(err.msg, "nginx:2"));
    assert_true(store_has(store, "images/", store_hex('a'), ".json"));
    assert_int_equal(
        hx_image_remove(store, "aaaaaaaaaaaa", 1, NULL, NULL, &err), 0);
    assert_false(store_has(store, "images/", store_hex('a'), ".json"));
    assert_false(store_has(store, "refs/docker.io", "", ""));
}

static int always(const char *id, void *opaque, struct hx_err *err)
{
    (void)err;
    assert_string_equal(id, opaque);
    return 1;
}

static void test_remove_in_use(void **state)
{
    struct hx_store *store = *state;
    char id[HX_DIGEST_TEXT_MAX];
    struct hx_image image;
    struct hx_err err;

    hx_digest_copy(id, store_digest('a'));
    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "nginx:2", 'a');
    /* One of two names: nothing of the image goes. */
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, always, id, &err), 0);
    assert_int_equal(hx_image_remove(store, "nginx:1", 0, always, id, &err),
                     -HX_ERR_STATE);
    assert_non_null(strstr(err.msg, "a pod uses it"));
    assert_int_equal(store_get(store, "nginx:1", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:1", 1, always, id, &err), 0);
    assert_int_equal(store_get(store, "nginx:1", &image, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(store_get(store, "aaaaaaaaaaaa", &image, &err), 0);
    hx_image_release(&image);
}

struct pruned {
    char used;       /* an image that a pod needs */
    char text[1000]; /* what is gone, one letter of each id, or its name */
};

static int pruned_in_use(const char *id, void *opaque, struct hx_err *err)
{
    const struct pruned *pruned = opaque;

    (void)err;
    return hx_digest_hex(id)[0] == pruned->used;
}

static void note_removed(const char *name, const char *id, void *opaque)
{
    struct pruned *pruned = opaque;
    size_t len = strlen(pruned->text);

    snprintf(pruned->text + len, sizeof(pruned->text) - len, "%.1s%s ",
             hx_digest_hex(id), name ? strrchr(name, '/') : "");
}

static int is_other_arch(const struct hx_image_config *config, void *opaque)
{
    (void)opaque;
    return strcmp(config->architecture, "s390x") == 0;
}

static void test_prune(void **state)
{
    struct pruned pruned = { .used = 'c' };
    struct hx_prune prune = { .in_use = pruned_in_use,
                              .removed = note_removed,
                              .opaque = &pruned };
    struct hx_store *store = *state;
    struct hx_err err = { 0 };
    uint64_t freed = 0;

    store_add_image(store, 'a', 'd', '1', '2'); /* named */
    store_add_image(store, 'b', 'e', '3', '4'); /* not */
    store_add_image(store, 'c', 'f', '5', '6'); /* not, and used */
    store_add_ref(store, "nginx:1", 'a');
    store_add_ref(store, "nginx:2", 'a');
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "b ");
    assert_true(freed > 9);
    assert_false(store_has(store, "images/", store_hex('b'), ".json"));
    assert_false(store_has(store, "disks/", store_hex('e'), ".squashfs"));
    assert_true(store_has(store, "disks/", store_hex('f'), ".squashfs"));
    assert_true(store_has(store, "disks/", store_hex('d'), ".squashfs"));
    prune.all = 1;
    prune.wanted = is_other_arch;
    pruned.text[0] = '\0';
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "");
    assert_int_equal(freed, 0);
    prune.wanted = NULL;
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "a/nginx:1 a/nginx:2 a ");
    assert_true(store_has(store, "images/", store_hex('c'), ".json"));
    assert_false(store_has(store, "refs/docker.io", "", ""));
}

static void cap_removed(const char *name, const char *id, int64_t used_at_s,
                        void *opaque)
{
    assert_true(used_at_s > 0);
    note_removed(name, id, opaque);
}

/* The one used longest ago goes first; what pods need and what was just
 * pulled stays. */
static void test_cap(void **state)
{
    struct pruned pruned = { .used = 'b' };
    struct hx_store_cap cap = { .max_bytes = 1 << 20,
                                .in_use = pruned_in_use,
                                .removed = cap_removed,
                                .opaque = &pruned };
    struct hx_store *store = *state;
    uint64_t all = 0, needed = 0;
    struct hx_err err = { 0 };
    char keep[HX_DIGEST_TEXT_MAX];

    hx_digest_copy(keep, store_digest('d'));
    cap.keep_id = keep;
    /* All four share one layer, which is counted once. */
    store_add_image(store, 'a', '1', '2', '0');
    store_add_image(store, 'b', '3', '4', '0');
    store_add_image(store, 'c', '5', '6', '0');
    store_add_image(store, 'd', '7', '8', '0');
    store_add_ref(store, "nginx:a", 'a');
    store_add_ref(store, "nginx:c", 'c');
    store_set_used(store, 'd', 1000);
    store_set_used(store, 'b', 2000);
    store_set_used(store, 'c', 3000);
    store_set_used(store, 'a', 4000);
    assert_int_equal(hx_image_cap(store, &cap, &all, &err), 0);
    assert_string_equal(pruned.text, "");
    cap.max_bytes = all - 1;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_string_equal(pruned.text, "c/nginx:c c ");
    assert_true(needed < all);
    assert_false(store_has(store, "disks/", store_hex('5'), ".squashfs"));
    assert_true(store_has(store, "blobs/sha256/", store_hex('0'), ""));
    cap.max_bytes = 1;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_string_equal(pruned.text, "c/nginx:c c a/nginx:a a ");
    assert_true(needed > 1);
    assert_true(store_has(store, "images/", store_hex('b'), ".json"));
    assert_true(store_has(store, "images/", store_hex('d'), ".json"));
    assert_int_equal(hx_image_record_used_at_s(store, store_digest('a')), 0);
}

/* Before an image goes, they do. */
static void test_cap_takes_leftovers(void **state)
{
    struct pruned pruned = { .used = '-' };
    struct hx_store_cap cap = { .max_bytes = 1 << 20,
                                .in_use = pruned_in_use,
                                .removed = cap_removed,
                                .opaque = &pruned };
    struct hx_store *store = *state;
    uint64_t needed = 0;
    struct hx_err err = { 0 };
    char blob[100];

    store_add_image(store, 'a', '1', '2', '3');
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", store_hex('5'));
    store_put(store, blob, "a layer of a pull that failed");
    store_put(store, "tmp/blob-left", "a part of one");
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_true(store_has(store, blob, "", ""));
    assert_true(store_has(store, "tmp/blob-left", "", ""));
    cap.max_bytes = needed;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_false(store_has(store, blob, "", ""));
    assert_false(store_has(store, "tmp/blob-left", "", ""));
    assert_string_equal(pruned.text, "");
    assert_true(store_has(store, "images/", store_hex('a'), ".json"));
}

static int breaks(const char *id, void *opaque, struct hx_err *err)
{
    (void)id;
    (void)opaque;
    return hx_err_set(err, HX_ERR_XEN, "no pods to be had");
}

static int sees_the_lock(const char *id, void *opaque, struct hx_err *err)
{
    int fd = -1;

    (void)id;
    assert_int_equal(hx_lock(opaque, 0, 0, &fd, err), -HX_ERR_STATE);
    return 0;
}

/* Between a launch that has chosen an image and its pod's record. */
static void test_hold(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err = { 0 };
    char lock[200];
    int fd = -1, other = -1;

    store_add_image(store, 'a', 'd', 'e', 'f');
    store_add_ref(store, "nginx", 'a');
    snprintf(lock, sizeof(lock), "%s/store.lock", store->root);
    assert_int_equal(store_get(store, "nginx", &image, &err), 0);
    store_set_used(store, 'a', 1000);
    assert_int_equal(hx_image_hold(store, &image, &fd, &err), 0);
    /* That is a use of it. */
    assert_true(hx_image_record_used_at_s(store, store_digest('a')) > 1000);
    assert_int_equal(hx_lock(lock, 1, 0, &other, &err), -HX_ERR_STATE);
    close(fd);
    assert_int_equal(hx_image_remove(store, "nginx", 0, breaks, NULL, &err),
                     -HX_ERR_XEN);
    assert_int_equal(
        hx_image_remove(store, "nginx", 0, sees_the_lock, lock, &err), 0);
    assert_int_equal(hx_image_hold(store, &image, &fd, &err),
                     -HX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "nginx:latest was removed"));
    hx_image_release(&image);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_remove),        TEST(test_remove_id_with_many_names),
        TEST(test_remove_in_use), TEST(test_prune),
        TEST(test_cap),           TEST(test_cap_takes_leftovers),
        TEST(test_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
