/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* References, digests and platforms: docker's grammar, as tables. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/digest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "tests/unit/unit.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define A64    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A128   A64 A64

static void test_good_references(void **state)
{
    static const struct {
        const char *text, *canonical, *familiar;
    } table[] = {
        { "nginx", "docker.io/library/nginx:latest", "nginx:latest" },
        { "nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25" },
        { "library/nginx", "docker.io/library/nginx:latest", "nginx:latest" },
        { "docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest" },
        { "index.docker.io/nginx", "docker.io/library/nginx:latest",
          "nginx:latest" },
        { "bitnami/nginx", "docker.io/bitnami/nginx:latest",
          "bitnami/nginx:latest" },
        { "docker.io/library/a/b", "docker.io/library/a/b:latest",
          "library/a/b:latest" },
        { "nginx@" DIGEST, "docker.io/library/nginx@" DIGEST, "nginx@" DIGEST },
        { "nginx:1@" DIGEST, "docker.io/library/nginx:1@" DIGEST,
          "nginx:1@" DIGEST },
        { "host:5000/a/b:1@" DIGEST, "host:5000/a/b:1@" DIGEST,
          "host:5000/a/b:1@" DIGEST },
        { "docker.io/a.io/b", "docker.io/a.io/b:latest",
          "docker.io/a.io/b:latest" },
        { "localhost/a", "localhost/a:latest", "localhost/a:latest" },
        { "127.0.0.1:5000/nginx:x", "127.0.0.1:5000/nginx:x",
          "127.0.0.1:5000/nginx:x" },
        { "[::1]:5000/nginx", "[::1]:5000/nginx:latest",
          "[::1]:5000/nginx:latest" },
        { "[2001:db8::1]/nginx", "[2001:db8::1]/nginx:latest",
          "[2001:db8::1]/nginx:latest" },
        { "Registry/nginx", "Registry/nginx:latest", "Registry/nginx:latest" },
        { "reg.example.com/a__b/c--d/e.f_g", NULL, NULL },
        { "a:" A128, NULL, NULL },
        { "a:_Tag.x-1", NULL, NULL },
        /* 12 hex digits are a name too; the store decides. */
        { "deadbeefcafe", "docker.io/library/deadbeefcafe:latest", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_reference ref = { 0 };
        struct hx_err err = { 0 };
        char *canonical, *familiar;

        if (hx_reference_parse(table[i].text, &ref, &err) != 0)
            fail_msg("%s: %s", table[i].text, err.msg);
        canonical = hx_reference_canonical(&ref);
        familiar = hx_reference_familiar(&ref);
        if (table[i].canonical)
            assert_string_equal(canonical, table[i].canonical);
        if (table[i].familiar)
            assert_string_equal(familiar, table[i].familiar);
        hx_reference_release(&ref);
        /* What we print is read back as the same. */
        assert_int_equal(hx_reference_parse(familiar, &ref, &err), 0);
        free(familiar);
        familiar = hx_reference_canonical(&ref);
        assert_string_equal(canonical, familiar);
        free(canonical);
        free(familiar);
        hx_reference_release(&ref);
    }
}

static void test_bad_references(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        { "", "empty" },
        { "Nginx", "lower case" },
        { "host/UP", "lower case" },
        { "docker://nginx", "scheme" },
        { "nginx:", "a tag is" },
        { "nginx:.x", "a tag is" },
        { "nginx:-x", "a tag is" },
        { "nginx:a b", "a tag is" },
        { "nginx:" A128 "a", "a tag is" },
        { "nginx@", "digest" },
        { "nginx@sha256:", "digest" },
        { "nginx@sha256:../../../../etc/passwd", "digest" },
        { "nginx@sha256:" A64 "a", "digest" },
        { "nginx@sha512:" A64 A64, "only sha256" },
        { "nginx@" DIGEST "@" DIGEST, "digest" },
        { "/nginx", "NAME" },
        { "a//b", "may hold" },
        { "a/", "may hold" },
        { "a/../b", "may hold" },
        { "..", "may hold" },
        { "../a", "host" },
        { "a..b", "may hold" },
        { "a.-b", "may hold" },
        { "a___b", "may hold" },
        { "a-", "may hold" },
        { "_a", "may hold" },
        { "host:/a", "host" },
        { "host:x/a", "host" },
        { "host:65536/a", "host" },
        { "host:0/a", "host" },
        { "-host.x/a", "host" },
        { "host-.x/a", "host" },
        { "ho..st/a", "host" },
        { "[::1/a", "host" },
        { "[]:5000/a", "host" },
        { "a b", "may hold" },
        { "a\tb", "may hold" },
        { "a\x1b[31m", "may hold" },
        { "n\xc3\xa4m", "may hold" },
        { HEX, "64 hex" },
        { A128 A64 A64, "longer than 255" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_reference ref = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_reference_parse(table[i].text, &ref, &err);

        if (rc == 0)
            fail_msg("'%s' was taken", table[i].text);
        assert_null(ref.path);
        if (!strstr(err.msg, table[i].says))
            fail_msg("'%s': %s", table[i].text, err.msg);
        assert_true(rc == -HX_ERR_USAGE || rc == -HX_ERR_UNSUPPORTED);
    }
}

static void test_sources(void **state)
{
    static const struct {
        const char *text;
        enum hx_source_kind kind;
        const char *path, *member;
    } table[] = {
        { "nginx", HX_SOURCE_REFERENCE, NULL, NULL },
        { "docker-archive:/a/b.tar", HX_SOURCE_DOCKER_ARCHIVE, "/a/b.tar",
          NULL },
        { "docker-archive:b.tar:nginx:1.25", HX_SOURCE_DOCKER_ARCHIVE, "b.tar",
          "nginx:1.25" },
        { "oci-archive:x.tar:latest", HX_SOURCE_OCI_ARCHIVE, "x.tar",
          "latest" },
        { "oci:/a", HX_SOURCE_OCI_FOLDER, "/a", NULL },
        { "oci:/a:v1", HX_SOURCE_OCI_FOLDER, "/a", "v1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_source source = { 0 };
        struct hx_err err = { 0 };

        assert_int_equal(hx_source_parse(table[i].text, &source, &err), 0);
        assert_int_equal(source.kind, table[i].kind);
        assert_string_equal(source.text, table[i].text);
        if (table[i].path)
            assert_string_equal(source.path, table[i].path);
        if (table[i].member)
            assert_string_equal(source.member, table[i].member);
        else
            assert_null(source.member);
        hx_source_release(&source);
    }
}

static void test_source_path_with_colon(void **state)
{
    char name[] = "/tmp/hx:test-XXXXXX", text[64];
    struct hx_source source = { 0 };
    struct hx_err err;
    int fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    snprintf(text, sizeof(text), "docker-archive:%s", name);
    assert_int_equal(hx_source_parse(text, &source, &err), 0);
    assert_string_equal(source.path, name);
    assert_null(source.member);
    hx_source_release(&source);
    unlink(name);
    close(fd);
    assert_int_equal(hx_source_parse("oci:", &source, &err), -HX_ERR_USAGE);
    assert_int_equal(hx_source_parse("oci:/a:", &source, &err), -HX_ERR_USAGE);
}

static void test_digests(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } table[] = {
        { DIGEST, 0 },
        { "sha256:" A64, 0 },
        { NULL, -HX_ERR_CORRUPT },
        { "", -HX_ERR_CORRUPT },
        { HEX, -HX_ERR_CORRUPT },
        { "sha256", -HX_ERR_CORRUPT },
        { "sha256:", -HX_ERR_CORRUPT },
        { "sha256:" HEX "0", -HX_ERR_CORRUPT },
        { "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789"
          "abcdef",
          -HX_ERR_CORRUPT },
        { "sha256:../../../../../../../../../../../../../../../../etc/passwd00",
          -HX_ERR_CORRUPT },
        { "sha256:" A64 "/../x", -HX_ERR_CORRUPT },
        { "sha512:" A64 A64, -HX_ERR_UNSUPPORTED },
        { "blake3:" A64, -HX_ERR_UNSUPPORTED },
        { "sha512:../" A64, -HX_ERR_CORRUPT },
        { "../sha256:" A64, -HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_err err = { 0 };

        assert_int_equal(hx_digest_check(table[i].text, "x", &err),
                         table[i].rc);
        assert_int_equal(hx_digest_valid(table[i].text), table[i].rc == 0);
    }
    assert_string_equal(hx_digest_hex(DIGEST), HEX);
}

static void test_platforms(void **state)
{
    static const struct {
        const char *wanted, *os, *arch, *variant;
        int fits;
    } table[] = {
        { "linux/amd64", "linux", "amd64", NULL, 1 },
        { "linux/amd64", "linux", "amd64", "v1", 1 },
        { "linux/amd64", "linux", "amd64", "v3", 0 },
        { "linux/amd64", "linux", "arm64", NULL, 0 },
        { "linux/amd64", "windows", "amd64", NULL, 0 },
        { "linux/amd64", NULL, NULL, NULL, 0 },
        { "linux/arm64", "linux", "arm64", "v8", 1 },
        { "linux/arm64/v8", "linux", "arm64", NULL, 1 },
        { "linux/arm/v7", "linux", "arm", "v6", 0 },
        { "linux/arm", "linux", "arm", "v7", 1 },
    };
    struct hx_platform platform;
    struct hx_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(hx_platform_parse(table[i].wanted, &platform, &err),
                         0);
        assert_int_equal(hx_platform_matches(&platform, table[i].os,
                                             table[i].arch, table[i].variant),
                         table[i].fits);
    }
    assert_int_equal(hx_platform_parse(NULL, &platform, &err), 0);
    assert_string_equal(platform.os, "linux");
    assert_true(*platform.arch);
}

static void test_bad_platforms(void **state)
{
    static const char long_arch[] = "linux/" A64;
    static const char *const table[] = {
        "",        "amd64",   "linux/",    "linux/amd64/",     "/amd64",
        "LINUX/X", long_arch, "linux/a b", "linux/amd64/v1/x",
    };
    struct hx_platform platform;
    struct hx_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(hx_platform_parse(table[i], &platform, &err),
                         -HX_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_references),
        cmocka_unit_test(test_bad_references),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_source_path_with_colon),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_platforms),
        cmocka_unit_test(test_bad_platforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
