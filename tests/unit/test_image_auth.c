/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What logging in is made of: challenges, tokens, credentials, URLs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/base/strv.h"
#include "image/pull/base64.h"
#include "image/pull/challenge.h"
#include "image/pull/credential-helper.h"
#include "image/pull/credentials.h"
#include "image/pull/token.h"
#include "image/pull/url.h"
#include "tests/unit/unit.h"

static void test_challenges(void **state)
{
    static const struct {
        const char *lines[3];
        enum hx_auth_scheme scheme;
        const char *realm, *service, *scope;
    } table[] = {
        { { "Bearer realm=\"https://auth.docker.io/token\",service=\"registry."
            "docker.io\",scope=\"repository:library/nginx:pull\"" },
          HX_AUTH_BEARER,
          "https://auth.docker.io/token",
          "registry.docker.io",
          "repository:library/nginx:pull" },
        { { "Basic realm=\"lab\"" }, HX_AUTH_BASIC, "lab", NULL, NULL },
        { { "bearer REALM = \"https://a/t\" , Service=x" },
          HX_AUTH_BEARER,
          "https://a/t",
          "x",
          NULL },
        /* Two in one line, two lines, any order: the better one. */
        { { "Basic realm=\"a\", Bearer realm=\"https://b/\"" },
          HX_AUTH_BEARER,
          "https://b/",
          NULL,
          NULL },
        { { "Bearer realm=\"https://b/\"", "Basic realm=\"a\"" },
          HX_AUTH_BEARER,
          "https://b/",
          NULL,
          NULL },
        { { "Negotiate", "Basic realm=a" }, HX_AUTH_BASIC, "a", NULL, NULL },
        { { "Negotiate, Basic realm=a" }, HX_AUTH_BASIC, "a", NULL, NULL },
        { { "Digest nonce=\"x\", qop=\"auth\", Basic realm=\"a\"" },
          HX_AUTH_BASIC,
          "a",
          NULL,
          NULL },
        /* A comma and a quote in a quoted string. */
        { { "Bearer scope=\"a:b:pull,push\",realm=\"https://x/\\\"y\"" },
          HX_AUTH_BEARER,
          "https://x/\"y",
          NULL,
          "a:b:pull,push" },
        { { "Bearer realm=https://a/b?c,service=s" },
          HX_AUTH_BEARER,
          "https://a/b?c",
          "s",
          NULL },
        { { "Basic" }, HX_AUTH_BASIC, NULL, NULL, NULL },
        { { "Bearer realm=\"a\",realm=\"b\"" },
          HX_AUTH_BEARER,
          "a",
          NULL,
          NULL },
        /* A Bearer that names no realm is of no use. */
        { { "Bearer service=\"x\"", "Basic" },
          HX_AUTH_BASIC,
          NULL,
          NULL,
          NULL },
        { { "Bearer" }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { "" }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { ",,, ," }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { "Bearer realm=\"open" }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { "Bearer realm=" }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { "\"\"\"" }, HX_AUTH_NONE, NULL, NULL, NULL },
        { { NULL }, HX_AUTH_NONE, NULL, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_challenge challenge = { 0 };

        assert_int_equal(
            hx_challenge_choose((char *const *)table[i].lines, &challenge), 0);
        if (challenge.scheme != table[i].scheme)
            fail_msg("%s: %d", table[i].lines[0], challenge.scheme);
        if (table[i].realm)
            assert_string_equal(challenge.realm, table[i].realm);
        if (table[i].service)
            assert_string_equal(challenge.service, table[i].service);
        else
            assert_null(challenge.service);
        if (table[i].scope)
            assert_string_equal(challenge.scope, table[i].scope);
        hx_challenge_release(&challenge);
    }
}

static void test_tokens(void **state)
{
    static const struct {
        const char *text, *token;
        uint64_t life;
        int rc;
    } table[] = {
        { "{\"token\":\"abc\"}", "abc", 60, 0 },
        { "{\"access_token\":\"abc\",\"expires_in\":300}", "abc", 300, 0 },
        { "{\"token\":\"a\",\"access_token\":\"b\"}", "a", 60, 0 },
        { "{\"token\":\"\",\"access_token\":\"b\"}", "b", 60, 0 },
        { "{}", NULL, 0, -HX_ERR_CORRUPT },
        { "{\"token\":5}", NULL, 0, -HX_ERR_CORRUPT },
        { "{\"token\":\"a\\r\\nX: y\"}", NULL, 0, -HX_ERR_REGISTRY },
        { "{\"token\":\"a b\"}", NULL, 0, -HX_ERR_REGISTRY },
        { "<html>", NULL, 0, -HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_err err = { 0 };
        char *token = NULL;
        uint64_t life = 0;

        assert_int_equal(hx_token_parse(table[i].text, strlen(table[i].text),
                                        "t", &token, &life, &err),
                         table[i].rc);
        if (table[i].token) {
            assert_string_equal(token, table[i].token);
            assert_int_equal(life, table[i].life);
        } else {
            assert_null(token);
        }
        free(token);
    }
}

static void test_token_urls(void **state)
{
    struct hx_challenge challenge = { .scheme = HX_AUTH_BEARER,
                                      .realm = (char *)"https://a/t?x=1",
                                      .service = (char *)"s & t" };
    char *url;

    (void)state;
    url = hx_token_url(&challenge, "library/nginx");
    assert_non_null(strstr(url, "https://a/t?x=1&service=s"));
    assert_null(strstr(url, "& t"));
    assert_true(strstr(url, "scope=repository") != NULL);
    assert_true(strstr(url, "pull") != NULL);
    free(url);
    url = hx_token_url(&challenge, NULL);
    assert_null(strstr(url, "scope"));
    free(url);
    /* A push that mounts asks for two repositories. */
    challenge.scope = (char *)"repository:a:pull,push repository:b:pull";
    url = hx_token_url(&challenge, "library/nginx");
    assert_non_null(strcasestr(url, "&scope=repository%3aa%3apull%2cpush&scope="
                                    "repository%3ab%3apull"));
    assert_null(strstr(url, "nginx"));
    free(url);
    challenge.scope = NULL;
    challenge.realm = (char *)"::not a url";
    assert_null(hx_token_url(&challenge, NULL));
}

static void test_base64(void **state)
{
    static const char *const bad[] = { "a",    "YQ",       "YQ=",    "Y===",
                                       "Y Q=", "YQ==YQ==", "YQ==\n", "*" };
    size_t len = 9;
    char *text;

    (void)state;
    text = hx_base64_decode("dXNlcjpwYXNz", &len);
    assert_string_equal(text, "user:pass");
    assert_int_equal(len, 9);
    free(text);
    text = hx_base64_decode("YTpi", &len);
    assert_string_equal(text, "a:b");
    free(text);
    text = hx_base64_decode("YQ==", &len);
    assert_int_equal(len, 1);
    free(text);
    text = hx_base64_encode("a:b!", 4);
    assert_string_equal(text, "YTpiIQ==");
    free(text);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        text = hx_base64_decode(bad[i], &len);
        if (text)
            fail_msg("'%s' was taken", bad[i]);
    }
}

/* user:pass is dXNlcjpwYXNz */
static void test_credentials(void **state)
{
    static const struct {
        const char *text, *registry, *user, *password;
        int rc;
    } table[] = {
        { "{\"auths\":{\"h:5000\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h:5000",
          "user", "pass", 0 },
        { "{\"auths\":{\"h:5000\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h", NULL,
          NULL, 0 },
        { "{\"auths\":{\"h:5000\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h:500", NULL,
          NULL, 0 },
        { "{\"auths\":{\"https://h:5000/v2/\":{\"auth\":\"dXNlcjpwYXNz\"}}}",
          "H:5000", "user", "pass", 0 },
        { "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dXNlcjpwYXNz"
          "\"}}}",
          "docker.io", "user", "pass", 0 },
        /* Docker Hub's login is for Docker Hub alone. */
        { "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dXNlcjpwYXNz"
          "\"}}}",
          "mirror.example.com", NULL, NULL, 0 },
        { "{\"auths\":{\"docker.io.evil.com\":{\"auth\":\"dXNlcjpwYXNz\"}}}",
          "docker.io", NULL, NULL, 0 },
        /* A part of a registry is not the registry. */
        { "{\"auths\":{\"h/team\":{\"auth\":\"dXNlcjpwYXNz\"}}}", "h", NULL,
          NULL, 0 },
        { "{\"auths\":{\"h\":{\"username\":\"u\",\"password\":\"p\"}}}", "h",
          "u", "p", 0 },
        { "{\"auths\":{\"h\":{}}}", "h", NULL, NULL, 0 },
        { "{\"auths\":{\"h\":{\"auth\":\"\"}}}", "h", NULL, NULL, 0 },
        { "{\"credsStore\":\"x\"}", "h", NULL, NULL, 0 },
        { "{\"auths\":{\"h\":{\"auth\":\"!!!\"}}}", "h", NULL, NULL,
          -HX_ERR_USAGE },
        /* base64 of "user", without a password */
        { "{\"auths\":{\"h\":{\"auth\":\"dXNlcg==\"}}}", "h", NULL, NULL,
          -HX_ERR_USAGE },
        { "{\"auths\":[]}", "h", NULL, NULL, -HX_ERR_CORRUPT },
        { "[]", "h", NULL, NULL, -HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_credentials found = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_credentials_parse(table[i].text, strlen(table[i].text), "f",
                                      table[i].registry, &found, &err);

        if (rc != table[i].rc)
            fail_msg("%zu: %d %s", i, rc, err.msg);
        assert_null(strstr(err.msg, "pass"));
        if (table[i].user) {
            assert_string_equal(found.user, table[i].user);
            assert_string_equal(found.password, table[i].password);
        } else {
            assert_null(found.user);
        }
        hx_credentials_release(&found);
    }
}

/* Who is asked for which registry, and identity tokens. */
static void test_helpers_of_a_file(void **state)
{
    static const struct {
        const char *text, *registry, *helper, *identity;
        int rc;
    } table[] = {
        { "{\"credsStore\":\"pass\"}", "h", "pass", NULL, 0 },
        { "{\"credsStore\":\"\"}", "h", NULL, NULL, 0 },
        { "{\"credHelpers\":{\"h:5000\":\"ecr-login\"}}", "h:5000", "ecr-login",
          NULL, 0 },
        { "{\"credHelpers\":{\"h:5000\":\"ecr-login\"}}", "h", NULL, NULL, 0 },
        { "{\"credsStore\":\"pass\",\"credHelpers\":{\"h\":\"gcr\"}}", "h",
          "gcr", NULL, 0 },
        { "{\"credsStore\":\"pass\",\"credHelpers\":{\"h\":\"gcr\"}}",
          "docker.io", "pass", NULL, 0 },
        /* Its own one may be none. */
        { "{\"credsStore\":\"pass\",\"credHelpers\":{\"h\":\"\"}}", "h", NULL,
          NULL, 0 },
        { "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"x\"}}",
          "docker.io", "x", NULL, 0 },
        { "{\"credsStore\":\"../x\"}", "h", NULL, NULL, -HX_ERR_USAGE },
        { "{\"credsStore\":\"x;id\"}", "h", NULL, NULL, -HX_ERR_USAGE },
        { "{\"credsStore\":\"x y\"}", "h", NULL, NULL, -HX_ERR_USAGE },
        { "{\"credsStore\":\".\"}", "h", NULL, NULL, -HX_ERR_USAGE },
        { "{\"credsStore\":7}", "h", NULL, NULL, -HX_ERR_CORRUPT },
        { "{\"credHelpers\":{\"h\":7}}", "h", NULL, NULL, -HX_ERR_USAGE },
        { "{\"credHelpers\":{\"h\":7}}", "i", NULL, NULL, 0 },
        /* As az and docker write it: with an empty password beside it. */
        { "{\"auths\":{\"h\":{\"auth\":\"dXNlcjo=\",\"identitytoken\":\"t\"}"
          "}}",
          "h", NULL, "t", 0 },
        { "{\"auths\":{\"h\":{\"identitytoken\":\"t\"}},\"credsStore\":\"s\"}",
          "h", "s", "t", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_credentials found = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_credentials_parse(table[i].text, strlen(table[i].text), "f",
                                      table[i].registry, &found, &err);

        if (rc != table[i].rc)
            fail_msg("%zu: %d %s", i, rc, err.msg);
        if ((table[i].helper == NULL) != (found.helper == NULL) ||
            (found.helper && strcmp(found.helper, table[i].helper) != 0))
            fail_msg("%zu: helper %s", i, found.helper ? found.helper : "none");
        assert_null(found.user);
        if (table[i].identity)
            assert_string_equal(found.identity_token, table[i].identity);
        else
            assert_null(found.identity_token);
        hx_credentials_release(&found);
    }
}

static void test_answers_of_helpers(void **state)
{
    static const struct {
        const char *text, *user, *secret, *identity;
        int rc;
    } table[] = {
        { "{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":\"p\"}", "u", "p",
          NULL, 0 },
        { "{\"Username\":\"<token>\",\"Secret\":\"t\"}\n", NULL, NULL, "t", 0 },
        { "{\"Username\":\"\",\"Secret\":\"\"}", NULL, NULL, NULL, 0 },
        { "{\"Username\":\"u\"}", NULL, NULL, NULL, -HX_ERR_CORRUPT },
        { "{\"Username\":5,\"Secret\":\"\"}", NULL, NULL, NULL,
          -HX_ERR_CORRUPT },
        { "u:p", NULL, NULL, NULL, -HX_ERR_CORRUPT },
        { "", NULL, NULL, NULL, -HX_ERR_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_credentials found = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_credential_helper_parse(
            table[i].text, strlen(table[i].text), "h", &found, &err);

        if (rc != table[i].rc)
            fail_msg("%zu: %d %s", i, rc, err.msg);
        assert_true(!found.user == !table[i].user);
        assert_true(!found.identity_token == !table[i].identity);
        if (found.user) {
            assert_string_equal(found.user, table[i].user);
            assert_string_equal(found.password, table[i].secret);
        }
        if (found.identity_token)
            assert_string_equal(found.identity_token, table[i].identity);
        hx_credentials_release(&found);
    }
}

/* Real programs: each is a shell script that is called with `get`. */
static void test_helpers_are_run(void **state)
{
    static const struct {
        const char *script, *user, *words;
        int rc;
    } table[] = {
        { "read -r s; [ \"$1 $s\" = 'get h:1' ] && "
          "echo '{\"Username\":\"u\",\"Secret\":\"p\"}'",
          "u", NULL, 0 },
        { "echo credentials not found in native keychain; exit 1", NULL, NULL,
          0 },
        { "echo 'the vault is locked'; exit 3", NULL,
          "status 3: the vault is locked", -HX_ERR_AUTH },
        { "exec sleep 100", NULL, "no answer in time", -HX_ERR_AUTH },
        /* What it starts goes with it. */
        { "sleep 100 & exit 0", NULL, "no answer in time", -HX_ERR_AUTH },
        { "exec >&-; exec sleep 100", NULL, "no answer in time", -HX_ERR_AUTH },
        { "exec cat /dev/zero", NULL, "more than 64 KiB", -HX_ERR_LIMIT },
        { "kill -9 $$", NULL, "killed by signal 9", -HX_ERR_AUTH },
        { "echo nonsense", NULL, "not JSON", -HX_ERR_CORRUPT },
    };
    char folder[] = "/tmp/hx-helper-XXXXXX", file[80], *path;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/docker-credential-test", folder);
    assert_true(asprintf(&path, "%s:%s", folder, getenv("PATH")) > 0);
    setenv("PATH", path, 1);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char script[256];
        struct hx_credentials found = { 0 };
        struct hx_err err = { 0 };
        int slow = table[i].words && strstr(table[i].words, "in time"), rc;

        snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", table[i].script);
        assert_int_equal(
            hx_file_write_atomic(file, script, strlen(script), 0755, &err), 0);
        rc = hx_credential_helper_get("test", "h:1\n", slow ? 300 : 20000,
                                      &found, &err);
        if (rc != table[i].rc ||
            (table[i].words && !strstr(err.msg, table[i].words)))
            fail_msg("%s: %d %s", table[i].script, rc, err.msg);
        assert_true(!found.user == !table[i].user);
        hx_credentials_release(&found);
    }
    unlink(file);
    rmdir(folder);
    setenv("PATH", path + strlen(folder) + 1, 1);
    free(path);
}

static void test_a_helper_that_is_not_there(void **state)
{
    struct hx_credentials found = { 0 };
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(
        hx_credential_helper_get("no-such", "h", 1000, &found, &err),
        -HX_ERR_AUTH);
    assert_non_null(
        strstr(err.msg, "docker-credential-no-such is not in PATH"));
    assert_int_equal(hx_credential_helper_get("a/b", "h", 1000, &found, &err),
                     -HX_ERR_USAGE);
}

static void test_token_forms(void **state)
{
    struct hx_challenge challenge = { .scheme = HX_AUTH_BEARER,
                                      .realm = (char *)"https://a/t",
                                      .service = (char *)"s & t",
                                      .scope = (char *)"" };
    char *form = hx_token_form(&challenge, "a/b", "x+y&z");

    (void)state;
    assert_string_equal(form, "grant_type=refresh_token&client_id=xl-hyper&"
                              "service=s%20%26%20t&"
                              "scope=repository%3Aa%2Fb%3Apull&"
                              "refresh_token=x%2By%26z");
    free(form);
}

static void test_credentials_are_kept_and_forgotten(void **state)
{
    static const char dockers[] = "{\"auths\":{\"h:1\":{\"auth\":\"YTpi\"}}}";
    char folder[] = "/tmp/hx-auth-XXXXXX", path[64], docker[64];
    struct hx_credentials found = { 0 };
    struct hx_err err = { 0 };
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/auth.json", folder);
    snprintf(docker, sizeof(docker), "%s/config.json", folder);
    setenv("HX_CONFDIR", folder, 1);
    setenv("DOCKER_CONFIG", folder, 1);
    assert_int_equal(hx_credentials_find("h:1", 1000, &found, &err), 0);
    assert_null(found.user);
    assert_int_equal(hx_credentials_save("h:1", "u", "p:q", &err), 0);
    assert_int_equal(hx_credentials_save("docker.io", "hub", "x", &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(hx_credentials_find("h:1", 1000, &found, &err), 0);
    assert_string_equal(found.user, "u");
    assert_string_equal(found.password, "p:q");
    hx_credentials_release(&found);
    assert_int_equal(hx_credentials_forget("h:1", &err), 0);
    assert_int_equal(hx_credentials_forget("h:1", &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_credentials_find("docker.io", 1000, &found, &err), 0);
    assert_string_equal(found.user, "hub");
    hx_credentials_release(&found);
    /* What a killed login left is overwritten, and goes. */
    strcat(path, ".new");
    assert_int_equal(hx_file_write_atomic(path, "secret", 6, 0644, &err), 0);
    assert_int_equal(hx_credentials_save("docker.io", "hub", "y", &err), 0);
    assert_int_equal(access(path, F_OK), -1);
    /* A file is no folder, and docker's business. */
    setenv("DOCKER_CONFIG", "/etc/passwd", 1);
    assert_int_equal(hx_credentials_find("h:1", 1000, &found, &err), 0);
    assert_null(found.user);
    setenv("DOCKER_CONFIG", folder, 1);
    /* Docker's own file is asked second. */
    assert_int_equal(
        hx_file_write_atomic(docker, dockers, strlen(dockers), 0600, &err), 0);
    assert_int_equal(hx_credentials_find("h:1", 1000, &found, &err), 0);
    assert_string_equal(found.user, "a");
    hx_credentials_release(&found);
    unsetenv("HX_CONFDIR");
    unsetenv("DOCKER_CONFIG");
    assert_int_equal(hx_rm_rf(folder, &err), 0);
}

static void test_urls(void **state)
{
    static const struct {
        const char *text, *base, *url, *host_port;
        int plain, loopback, rc;
    } table[] = {
        { "https://a.b/v2/", NULL, "https://a.b/v2/", "a.b", 0, 0, 0 },
        { "https://a.b:443/", NULL, NULL, "a.b", 0, 0, 0 },
        { "http://a:80/", NULL, NULL, "a", 1, 0, 0 },
        { "http://127.0.0.1:5000", NULL, NULL, "127.0.0.1:5000", 1, 1, 0 },
        { "http://127.9.9.9/", NULL, NULL, NULL, 1, 1, 0 },
        { "https://localhost/", NULL, NULL, NULL, 0, 1, 0 },
        { "http://[::1]:5000/", NULL, NULL, "[::1]:5000", 1, 1, 0 },
        { "https://127.0.0.1.evil.com/", NULL, NULL, NULL, 0, 0, 0 },
        { "/v2/x", "https://a:1/y", "https://a:1/v2/x", "a:1", 0, 0, 0 },
        { "//b/x", "https://a/y", "https://b/x", "b", 0, 0, 0 },
        { "http://b/x", "https://a/y", "http://b/x", "b", 1, 0, 0 },
        { "https://a/#f", NULL, "https://a/", "a", 0, 0, 0 },
        { "file:///etc/passwd", NULL, NULL, NULL, 0, 0, -HX_ERR_REGISTRY },
        { "ftp://a/", NULL, NULL, NULL, 0, 0, -HX_ERR_REGISTRY },
        { "https://user:pw@a/", NULL, NULL, NULL, 0, 0, -HX_ERR_REGISTRY },
        { "https://", NULL, NULL, NULL, 0, 0, -HX_ERR_REGISTRY },
        { "", NULL, NULL, NULL, 0, 0, -HX_ERR_REGISTRY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_url url = { 0 };
        struct hx_err err = { 0 };
        int rc = hx_url_parse(table[i].text, table[i].base, &url, &err);

        if (rc != table[i].rc)
            fail_msg("%s: %d %s", table[i].text, rc, err.msg);
        assert_null(strstr(err.msg, "pw"));
        if (rc == 0) {
            assert_int_equal(url.plain, table[i].plain);
            assert_int_equal(url.loopback, table[i].loopback);
        }
        if (table[i].url)
            assert_string_equal(url.text, table[i].url);
        if (table[i].host_port)
            assert_string_equal(url.host_port, table[i].host_port);
        hx_url_release(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_urls),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_helpers_of_a_file),
        cmocka_unit_test(test_answers_of_helpers),
        cmocka_unit_test(test_helpers_are_run),
        cmocka_unit_test(test_a_helper_that_is_not_there),
        cmocka_unit_test(test_token_forms),
        cmocka_unit_test(test_credentials_are_kept_and_forgotten),
        cmocka_unit_test(test_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
