/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manifests, indexes and configs, with what registries get wrong. */
#include <stdio.h>
#include <string.h>

#include "image/base/buf.h"
#include "image/base/strv.h"
#include "image/manifest.h"
#include "tests/unit/unit.h"

#define D(c)                                                                   \
    "sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c  \
        c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define LAYER                                                                  \
    "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\","          \
    "\"digest\":\"" D("b") "\",\"size\":10}"
#define CONFIG_OF(type)                                                        \
    "{\"mediaType\":\"" type "\",\"digest\":\"" D("a") "\",\"size\":2}"
#define CONFIG CONFIG_OF(HX_TYPE_OCI_CONFIG)
#define MANIFEST                                                               \
    "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER "]}"

static void test_kinds(void **state)
{
    static const struct {
        const char *text, *type;
        int rc;
        enum hx_media media;
    } table[] = {
        { MANIFEST, HX_TYPE_OCI_MANIFEST, 0, HX_MEDIA_MANIFEST },
        { MANIFEST, HX_TYPE_DOCKER_MANIFEST, 0, HX_MEDIA_MANIFEST },
        { MANIFEST, HX_TYPE_OCI_MANIFEST "; charset=utf-8", 0,
          HX_MEDIA_MANIFEST },
        { MANIFEST, NULL, 0, HX_MEDIA_MANIFEST },
        { "{\"schemaVersion\":2,\"manifests\":[]}", NULL, 0, HX_MEDIA_INDEX },
        { "{\"schemaVersion\":2,\"mediaType\":\"" HX_TYPE_DOCKER_LIST
          "\",\"manifests\":[]}",
          HX_TYPE_DOCKER_LIST, 0, HX_MEDIA_INDEX },
        /* An index that comes as a manifest, and what it calls itself. */
        { "{\"schemaVersion\":2,\"manifests\":[]}", HX_TYPE_OCI_MANIFEST,
          -HX_ERR_CORRUPT, 0 },
        { "{\"schemaVersion\":2,\"mediaType\":\"" HX_TYPE_OCI_INDEX
          "\",\"manifests\":[]}",
          HX_TYPE_DOCKER_LIST, -HX_ERR_CORRUPT, 0 },
        { "{\"schemaVersion\":2,\"mediaType\":\"" HX_TYPE_OCI_INDEX
          "\",\"config\":{},\"layers\":[]}",
          HX_TYPE_OCI_INDEX, -HX_ERR_CORRUPT, 0 },
        /* Both at once: CVE-2021-41190. */
        { "{\"schemaVersion\":2,\"config\":{},\"layers\":[],\"manifests\":[]}",
          HX_TYPE_OCI_MANIFEST, -HX_ERR_CORRUPT, 0 },
        { "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, -HX_ERR_UNSUPPORTED,
          0 },
        { MANIFEST, "application/vnd.docker.distribution.manifest.v1+prettyjws",
          -HX_ERR_UNSUPPORTED, 0 },
        { MANIFEST, "text/html", -HX_ERR_UNSUPPORTED, 0 },
        { "{\"schemaVersion\":3,\"config\":{},\"layers\":[]}", NULL,
          -HX_ERR_UNSUPPORTED, 0 },
        { "{}", NULL, -HX_ERR_UNSUPPORTED, 0 },
        { "[]", NULL, -HX_ERR_CORRUPT, 0 },
        { "", NULL, -HX_ERR_CORRUPT, 0 },
        { "<html>", HX_TYPE_OCI_MANIFEST, -HX_ERR_CORRUPT, 0 },
        { "{\"mediaType\":5}", NULL, -HX_ERR_CORRUPT, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        enum hx_media media = HX_MEDIA_UNKNOWN;
        struct hx_err err = { 0 };
        int rc = hx_manifest_kind(table[i].text, strlen(table[i].text),
                                  table[i].type, "m", &media, &err);

        if (rc != table[i].rc)
            fail_msg("%zu: %d %s", i, rc, err.msg);
        if (rc == 0)
            assert_int_equal(media, table[i].media);
    }
}

static int parse(const char *text, struct hx_manifest *manifest,
                 struct hx_err *err)
{
    *manifest = (struct hx_manifest){ 0 };
    return hx_manifest_parse(text, strlen(text), "m", manifest, err);
}

static void test_manifest(void **state)
{
    struct hx_manifest manifest;
    struct hx_err err;

    (void)state;
    assert_int_equal(parse(MANIFEST, &manifest, &err), 0);
    assert_string_equal(manifest.config.digest, D("a"));
    assert_int_equal(manifest.layer_count, 1);
    assert_string_equal(manifest.layers[0].digest, D("b"));
    assert_int_equal(manifest.layers[0].size_bytes, 10);
    assert_int_equal(manifest.layers[0].media, HX_MEDIA_LAYER_GZIP);
    assert_int_equal(manifest.layers[0].foreign, 0);
    hx_manifest_release(&manifest);
}

static void test_bad_manifests(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *says;
    } table[] = {
        { "{}", -HX_ERR_CORRUPT, "config" },
        { "{\"config\":" CONFIG "}", -HX_ERR_CORRUPT, "layers" },
        { "{\"config\":" CONFIG ",\"layers\":{}}", -HX_ERR_CORRUPT, "list" },
        { "{\"config\":" CONFIG ",\"layers\":[1]}", -HX_ERR_CORRUPT,
          "layer 1" },
        { "{\"config\":" CONFIG ",\"layers\":[{}]}", -HX_ERR_CORRUPT,
          "digest" },
        { "{\"config\":" CONFIG
          ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" D(
              "b") "\",\"size\":-1}]}",
          -HX_ERR_CORRUPT, "size" },
        { "{\"config\":" CONFIG
          ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"" D(
              "b") "\",\"size\":1}]}",
          -HX_ERR_UNSUPPORTED, "layer 1 is of the type 'x'" },
        { "{\"config\":" CONFIG
          ",\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:../x\","
          "\"size\":1}]}",
          -HX_ERR_CORRUPT, "no digest" },
        { "{\"config\":" CONFIG_OF(
              "application/vnd.cncf.helm.config.v1+json") ",\"layers\":[]}",
          -HX_ERR_UNSUPPORTED, "not a container image" },
        { "{\"config\":{\"mediaType\":\"" HX_TYPE_OCI_CONFIG
          "\",\"digest\":\"" D("a") "\",\"size\":5000000},\"layers\":[]}",
          -HX_ERR_LIMIT, "4 MiB" },
        { "{\"config\":" CONFIG ",\"layers\":[{\"mediaType\":"
          "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"" D(
              "b") "\",\"size\":4611686018427387904}]}",
          -HX_ERR_LIMIT, "larger than 256 GiB" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_manifest manifest;
        struct hx_err err = { 0 };
        int rc = parse(table[i].text, &manifest, &err);

        if (rc != table[i].rc || !strstr(err.msg, table[i].says))
            fail_msg("%zu: %d %s", i, rc, err.msg);
    }
}

/* "[x,x,x...]" of n */
static char *repeat(const char *head, const char *item, size_t n,
                    const char *tail)
{
    struct hx_buf buf = HX_BUF_INIT((size_t)64 << 20);

    assert_int_equal(hx_buf_adds(&buf, head), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hx_buf_addf(&buf, "%s%s", i ? "," : "", item), 0);
    assert_int_equal(hx_buf_adds(&buf, tail), 0);
    return hx_buf_detach(&buf);
}

static void test_ten_thousand_layers(void **state)
{
    char *text =
        repeat("{\"config\":" CONFIG ",\"layers\":[", LAYER, 10000, "]}");
    char *config = repeat("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
                          "\"" D("c") "\"", 10000, "]}}");
    struct hx_manifest manifest;
    struct hx_rootfs rootfs = { 0 };
    struct hx_err err;

    (void)state;
    assert_int_equal(parse(text, &manifest, &err), -HX_ERR_LIMIT);
    assert_non_null(strstr(err.msg, "10000 layers"));
    assert_int_equal(
        hx_config_parse(config, strlen(config), "c", NULL, &rootfs, &err),
        -HX_ERR_LIMIT);
    assert_null(rootfs.diff_ids);
    free(text);
    free(config);
}

static void test_layer_types(void **state)
{
    static const struct {
        const char *type;
        enum hx_media media;
        int foreign;
    } table[] = {
        { "application/vnd.oci.image.layer.v1.tar", HX_MEDIA_LAYER_TAR, 0 },
        { "application/vnd.oci.image.layer.v1.tar+zstd", HX_MEDIA_LAYER_ZSTD,
          0 },
        { "application/vnd.docker.image.rootfs.diff.tar.gzip",
          HX_MEDIA_LAYER_GZIP, 0 },
        { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          HX_MEDIA_LAYER_GZIP, 1 },
        { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
          HX_MEDIA_LAYER_GZIP, 1 },
        { "application/vnd.oci.image.layer.v1.tar+xz", HX_MEDIA_UNKNOWN, 0 },
        { "", HX_MEDIA_UNKNOWN, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int foreign = 0;

        assert_int_equal(hx_media_of(table[i].type, &foreign), table[i].media);
        assert_int_equal(foreign, table[i].foreign);
    }
}

#define ENTRY(type, digest, platform)                                          \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest                         \
    "\",\"size\":7" platform "}"
#define PLATFORM(os, arch)                                                     \
    ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static int choose(const char *text, const char *platform,
                  struct hx_descriptor **entries, size_t *count,
                  struct hx_err *err)
{
    struct hx_platform wanted;

    assert_int_equal(hx_platform_parse(platform, &wanted, err), 0);
    *entries = NULL;
    *count = 0;
    return hx_index_choose(text, strlen(text), "index", &wanted, entries, count,
                           err);
}

static const char mixed[] = INDEX(
    ENTRY("application/x-other", D("0"), PLATFORM("linux", "amd64")) "," ENTRY(
        HX_TYPE_OCI_MANIFEST, D("1"),
        PLATFORM(
            "linux",
            "arm64")) "," ENTRY(HX_TYPE_OCI_MANIFEST, D("2"),
                                PLATFORM(
                                    "unknown",
                                    "unknown")) "," ENTRY(HX_TYPE_OCI_INDEX,
                                                          D("3"),
                                                          "") "," ENTRY(HX_TYPE_DOCKER_MANIFEST,
                                                                        D("4"),
                                                                        PLATFORM(
                                                                            "li"
                                                                            "nu"
                                                                            "x",
                                                                            "am"
                                                                            "d6"
                                                                            "4")) "," ENTRY(HX_TYPE_OCI_MANIFEST,
                                                                                            D("5"),
                                                                                            PLATFORM(
                                                                                                "linux",
                                                                                                "amd64")));

static void test_index(void **state)
{
    struct hx_descriptor *entries;
    struct hx_err err;
    size_t count;

    (void)state;
    assert_int_equal(choose(mixed, "linux/amd64", &entries, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(entries[0].digest, D("3"));
    assert_int_equal(entries[0].media, HX_MEDIA_INDEX);
    assert_string_equal(entries[1].digest, D("4"));
    assert_string_equal(entries[2].digest, D("5"));
    free(entries);
}

static void test_index_without_the_platform(void **state)
{
    static const char text[] = INDEX(ENTRY(
        HX_TYPE_OCI_MANIFEST, D("1"),
        PLATFORM("linux", "arm64")) "," ENTRY(HX_TYPE_OCI_MANIFEST, D("2"),
                                              PLATFORM("unknown", "unknown")));
    struct hx_descriptor *entries;
    struct hx_err err;
    size_t count;

    (void)state;
    assert_int_equal(choose(text, "linux/riscv64", &entries, &count, &err),
                     -HX_ERR_NOT_FOUND);
    assert_null(entries);
    assert_non_null(strstr(err.msg, "linux/riscv64"));
    assert_non_null(strstr(err.msg, "but for linux/arm64;"));
}

static void test_bad_indexes(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        { "{}", -HX_ERR_CORRUPT },
        { INDEX("1"), -HX_ERR_CORRUPT },
        { INDEX(ENTRY(HX_TYPE_OCI_MANIFEST, "sha256:../x",
                      PLATFORM("linux", "amd64"))),
          -HX_ERR_CORRUPT },
        { INDEX("{\"mediaType\":\"" HX_TYPE_OCI_MANIFEST "\",\"platform\":[]}"),
          -HX_ERR_CORRUPT },
        { INDEX(""), -HX_ERR_NOT_FOUND },
    };
    struct hx_descriptor *entries;
    struct hx_err err;
    size_t count;
    char *many =
        repeat("{\"manifests\":[", "{\"mediaType\":\"x\"}", 1001, "]}");

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(
            choose(table[i].text, "linux/amd64", &entries, &count, &err),
            table[i].rc);
    assert_int_equal(choose(many, "linux/amd64", &entries, &count, &err),
                     -HX_ERR_LIMIT);
    free(many);
}

static const char config_text[] =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-01\","
    "\"unknown\":[1],\"config\":{\"Entrypoint\":[\"/e\",\"x\"],\"Cmd\":[\"c\"]"
    ",\"Env\":[\"PATH=/bin\",\"A=b=c\"],\"User\":\"1:2\",\"WorkingDir\":\"/w\","
    "\"StopSignal\":\"SIGQUIT\",\"ExposedPorts\":{\"80/tcp\":{}},"
    "\"Volumes\":{\"/v\":{}},\"Labels\":{\"k\":\"v\"},"
    "\"Shell\":[\"/bin/ash\",\"-c\"],\"Healthcheck\":{\"Test\":["
    "\"CMD-SHELL\",\"true\"],\"Interval\":5000000000,\"Retries\":4}},"
    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D("c") "\",\"" D(
        "d") "\"]}}";

static void test_config(void **state)
{
    struct hx_image_config config = { 0 };
    struct hx_rootfs rootfs = { 0 };
    struct hx_err err;

    (void)state;
    assert_int_equal(hx_config_parse(config_text, strlen(config_text), "c",
                                     &config, &rootfs, &err),
                     0);
    assert_string_equal(config.architecture, "amd64");
    assert_string_equal(config.os, "linux");
    assert_null(config.variant);
    assert_int_equal(hx_strv_len(config.entrypoint), 2);
    assert_string_equal(config.cmd[0], "c");
    assert_string_equal(config.env[1], "A=b=c");
    assert_string_equal(config.user, "1:2");
    assert_string_equal(config.working_dir, "/w");
    assert_string_equal(config.stop_signal, "SIGQUIT");
    assert_string_equal(config.exposed_ports[0], "80/tcp");
    assert_string_equal(config.volumes[0], "/v");
    assert_string_equal(config.labels[0], "k=v");
    assert_string_equal(config.shell[0], "/bin/ash");
    assert_string_equal(config.health.test[1], "true");
    assert_true(config.health.interval_ns == 5000000000);
    assert_true(config.health.timeout_ns == 0);
    assert_int_equal(config.health.retries, 4);
    assert_int_equal(rootfs.count, 2);
    assert_string_equal(rootfs.diff_ids[1], D("d"));
    hx_config_release(&config);
    hx_rootfs_release(&rootfs);
}

static void test_empty_config_values(void **state)
{
    static const char text[] =
        "{\"config\":{\"Entrypoint\":null,\"Cmd\":[],\"Env\":null,\"User\":"
        "\"\",\"WorkingDir\":\"\",\"ExposedPorts\":null,\"Labels\":null},"
        "\"rootfs\":{\"type\":\"layers\"}}";
    struct hx_image_config config = { 0 };
    struct hx_rootfs rootfs = { 0 };
    struct hx_err err;

    (void)state;
    assert_int_equal(
        hx_config_parse(text, strlen(text), "c", &config, &rootfs, &err), 0);
    assert_null(config.entrypoint);
    assert_int_equal(hx_strv_len(config.cmd), 0);
    assert_null(config.user);
    assert_null(config.working_dir);
    assert_int_equal(rootfs.count, 0);
    hx_config_release(&config);
    hx_rootfs_release(&rootfs);
}

static void test_bad_configs(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        { "{}", -HX_ERR_CORRUPT },
        { "{\"rootfs\":{\"type\":\"btrfs\"}}", -HX_ERR_UNSUPPORTED },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}",
          -HX_ERR_CORRUPT },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../x\"]}}",
          -HX_ERR_CORRUPT },
        { "{\"config\":{\"Env\":[1]},\"rootfs\":{\"type\":\"layers\"}}",
          -HX_ERR_CORRUPT },
        { "{\"config\":{\"Cmd\":\"sh\"},\"rootfs\":{\"type\":\"layers\"}}",
          -HX_ERR_CORRUPT },
        { "{\"config\":{\"Labels\":{\"a\":1}},\"rootfs\":{\"type\":\"layers\"}"
          "}",
          -HX_ERR_CORRUPT },
        { "{\"config\":{\"User\":\"a\\u0000b\"},\"rootfs\":{\"type\":"
          "\"layers\"}}",
          -HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_image_config config = { 0 };
        struct hx_rootfs rootfs = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_config_parse(table[i].text, strlen(table[i].text), "c",
                                 &config, &rootfs, &err);

        if (rc != table[i].rc)
            fail_msg("%zu: %d %s", i, rc, err.msg);
        assert_null(config.os);
        assert_null(rootfs.diff_ids);
    }
}

/* Four million bytes of the shortest strings. */
static void test_lists_without_end(void **state)
{
    static const char *const fields[] = { "Env", "Cmd", "Entrypoint" };
    char *text = malloc(5 << 20);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct hx_image_config config = { 0 };
        struct hx_err err = { 0 };
        char *at = text + sprintf(text, "{\"config\":{\"%s\":[", fields[i]);

        for (int k = 0; k < 1000000; k++)
            at += sprintf(at, "\"\",");
        strcpy(at - 1, "]}}");
        assert_int_equal(
            hx_config_parse(text, strlen(text), "c", &config, NULL, &err),
            -HX_ERR_LIMIT);
        assert_non_null(strstr(err.msg, "more than 4096 entries"));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_bad_manifests),
        cmocka_unit_test(test_ten_thousand_layers),
        cmocka_unit_test(test_layer_types),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_index_without_the_platform),
        cmocka_unit_test(test_bad_indexes),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_empty_config_values),
        cmocka_unit_test(test_bad_configs),
        cmocka_unit_test(test_lists_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
