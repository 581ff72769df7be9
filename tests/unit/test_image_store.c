/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store: looking up, listing, removing, sweeping; no program is run. */
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
#include "image/platform.h"
#include "image/prune.h"
#include "image/record.h"
#include "tests/unit/unit.h"

/* 64 times one hex digit. */
static const char *hex(char c)
{
    static char text[4][HX_DIGEST_HEX + 1];
    static int at;

    at = (at + 1) % 4;
    memset(text[at], c, HX_DIGEST_HEX);
    return text[at];
}

static const char *digest(char c)
{
    static char text[4][HX_DIGEST_TEXT_MAX];
    static int at;

    at = (at + 1) % 4;
    snprintf(text[at], sizeof(text[at]), "sha256:%s", hex(c));
    return text[at];
}

static int setup(void **state)
{
    struct hx_store *store = calloc(1, sizeof(*store));
    char folder[] = "/tmp/hx-store-XXXXXX";

    setenv("HX_LIBEXEC", "/nonexistent", 1);
    *state = store;
    return mkdtemp(folder) && hx_store_open(folder, store, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct hx_store *store = *state;
    int rc = hx_rm_rf(store->root, NULL);

    hx_store_close(store);
    free(store);
    unsetenv("HX_LIBEXEC");
    return rc;
}

static void put(struct hx_store *store, const char *name, const char *text)
{
    char *path = hx_store_path(store, "%s", name);

    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0600, NULL),
                     0);
    free(path);
}

/* Whether the store has FOLDER/NAME and what follows. */
static int has(struct hx_store *store, const char *folder, const char *name,
               const char *suffix)
{
    char *path = hx_store_path(store, "%s%s%s", folder, name, suffix);
    int there = access(path, F_OK) == 0;

    free(path);
    return there;
}

#define CONFIG_TEXT                                                            \
    "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"x\"]},"  \
    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"

/* An image of id cccc..., disk dddd..., manifest mmmm... with layer llll... */
static void add_image_for(struct hx_store *store, char id, char disk,
                          char manifest, char layer, const char *arch)
{
    struct hx_image_record record = { .disk_bytes = 4, .pulled_at_s = 1000 };
    char name[200], text[1000];
    _cleanup_free_ char *path = hx_store_disk_path(store, hex(disk));
    struct stat st;

    snprintf(name, sizeof(name), "blobs/sha256/%s", hex(id));
    snprintf(text, sizeof(text), CONFIG_TEXT, arch);
    put(store, name, text);
    snprintf(name, sizeof(name), "disks/%s.squashfs", hex(disk));
    if (stat(path, &st) < 0 || st.st_size != 4)
        put(store, name, "disk");
    assert_int_equal(stat(path, &st), 0);
    hx_disk_stamp(&st, record.disk_stamp);
    snprintf(name, sizeof(name), "blobs/sha256/%s", hex(layer));
    put(store, name, "layer");
    snprintf(name, sizeof(name), "blobs/sha256/%s", hex(manifest));
    snprintf(text, sizeof(text),
             "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
             "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\","
             "\"size\":2},\"layers\":[{\"mediaType\":\"application/vnd.oci."
             "image.layer.v1.tar\",\"digest\":\"%s\",\"size\":5}]}",
             digest(id), digest(layer));
    put(store, name, text);
    hx_digest_copy(record.id, digest(id));
    hx_digest_copy(record.manifest, digest(manifest));
    hx_hex_copy(record.disk, hex(disk));
    hx_hex_copy(record.disk_sha256, hex('0'));
    assert_int_equal(hx_image_record_save(store, &record, NULL), 0);
}

static void add_image(struct hx_store *store, char id, char disk, char manifest,
                      char layer)
{
    struct hx_platform host;

    assert_int_equal(hx_platform_parse(NULL, &host, NULL), 0);
    add_image_for(store, id, disk, manifest, layer, host.arch);
}

static void add_ref(struct hx_store *store, const char *name, char id)
{
    struct hx_reference ref = { 0 };
    struct hx_ref_record record = { .pulled_at_s = 2000 };

    assert_int_equal(hx_reference_parse(name, &ref, NULL), 0);
    record.reference = hx_reference_canonical(&ref);
    hx_digest_copy(record.id, digest(id));
    hx_digest_copy(record.digest, digest('9'));
    assert_int_equal(hx_ref_record_save(store, &ref, &record, NULL), 0);
    hx_ref_record_release(&record);
    hx_reference_release(&ref);
}

static const struct hx_image_options never = { .pull = HX_PULL_NEVER };

static int get(struct hx_store *store, const char *name, struct hx_image *image,
               struct hx_err *err)
{
    *image = (struct hx_image){ 0 };
    return hx_image_get(store, name, &never, NULL, image, err);
}

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

    add_image(store, 'a', 'd', 'e', 'f');
    add_image(store, 'b', 'd', 'e', 'f');
    add_image(store, 'c', 'd', 'e', 'f');
    add_ref(store, "nginx", 'a');
    add_ref(store, "h:5000/a/b:1", 'b');
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (get(store, table[i].name, &image, &err) != 0)
            fail_msg("%s: %s", table[i].name, err.msg);
        assert_string_equal(image.familiar, table[i].familiar);
        assert_string_equal(image.config.cmd[0], "x");
        assert_int_equal(image.root_disk_bytes, 4);
        assert_int_equal(access(image.root_disk, R_OK), 0);
        hx_image_release(&image);
    }
    assert_int_equal(get(store, "nginx", &image, &err), 0);
    assert_string_equal(image.reference, "docker.io/library/nginx:latest");
    assert_string_equal(image.id, digest('a'));
    assert_string_equal(image.digest, digest('9'));
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

    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx", 'a');
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int rc = get(store, table[i].name, &image, &err);

        if (rc != table[i].rc)
            fail_msg("%s: %d %s", table[i].name, rc, err.msg);
        assert_null(image.familiar);
    }
    assert_int_equal(get(store, "redis", &image, &err), -HX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "xl hyper-pull redis"));
}

static void test_ambiguous_id(void **state)
{
    struct hx_image_record record = { .disk_bytes = 1 };
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    add_image(store, 'a', 'd', 'e', 'f');
    hx_digest_copy(record.id, digest('a'));
    record.id[strlen(record.id) - 1] = '0';
    hx_hex_copy(record.disk, hex('d'));
    assert_int_equal(hx_image_record_save(store, &record, NULL), 0);
    assert_int_equal(get(store, "aaaaaaaaaaaa", &image, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "2 images"));
}

/* Where no `pull` is that could hash a disk. */
static void test_a_disk_is_hashed_when_it_looks_otherwise(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    struct hx_err err;
    char disk[200];

    snprintf(disk, sizeof(disk), "disks/%s.squashfs", hex('d'));
    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx", 'a');
    assert_int_equal(hx_image_check_disk(store, digest('a'), &err), 0);
    assert_int_equal(get(store, "nginx", &image, &err), 0);
    hx_image_release(&image);
    put(store, disk, "dosk");
    assert_int_equal(hx_image_check_disk(store, digest('a'), &err),
                     -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "could not be started"));
    assert_int_equal(get(store, "nginx", &image, &err), -HX_ERR_NOT_FOUND);
    put(store, disk, "longer");
    assert_int_equal(hx_image_check_disk(store, digest('a'), &err),
                     -HX_ERR_CORRUPT);
    assert_int_equal(get(store, "nginx", &image, &err), -HX_ERR_CORRUPT);
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
        add_image(store, 'a', 'a', 'e', 'f');
        add_ref(store, "nginx", 'a');
        assert_int_equal(get(store, "nginx", &image, &err), 0);
        hx_image_release(&image);
        snprintf(name, sizeof(name), "%s%s%s", parts[i][0], hex('a'),
                 parts[i][1]);
        put(store, name, "{damaged");
        assert_int_equal(get(store, "nginx", &image, &err), -HX_ERR_CORRUPT);
    }
}

static void test_other_platform(void **state)
{
    struct hx_image_options options = { .pull = HX_PULL_NEVER,
                                        .platform = "linux/s390x" };
    struct hx_store *store = *state;
    struct hx_image image = { 0 };
    struct hx_err err;

    add_image_for(store, 'a', 'd', 'e', 'f', "s390x");
    add_ref(store, "nginx", 'a');
    assert_int_equal(get(store, "nginx", &image, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_image_get(store, "nginx", &options, NULL, &image, &err),
                     0);
    hx_image_release(&image);
    /* Who names an id means that one. */
    assert_int_equal(get(store, "aaaaaaaaaaaa", &image, &err), 0);
    hx_image_release(&image);
}

static void test_list(void **state)
{
    struct hx_store *store = *state;
    struct hx_image *images;
    struct hx_err err;
    size_t count;

    assert_int_equal(hx_image_list(store, &images, &count, &err), 0);
    assert_int_equal(count, 0);
    hx_image_list_free(images, count);
    add_image(store, 'a', 'd', 'e', 'f');
    add_image(store, 'b', 'd', 'e', 'f');
    add_ref(store, "nginx:2", 'a');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "gone", '7');
    put(store, "images/junk", "{}");
    put(store, "refs/junk", "{}");
    /* A file that a killed write left is no tag. */
    put(store, "refs/docker.io/library/nginx/_tags/1.x",
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

static void test_remove(void **state)
{
    struct hx_store *store = *state;
    struct hx_image image;
    struct hx_err err;

    add_image(store, 'a', 'd', 'e', 'f');
    add_image(store, 'b', '1', '2', 'f');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "nginx:2", 'a');
    add_ref(store, "redis", 'b');
    assert_int_equal(hx_image_remove(store, "nginx:1", 0, NULL, NULL, &err), 0);
    assert_int_equal(get(store, "nginx:1", &image, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(get(store, "nginx:2", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, NULL, NULL, &err), 0);
    assert_false(has(store, "images/", hex('a'), ".json"));
    assert_false(has(store, "blobs/sha256/", hex('a'), ""));
    assert_false(has(store, "blobs/sha256/", hex('e'), ""));
    assert_false(has(store, "disks/", hex('d'), ".squashfs"));
    assert_false(has(store, "refs/docker.io/library/nginx", "", ""));
    /* The layer that the other image has, too. */
    assert_true(has(store, "blobs/sha256/", hex('f'), ""));
    assert_int_equal(get(store, "redis", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, NULL, NULL, &err),
                     -HX_ERR_NOT_FOUND);
    assert_int_equal(
        hx_image_remove(store, "bbbbbbbbbbbb", 0, NULL, NULL, &err), 0);
    assert_false(has(store, "blobs/sha256/", hex('f'), ""));
    assert_false(has(store, "refs/docker.io", "", ""));
    assert_true(has(store, "refs", "", ""));
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

    add_image(store, 'a', 'd', 'e', 'f');
    add_image(store, 'b', '1', '2', 'f');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "mine", 'b');
    assert_int_equal(hx_image_add_name(store, "nginx:1", "nginx:2", &err), 0);
    assert_int_equal(hx_image_add_name(store, "aaaaaaaaaaaa", "mine", &err), 0);
    assert_int_equal(get(store, "nginx:2", &image, &err), 0);
    assert_string_equal(image.id, digest('a'));
    /* The registry's digest is known of its own repository alone. */
    assert_string_equal(image.digest, digest('9'));
    hx_image_release(&image);
    assert_int_equal(get(store, "mine", &image, &err), 0);
    assert_string_equal(image.id, digest('a'));
    assert_string_equal(image.digest, "");
    hx_image_release(&image);
    assert_int_equal(get(store, "bbbbbbbbbbbb", &image, &err), 0);
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

    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "nginx:2", 'a');
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     0);
    assert_string_equal(details.record.disk, hex('d'));
    assert_string_equal(details.tags[0], "nginx:1");
    assert_string_equal(details.tags[1], "nginx:2");
    snprintf(name, sizeof(name), "nginx@%s", digest('9'));
    assert_string_equal(details.digests[0], name);
    assert_null(details.digests[1]);
    assert_int_equal(details.tagged_at_s, 2000);
    assert_int_equal(details.manifest.layer_count, 1);
    assert_int_equal(details.manifest.layers[0].size_bytes, 5);
    hx_image_details_release(&details);
    /* Without its manifest the sizes of its layers are not known. */
    snprintf(name, sizeof(name), "blobs/sha256/%s", hex('e'));
    put(store, name, "{damaged");
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     0);
    assert_int_equal(details.manifest.layer_count, 0);
    hx_image_details_release(&details);
    snprintf(name, sizeof(name), "blobs/sha256/%s", hex('a'));
    put(store, name, "{damaged");
    assert_int_equal(hx_image_details_load(store, "nginx:2", &details, &err),
                     -HX_ERR_CORRUPT);
}

static void test_remove_id_with_many_names(void **state)
{
    struct hx_store *store = *state;
    struct hx_err err;

    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "nginx:2", 'a');
    assert_int_equal(
        hx_image_remove(store, "aaaaaaaaaaaa", 0, NULL, NULL, &err),
        -HX_ERR_STATE);
    assert_non_null(strstr(err.msg, "nginx:2"));
    assert_true(has(store, "images/", hex('a'), ".json"));
    assert_int_equal(
        hx_image_remove(store, "aaaaaaaaaaaa", 1, NULL, NULL, &err), 0);
    assert_false(has(store, "images/", hex('a'), ".json"));
    assert_false(has(store, "refs/docker.io", "", ""));
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

    hx_digest_copy(id, digest('a'));
    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "nginx:2", 'a');
    /* One of two names: nothing of the image goes. */
    assert_int_equal(hx_image_remove(store, "nginx:2", 0, always, id, &err), 0);
    assert_int_equal(hx_image_remove(store, "nginx:1", 0, always, id, &err),
                     -HX_ERR_STATE);
    assert_non_null(strstr(err.msg, "a pod uses it"));
    assert_int_equal(get(store, "nginx:1", &image, &err), 0);
    hx_image_release(&image);
    assert_int_equal(hx_image_remove(store, "nginx:1", 1, always, id, &err), 0);
    assert_int_equal(get(store, "nginx:1", &image, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(get(store, "aaaaaaaaaaaa", &image, &err), 0);
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

    add_image(store, 'a', 'd', '1', '2'); /* named */
    add_image(store, 'b', 'e', '3', '4'); /* not */
    add_image(store, 'c', 'f', '5', '6'); /* not, and used */
    add_ref(store, "nginx:1", 'a');
    add_ref(store, "nginx:2", 'a');
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "b ");
    assert_true(freed > 9);
    assert_false(has(store, "images/", hex('b'), ".json"));
    assert_false(has(store, "disks/", hex('e'), ".squashfs"));
    assert_true(has(store, "disks/", hex('f'), ".squashfs"));
    assert_true(has(store, "disks/", hex('d'), ".squashfs"));
    prune.all = 1;
    prune.wanted = is_other_arch;
    pruned.text[0] = '\0';
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "");
    assert_int_equal(freed, 0);
    prune.wanted = NULL;
    assert_int_equal(hx_image_prune(store, &prune, &freed, &err), 0);
    assert_string_equal(pruned.text, "a/nginx:1 a/nginx:2 a ");
    assert_true(has(store, "images/", hex('c'), ".json"));
    assert_false(has(store, "refs/docker.io", "", ""));
}

static void cap_removed(const char *name, const char *id, int64_t used_at_s,
                        void *opaque)
{
    assert_true(used_at_s > 0);
    note_removed(name, id, opaque);
}

static void set_used(struct hx_store *store, char id, time_t at_s)
{
    const struct timespec times[2] = { { .tv_sec = at_s }, { .tv_sec = at_s } };
    char *path = hx_store_path(store, "images/%s.json", hex(id));

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(hx_image_record_used_at_s(store, digest(id)), at_s);
    free(path);
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

    hx_digest_copy(keep, digest('d'));
    cap.keep_id = keep;
    /* All four share one layer, which is counted once. */
    add_image(store, 'a', '1', '2', '0');
    add_image(store, 'b', '3', '4', '0');
    add_image(store, 'c', '5', '6', '0');
    add_image(store, 'd', '7', '8', '0');
    add_ref(store, "nginx:a", 'a');
    add_ref(store, "nginx:c", 'c');
    set_used(store, 'd', 1000);
    set_used(store, 'b', 2000);
    set_used(store, 'c', 3000);
    set_used(store, 'a', 4000);
    assert_int_equal(hx_image_cap(store, &cap, &all, &err), 0);
    assert_string_equal(pruned.text, "");
    cap.max_bytes = all - 1;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_string_equal(pruned.text, "c/nginx:c c ");
    assert_true(needed < all);
    assert_false(has(store, "disks/", hex('5'), ".squashfs"));
    assert_true(has(store, "blobs/sha256/", hex('0'), ""));
    cap.max_bytes = 1;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_string_equal(pruned.text, "c/nginx:c c a/nginx:a a ");
    assert_true(needed > 1);
    assert_true(has(store, "images/", hex('b'), ".json"));
    assert_true(has(store, "images/", hex('d'), ".json"));
    assert_int_equal(hx_image_record_used_at_s(store, digest('a')), 0);
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

    add_image(store, 'a', 'd', 'e', 'f');
    add_ref(store, "nginx", 'a');
    snprintf(lock, sizeof(lock), "%s/store.lock", store->root);
    assert_int_equal(get(store, "nginx", &image, &err), 0);
    set_used(store, 'a', 1000);
    assert_int_equal(hx_image_hold(store, &image, &fd, &err), 0);
    /* That is a use of it. */
    assert_true(hx_image_record_used_at_s(store, digest('a')) > 1000);
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

static void test_sweep(void **state)
{
    struct hx_store *store = *state;
    int file, folder, pulls;
    char *file_path, *folder_path;
    struct hx_err err;

    add_image(store, 'a', 'd', 'e', 'f');
    put(store, "tmp/blob-left", "x");
    put(store, "blobs/sha256/notes", "not ours");
    assert_int_equal(hx_mkdir_p(store->root, 0700, &err), 0);
    assert_int_equal(hx_store_temp(store, "mine", &file, &file_path, &err), 0);
    assert_int_equal(
        hx_store_temp_folder(store, "mine", &folder, &folder_path, &err), 0);
    add_image(store, 'b', '1', '2', '3');
    assert_int_equal(hx_image_record_remove(store, digest('b'), &err), 0);

    /* While a pull runs, only temporary files go. */
    assert_int_equal(hx_store_join_pulls(store, &pulls, &err), 0);
    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_false(has(store, "tmp/blob-left", "", ""));
    assert_int_equal(access(file_path, F_OK), 0);
    assert_int_equal(access(folder_path, F_OK), 0);
    assert_true(has(store, "blobs/sha256/", hex('3'), ""));
    close(pulls);
    close(file);
    close(folder);

    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_true(access(file_path, F_OK) < 0);
    assert_true(access(folder_path, F_OK) < 0);
    assert_false(has(store, "blobs/sha256/", hex('b'), ""));
    assert_false(has(store, "blobs/sha256/", hex('2'), ""));
    assert_false(has(store, "blobs/sha256/", hex('3'), ""));
    assert_false(has(store, "disks/", hex('1'), ".squashfs"));
    assert_true(has(store, "blobs/sha256/", hex('a'), ""));
    assert_true(has(store, "blobs/sha256/", hex('e'), ""));
    assert_true(has(store, "blobs/sha256/", hex('f'), ""));
    assert_true(has(store, "disks/", hex('d'), ".squashfs"));
    assert_true(has(store, "blobs/sha256/notes", "", ""));
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

    add_image(store, 'a', 'd', 'e', 'f');
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", hex('f'));
    set_age(store, blob, 10 * HX_LEFTOVERS_S);
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", hex('5'));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        put(store, "tmp/blob-left", "x");
        put(store, "tmp/blob-begun", "");
        put(store, "tmp/disk-left", "x");
        put(store, blob, "layer");
        snprintf(blob, sizeof(blob), "disks/%s.squashfs", hex('5'));
        put(store, blob, "disk");
        snprintf(blob, sizeof(blob), "blobs/sha256/%s", hex('5'));
        set_age(store, blob, table[i].age_s);
        set_age(store, "tmp/blob-left", table[i].age_s);
        assert_int_equal(hx_store_sweep_old(store, &err), 0);
        assert_int_equal(has(store, blob, "", ""), table[i].stays);
        assert_int_equal(has(store, "tmp/blob-left", "", ""), table[i].stays);
        assert_false(has(store, "tmp/blob-begun", "", ""));
        assert_false(has(store, "tmp/disk-left", "", ""));
        assert_false(has(store, "disks/", hex('5'), ".squashfs"));
        assert_true(has(store, "blobs/sha256/", hex('f'), ""));
    }
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

    add_image(store, 'a', '1', '2', '3');
    snprintf(blob, sizeof(blob), "blobs/sha256/%s", hex('5'));
    put(store, blob, "a layer of a pull that failed");
    put(store, "tmp/blob-left", "a part of one");
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_true(has(store, blob, "", ""));
    assert_true(has(store, "tmp/blob-left", "", ""));
    cap.max_bytes = needed;
    assert_int_equal(hx_image_cap(store, &cap, &needed, &err), 0);
    assert_false(has(store, blob, "", ""));
    assert_false(has(store, "tmp/blob-left", "", ""));
    assert_string_equal(pruned.text, "");
    assert_true(has(store, "images/", hex('a'), ".json"));
}

/* What cannot be read now may name files that are needed. */
static void test_sweep_with_an_unreadable_record(void **state)
{
    struct hx_store *store = *state;
    char path[200];
    struct hx_err err;

    add_image(store, 'a', 'd', 'e', 'f');
    snprintf(path, sizeof(path), "%s/images/%s.json", store->root, hex('a'));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(hx_store_sweep(store, &err), -HX_ERR_SYSTEM);
    assert_true(has(store, "disks/", hex('d'), ".squashfs"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(hx_store_sweep(store, &err), 0);
    assert_false(has(store, "disks/", hex('d'), ".squashfs"));
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

    snprintf(name, sizeof(name), "images/%s.json", hex('a'));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(store, name, bad[i]);
        assert_int_equal(
            hx_image_record_load(store, digest('a'), &record, NULL),
            -HX_ERR_CORRUPT);
    }
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

    add_image(store, 'a', 'b', 'c', 'd');
    add_image(store, 'e', 'f', '1', '2');
    add_ref(store, "nginx", 'e');
    snprintf(script, sizeof(script),
             "#!/bin/sh\necho '{\"image\":{\"id\":\"%s\",\"reference\":"
             "\"docker.io/library/nginx:latest\"}}'\n",
             digest('a'));
    put(store, "tmp/pull", script);
    snprintf(script, sizeof(script), "%s/tmp", store->root);
    setenv("HX_LIBEXEC", script, 1);
    strcat(script, "/pull");
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(
        hx_image_get(store, "nginx", &always_pull, NULL, &image, NULL), 0);
    assert_string_equal(image.id, digest('a'));
    assert_null(image.reference);
    hx_image_release(&image);
    add_ref(store, "nginx", 'a');
    assert_int_equal(
        hx_image_get(store, "nginx", &always_pull, NULL, &image, NULL), 0);
    assert_string_equal(image.id, digest('a'));
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

    add_image(store, 'a', 'b', 'c', 'd');
    add_ref(store, "here", 'a');
    add_image(store, 'e', 'f', '1', '2');
    add_ref(store, "broken", 'e');
    snprintf(path, sizeof(path), "%s/disks/%s.squashfs", store->root, hex('f'));
    assert_int_equal(unlink(path), 0);
    snprintf(script, sizeof(script),
             "#!/bin/sh\n: >\"${0%%/*}/asked\"\n"
             "echo '{\"image\":{\"id\":\"%s\"}}'\n",
             digest('a'));
    put(store, "tmp/pull", script);
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
            assert_string_equal(image.id, digest('a'));
        hx_image_release(&image);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_get_what_is_not_there),
        TEST(test_ambiguous_id),
        TEST(test_a_disk_is_hashed_when_it_looks_otherwise),
        TEST(test_get_damaged),
        TEST(test_other_platform),
        TEST(test_list),
        TEST(test_remove),
        TEST(test_add_name),
        TEST(test_details),
        TEST(test_remove_id_with_many_names),
        TEST(test_remove_in_use),
        TEST(test_prune),
        TEST(test_cap),
        TEST(test_cap_takes_leftovers),
        TEST(test_hold),
        TEST(test_sweep),
        TEST(test_sweep_old),
        TEST(test_sweep_with_an_unreadable_record),
        TEST(test_hostile_records),
        TEST(test_missing_helper),
        TEST(test_get_what_was_pulled),
        TEST(test_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
