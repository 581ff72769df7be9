/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon.json and certs.d: which endpoints a reference leads to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/file.h"
#include "image/base/strv.h"
#include "image/pull/daemon-config.h"
#include "image/pull/endpoint.h"
#include "tests/unit/unit.h"

static int parse(const char *text, struct hx_daemon_config *config,
                 struct hx_err *err)
{
    *config = (struct hx_daemon_config){ 0 };
    return hx_daemon_config_parse(text, strlen(text), "daemon.json", config,
                                  err);
}

static void test_daemon_json(void **state)
{
    static const struct {
        const char *text, *mirror, *says;
    } table[] = {
        { "{}", NULL, NULL },
        { "{\"bridge\":\"xenbr0\",\"bip\":5}", NULL, NULL },
        { "{\"registry-mirrors\":[]}", NULL, NULL },
        { "{\"registry-mirrors\":[\"http://127.0.0.1:5000\"]}",
          "http://127.0.0.1:5000", NULL },
        { "{\"registry-mirrors\":[\"https://m.example.com/\"]}",
          "https://m.example.com", NULL },
        { "{\"registry-mirrors\":[\"https://m/path\"]}", NULL, "no path" },
        { "{\"registry-mirrors\":[\"https://m/?q\"]}", NULL, "no path" },
        { "{\"registry-mirrors\":[\"m:5000\"]}", NULL, "no URL" },
        { "{\"registry-mirrors\":[\"ftp://m\"]}", NULL, "no URL" },
        { "{\"registry-mirrors\":[\"https://u:p@m\"]}", NULL, "no URL" },
        { "{\"registry-mirrors\":\"https://m\"}", NULL, "not a list" },
        { "{\"registry-mirrors\":[1]}", NULL, "strings" },
        { "{\"insecure-registries\":[\"a b\"]}", NULL, "neither" },
        { "{\"insecure-registries\":[\"10.0.0.0/33\"]}", NULL, "neither" },
        { "{\"insecure-registries\":[\"h/p\"]}", NULL, "neither" },
        { "{\"proxies\":{}}", NULL, NULL },
        { "{\"proxies\":{\"http-proxy\":\"\",\"no-proxy\":\"*\"}}", NULL,
          NULL },
        { "{\"proxies\":{\"https-proxy\":\"p.lan:3128\"}}", NULL, NULL },
        { "{\"proxies\":{\"https-proxy\":\"SOCKS5://u:p@p.lan\"}}", NULL,
          NULL },
        { "{\"proxies\":{\"http-proxy\":\"ftp://p.lan\"}}", NULL, "no URL" },
        { "{\"proxies\":{\"http-proxy\":\"http://\"}}", NULL, "no URL" },
        { "{\"proxies\":{\"http-proxy\":5}}", NULL, "http-proxy" },
        { "{\"proxies\":{\"httpProxy\":\"http://p\"}}", NULL, "none of" },
        { "{\"proxies\":[]}", NULL, "proxies" },
        { "{", NULL, "not JSON" },
        { "[]", NULL, "not a JSON object" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_daemon_config config;
        struct hx_err err = { 0 };
        int rc = parse(table[i].text, &config, &err);

        if (rc != (table[i].says ? -HX_ERR_USAGE : 0))
            fail_msg("%s: %d %s", table[i].text, rc, err.msg);
        if (table[i].says && !strstr(err.msg, table[i].says))
            fail_msg("%s: %s", table[i].text, err.msg);
        if (table[i].mirror)
            assert_string_equal(config.mirrors[0], table[i].mirror);
        else
            assert_null(config.mirrors);
        hx_daemon_config_release(&config);
    }
}

/* The file before the environment, capitals before small letters. */
static void test_proxies(void **state)
{
    static const char *const names[] = { "HTTP_PROXY",  "http_proxy",
                                         "HTTPS_PROXY", "https_proxy",
                                         "NO_PROXY",    "no_proxy" };
    struct hx_daemon_config config;
    struct hx_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    assert_int_equal(hx_proxies_use(&(struct hx_proxies){ 0 }, &err), 0);
    assert_null(getenv("http_proxy"));
    setenv("HTTP_PROXY", "http://e1", 1);
    setenv("HTTPS_PROXY", "http://e2", 1);
    setenv("https_proxy", "http://e3", 1);
    setenv("no_proxy", "e4", 1);
    assert_int_equal(
        parse("{\"proxies\":{\"http-proxy\":\"http://c1\"}}", &config, &err),
        0);
    assert_int_equal(hx_proxies_use(&config.proxies, &err), 0);
    assert_string_equal(getenv("HTTP_PROXY"), "http://c1");
    assert_string_equal(getenv("http_proxy"), "http://c1");
    assert_string_equal(getenv("https_proxy"), "http://e2");
    assert_string_equal(getenv("no_proxy"), "e4");
    assert_null(getenv("NO_PROXY"));
    hx_daemon_config_release(&config);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

static void test_insecure(void **state)
{
    static const struct {
        const char *host_port, *host;
        int insecure;
    } table[] = {
        { "reg.lan:5000", "reg.lan", 1 },  { "REG.lan:5000", "REG.lan", 1 },
        { "reg.lan", "reg.lan", 0 },       { "all.lan:1", "all.lan", 1 },
        { "all.lan", "all.lan", 1 },       { "10.1.2.3:5000", "10.1.2.3", 1 },
        { "10.128.0.1", "10.128.0.1", 0 }, { "11.1.2.3", "11.1.2.3", 0 },
        { "192.0.2.9", "192.0.2.9", 1 },   { "[fd00::1]:5000", "fd00::1", 1 },
        { "[fe00::1]", "fe00::1", 0 },
    };
    struct hx_daemon_config config;
    struct hx_err err;

    (void)state;
    assert_int_equal(
        parse("{\"insecure-registries\":[\"http://reg.lan:5000\",\"all.lan\","
              "\"10.0.0.0/9\",\"192.0.2.9\",\"fd00::/8\"]}",
              &config, &err),
        0);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (hx_daemon_config_is_insecure(&config, table[i].host_port,
                                         table[i].host) != table[i].insecure)
            fail_msg("%s", table[i].host_port);
    }
    hx_daemon_config_release(&config);
}

/* "mirror http://a, https://b" and so on, for a domain. */
static void describe(const struct hx_endpoints *all, char *text, size_t size)
{
    size_t used = 0;

    *text = '\0';
    for (size_t i = 0; i < all->count; i++) {
        const struct hx_endpoint *e = &all->list[i];

        used += (size_t)snprintf(
            text + used, size - used, "%s%s%s%s", i ? ", " : "",
            e->is_mirror ? "mirror " : "", e->url.origin,
            !e->url.plain && !e->tls.verify ? " unverified" : "");
        if (e->is_other_scheme)
            used += (size_t)snprintf(text + used, size - used, " else");
    }
}

static const char config_text[] =
    "{\"registry-mirrors\":[\"http://127.0.0.1:5000\",\"https://m.lan\","
    "\"https://n.lan\",\"https://certs.lan:1\"],"
    "\"insecure-registries\":[\"reg.lan:5000\",\"127.0.0.1:7000\",\"n.lan\","
    "\"certs.lan:1\"]}";

static void test_endpoints(void **state)
{
    static const struct {
        const char *domain, *expected;
    } table[] = {
        { "docker.io", "mirror http://127.0.0.1:5000, mirror https://m.lan, "
                       "mirror https://n.lan unverified, "
                       "mirror https://certs.lan:1, "
                       "https://registry-1.docker.io" },
        { "ghcr.io", "https://ghcr.io" },
        { "reg.lan:5000",
          "https://reg.lan:5000 unverified, http://reg.lan:5000 else" },
        { "127.0.0.1:5000",
          "http://127.0.0.1:5000, https://127.0.0.1:5000 else" },
        { "localhost", "http://localhost, https://localhost else" },
        { "[::1]:5000", "http://[::1]:5000, https://[::1]:5000 else" },
        { "127.0.0.1:7000", "https://127.0.0.1:7000 unverified, "
                            "http://127.0.0.1:7000 else" },
        { "secure.lan:1", "https://secure.lan:1" },
        /* Certificates for this machine mean TLS. */
        { "127.0.0.1:5443", "https://127.0.0.1:5443" },
        /* And they count more than insecure-registries. */
        { "certs.lan:1", "https://certs.lan:1" },
    };
    char folder[] = "/tmp/hx-certs-XXXXXX", path[128];
    struct hx_daemon_config config;
    struct hx_err err = { 0 };

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/certs.d/127.0.0.1:5443", folder);
    assert_int_equal(hx_mkdir_p(path, 0700, &err), 0);
    snprintf(path, sizeof(path), "%s/certs.d/certs.lan:1", folder);
    assert_int_equal(hx_mkdir_p(path, 0700, &err), 0);
    setenv("HX_CONFDIR", folder, 1);
    assert_int_equal(parse(config_text, &config, &err), 0);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct hx_endpoints all = { 0 };
        char text[256];

        assert_int_equal(
            hx_endpoints_make(table[i].domain, &config, &all, &err), 0);
        describe(&all, text, sizeof(text));
        assert_string_equal(text, table[i].expected);
        hx_endpoints_release(&all);
    }
    hx_daemon_config_release(&config);
    unsetenv("HX_CONFDIR");
    hx_rm_rf(folder, &err);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0600, NULL),
                     0);
}

static void test_certs(void **state)
{
    char root[] = "/tmp/hx-certs-XXXXXX", folder[128];
    struct hx_http_tls tls = { 0 };
    struct hx_err err = { 0 };

    (void)state;
    assert_non_null(mkdtemp(root));
    setenv("HX_CONFDIR", root, 1);
    snprintf(folder, sizeof(folder), "%s/certs.d/h:1", root);
    assert_int_equal(hx_mkdir_p(folder, 0700, &err), 0);
    assert_int_equal(hx_endpoint_tls("other:1", &tls, &err), 0);
    assert_null(tls.ca_pem);
    assert_int_equal(tls.verify, 1);
    hx_http_tls_release(&tls);
    put(folder, "ca.crt", "-----BEGIN CERTIFICATE-----\nA\n");
    put(folder, "b.crt", "-----BEGIN CERTIFICATE-----\nB\n");
    put(folder, "client.cert", "x");
    assert_int_equal(hx_endpoint_tls("h:1", &tls, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "client.key"));
    put(folder, "client.key", "x");
    assert_int_equal(hx_endpoint_tls("h:1", &tls, &err), 1);
    assert_non_null(strstr(tls.ca_pem, "\nA\n"));
    assert_non_null(strstr(tls.ca_pem, "\nB\n"));
    assert_non_null(strstr(tls.cert_path, "/client.cert"));
    assert_non_null(strstr(tls.key_path, "/client.key"));
    hx_http_tls_release(&tls);
    put(folder, "c.crt", "no certificate");
    assert_int_equal(hx_endpoint_tls("h:1", &tls, &err), -HX_ERR_USAGE);
    unsetenv("HX_CONFDIR");
    hx_rm_rf(root, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_json), cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_insecure),    cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_certs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
