/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pod spec -> the guest's configuration, and whether pv-init takes it. */
#include "domain-builder/guestconf.h"

#include <stdlib.h>
#include <string.h>

#include "pv-init/config.h"
#include "tests/unit/domain_fixture.h"
#include "tests/unit/golden.h"
#include "tests/unit/unit.h"

static char *servers[] = { "10.0.0.1", "fd00::1", NULL };
static char *search[] = { "example.org", NULL };
static char *options[] = { "ndots:2", NULL };

static char *make(struct domain_fixture *fixture)
{
    const struct hx_dns dns = { servers, search, options };
    struct hx_err err = { 0 };
    char *json;

    domain_fixture_plan(fixture);
    assert_int_equal(hx_guestconf_make(&fixture->spec, FIXTURE_SEED,
                                       &fixture->disks, &fixture->net, &dns,
                                       "BgAAAAAA/38=", &json, &err),
                     0);
    return json;
}

static void test_one_container(void **state)
{
    struct domain_fixture fixture;
    char *json;

    (void)state;
    domain_fixture_init(&fixture);
    json = make(&fixture);
    golden_compare("guestconf/one-container.json", json);
    free(json);
}

static void test_two_images_without_network(void **state)
{
    struct domain_fixture fixture;
    char *json;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.container_count = 2;
    fixture.container[0].writable = HX_WRITABLE_NONE;
    fixture.container[1].writable = HX_WRITABLE_TMPFS;
    fixture.container[1].tty = true;
    fixture.container[1].root_disk = "/var/lib/hyper/disks/redis.squashfs";
    fixture.net.none = true;
    json = make(&fixture);
    golden_compare("guestconf/two-images-without-network.json", json);
    free(json);
}

static char *probe[] = { "CMD", "probe", "-x", NULL };

/* The contract, from both its ends. */
static void test_pv_init_reads_what_was_meant(void **state)
{
    struct hx_init_config config = { 0 };
    struct hx_init_err why = { 0 };
    struct domain_fixture fixture;
    char *json;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.container[0].health = (struct hx_health_spec){
        .test = probe,
        .args = probe + 1,
        .interval_ms = HX_HEALTH_MS_MAX,
        .timeout_ms = 2,
        .start_period_ms = 3,
        .retries = 4,
    };
    json = make(&fixture);
    assert_int_equal(hx_init_config_parse(json, strlen(json), &config, &why),
                     0);
    assert_true(config.has_seed);
    assert_memory_equal(config.seed, "\x00\x11\x22\x33", 4);
    assert_memory_equal(config.seed + 28, "\xcc\xdd\xee\xff", 4);
    assert_string_equal(config.hostname, "web");
    assert_string_equal(config.dns_servers[1], "fd00::1");
    assert_string_equal(config.scratch.device, "xvdb");
    assert_int_equal(config.interface_count, 1);
    assert_int_equal(config.interfaces[0].mtu, 1500);
    assert_memory_equal(config.interfaces[0].mac, fixture.net.mac, 6);
    assert_int_equal(config.interfaces[0].route_count, 1);
    assert_int_equal(config.container_count, 1);
    assert_string_equal(config.containers[0].root.device, "xvda");
    assert_string_equal(config.containers[0].args[2], "daemon off;");
    assert_string_equal(config.containers[0].env[1],
                        fixture.container[0].env[1]);
    assert_string_equal(config.containers[0].user, "www-data:www-data");
    assert_int_equal(config.containers[0].stop_signal, 3);
    assert_int_equal(config.containers[0].stop_timeout_ms, 10000);
    assert_string_equal(config.containers[0].health.args[1], "-x");
    assert_int_equal(config.containers[0].health.interval_ms, INT32_MAX);
    assert_int_equal(config.containers[0].health.timeout_ms, 2);
    assert_int_equal(config.containers[0].health.start_period_ms, 3);
    assert_int_equal(config.containers[0].health.retries, 4);
    hx_init_config_release(&config);
    free(json);
}

static void test_hostname_of_the_name(void **state)
{
    static const char *const cases[][2] = {
        { "web", "web" },
        { "my_web_1", "my-web-1" },
        { "web_", "web" },
        { "a..b", "a.b" },
        { "a_.b", "a.b" },
        { "a._b", "a.b" },
        { "web.", "web" },
        { "0123456789012345678901234567890123456789012345678901234567890123456",
          "012345678901234567890123456789012345678901234567890123456789012" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct hx_pod_spec spec = { .name = (char *)cases[i][0] };
        char *hostname;

        assert_int_equal(hx_hostname_of(&spec, &hostname, NULL), 0);
        assert_string_equal(hostname, cases[i][1]);
        free(hostname);
    }
}

static void test_hostname_given(void **state)
{
    static const struct {
        const char *name;
        int good;
    } cases[] = {
        { "web", 1 },
        { "web.example.org", 1 },
        { "a-b", 1 },
        { "9", 1 },
        { "", 0 },
        { "-a", 0 },
        { "a-", 0 },
        { "a..b", 0 },
        { "a-.b", 0 },
        { ".a", 0 },
        { "a.", 0 },
        { "a b", 0 },
        { "a_b", 0 },
        { "a\nb", 0 },
        { "h\303\251", 0 },
        { "a/../../b", 0 },
        { "0123456789012345678901234567890123456789012345678901234567890123",
          0 },
        { "01234567890123456789012345678901.0123456789012345678901234567890",
          1 },
        { "01234567890123456789012345678901.01234567890123456789012345678901",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct hx_pod_spec spec = { .name = "x",
                                          .hostname = (char *)cases[i].name };
        char *hostname = NULL;
        int r = hx_hostname_of(&spec, &hostname, NULL);

        assert_int_equal(r, cases[i].good ? 0 : -HX_ERR_USAGE);
        free(hostname);
    }
}

static void test_text_that_json_cannot_carry(void **state)
{
    static char *args[] = { "caf\351", NULL };
    const struct hx_dns dns = { 0 };
    struct domain_fixture fixture;
    struct hx_err err = { 0 };
    char *json;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.container[0].args = args;
    domain_fixture_plan(&fixture);
    assert_int_equal(hx_guestconf_make(&fixture.spec, FIXTURE_SEED,
                                       &fixture.disks, &fixture.net, &dns, NULL,
                                       &json, &err),
                     -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "UTF-8"));
}

static void test_disks_refused(void **state)
{
    struct domain_fixture fixture;
    struct hx_err err = { 0 };

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.container_count = 0;
    assert_int_equal(hx_disks_plan(&fixture.spec, &fixture.disks, &err),
                     -HX_ERR_USAGE);
    fixture.spec.container_count = HX_ABI_CONTAINERS_MAX + 1;
    assert_int_equal(hx_disks_plan(&fixture.spec, &fixture.disks, &err),
                     -HX_ERR_USAGE);
    fixture.spec.container_count = 1;
    fixture.container[0].root_disk = NULL;
    assert_int_equal(hx_disks_plan(&fixture.spec, &fixture.disks, &err),
                     -HX_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_container),
        cmocka_unit_test(test_two_images_without_network),
        cmocka_unit_test(test_pv_init_reads_what_was_meant),
        cmocka_unit_test(test_hostname_of_the_name),
        cmocka_unit_test(test_hostname_given),
        cmocka_unit_test(test_text_that_json_cannot_carry),
        cmocka_unit_test(test_disks_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
