/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/platform.h"
#include "image/record.h"
#include "tests/unit/unit.h"

const char *store_hex(char c)
{
    static char text[4][HX_DIGEST_HEX + 1];
    static int at;

    at = (at + 1) % 4;
    memset(text[at], c, HX_DIGEST_HEX);
    return text[at];
}

const char *store_digest(char c)
{
    static char text[4][HX_DIGEST_TEXT_MAX];
    static int at;

    at = (at + 1) % 4;
    snprintf(text[at], sizeof(text[at]), "sha256:%s", store_hex(c));
    return text[at];
}

int store_setup(void **state)
{
    struct hx_store *store = calloc(1, sizeof(*store));
    char folder[] = "/tmp/hx-store-XXXXXX";

    setenv("HX_LIBEXEC", "/nonexistent", 1);
    *state = store;
    return mkdtemp(folder) && hx_store_open(folder, store, NULL) == 0 ? 0 : -1;
}

int store_teardown(void **state)
{
    struct hx_store *store = *state;
    int rc = hx_rm_rf(store->root, NULL);

    hx_store_close(store);
    free(store);
    unsetenv("HX_LIBEXEC");
    return rc;
}

void store_put(struct hx_store *store, const char *name, const char *text)
{
    char *path = hx_store_path(store, "%s", name);

    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0600, NULL),
                     0);
    free(path);
}

int store_has(struct hx_store *store, const char *folder, const char *name,
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

void store_add_image_for(struct hx_store *store, char id, char disk,
                         char manifest, char layer, const char *arch)
{
    struct hx_image_record record = { .disk_bytes = 4, .pulled_at_s = 1000 };
    char name[200], text[1000];
    _cleanup_free_ char *path = hx_store_disk_path(store, store_hex(disk));
    struct stat st;

    snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(id));
    snprintf(text, sizeof(text), CONFIG_TEXT, arch);
    store_put(store, name, text);
    snprintf(name, sizeof(name), "disks/%s.squashfs", store_hex(disk));
    if (stat(path, &st) < 0 || st.st_size != 4)
        store_put(store, name, "disk");
    assert_int_equal(stat(path, &st), 0);
    hx_disk_stamp(&st, record.disk_stamp);
    snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(layer));
    store_put(store, name, "layer");
    snprintf(name, sizeof(name), "blobs/sha256/%s", store_hex(manifest));
    snprintf(text, sizeof(text),
             "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
             "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\","
             "\"size\":2},\"layers\":[{\"mediaType\":\"application/vnd.oci."
             "image.layer.v1.tar\",\"digest\":\"%s\",\"size\":5}]}",
             store_digest(id), store_digest(layer));
    store_put(store, name, text);
    hx_digest_copy(record.id, store_digest(id));
    hx_digest_copy(record.manifest, store_digest(manifest));
    hx_hex_copy(record.disk, store_hex(disk));
    hx_hex_copy(record.disk_sha256, store_hex('0'));
    assert_int_equal(hx_image_record_save(store, &record, NULL), 0);
}

void store_add_image(struct hx_store *store, char id, char disk, char manifest,
                     char layer)
{
    struct hx_platform host;

    assert_int_equal(hx_platform_parse(NULL, &host, NULL), 0);
    store_add_image_for(store, id, disk, manifest, layer, host.arch);
}

void store_add_ref(struct hx_store *store, const char *name, char id)
{
    struct hx_reference ref = { 0 };
    struct hx_ref_record record = { .pulled_at_s = 2000 };

    assert_int_equal(hx_reference_parse(name, &ref, NULL), 0);
    record.reference = hx_reference_canonical(&ref);
    hx_digest_copy(record.id, store_digest(id));
    hx_digest_copy(record.digest, store_digest('9'));
    assert_int_equal(hx_ref_record_save(store, &ref, &record, NULL), 0);
    hx_ref_record_release(&record);
    hx_reference_release(&ref);
}

static const struct hx_image_options never = { .pull = HX_PULL_NEVER };

int store_get(struct hx_store *store, const char *name, struct hx_image *image,
              struct hx_err *err)
{
    *image = (struct hx_image){ 0 };
    return hx_image_get(store, name, &never, NULL, image, err);
}

void store_set_used(struct hx_store *store, char id, time_t at_s)
{
    const struct timespec times[2] = { { .tv_sec = at_s }, { .tv_sec = at_s } };
    char *path = hx_store_path(store, "images/%s.json", store_hex(id));

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(hx_image_record_used_at_s(store, store_digest(id)), at_s);
    free(path);
}
