/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pod spec -> libxl_domain_config, compared as libxl's own JSON. */
#include "domain-builder/xen_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/domain_fixture.h"
#include "tests/unit/golden.h"
#include "tests/unit/unit.h"

static int make(struct domain_fixture *fixture, libxl_domain_config *config,
                struct hx_err *err)
{
    const struct hx_xen_config in = {
        .spec = &fixture->spec,
        .uuid = FIXTURE_UUID,
        .type = fixture->spec.type,
        .kernel = "/usr/local/lib/xl-hyper/vmlinux",
        .ramdisk = "/proc/self/fd/9",
        .hotplug = "/usr/local/lib/xl-hyper/hotplug",
        .disks = &fixture->disks,
        .net = &fixture->net,
    };

    return hx_xen_config_make(&in, config, err);
}

static void compare(struct domain_fixture *fixture, const char *golden)
{
    libxl_domain_config config;
    struct hx_err err = { 0 };
    char name[64], *json;

    domain_fixture_plan(fixture);
    assert_int_equal(make(fixture, &config, &err), 0);
    /* The context is only for logging a failure. */
    json = libxl_domain_config_to_json(NULL, &config);
    assert_non_null(json);
    snprintf(name, sizeof(name), "domain-config/%s.json", golden);
    golden_compare(name, json);
    free(json);
    libxl_domain_config_dispose(&config);
}

static void test_small_pv(void **state)
{
    struct domain_fixture fixture;

    (void)state;
    domain_fixture_init(&fixture);
    compare(&fixture, "small-pv");
}

static void test_roomy_pvh(void **state)
{
    struct domain_fixture fixture;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.type = HX_DOMAIN_PVH;
    fixture.spec.mem_kib = 1 << 20;
    fixture.spec.vcpus = 9;
    fixture.net.mtu = 9000;
    compare(&fixture, "roomy-pvh");
}

static void test_without_network_and_scratch(void **state)
{
    struct domain_fixture fixture;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.container[0].writable = HX_WRITABLE_TMPFS;
    fixture.net.none = true;
    compare(&fixture, "no-network-no-scratch");
}

static void test_two_containers_share_an_image(void **state)
{
    struct domain_fixture fixture;

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.container_count = 2;
    compare(&fixture, "small-pv"); /* same devices as of one */
    fixture.container[1].root_disk = "/var/lib/hyper/disks/redis.squashfs";
    compare(&fixture, "two-images");
}

/* Pages are whole: 65537 KiB would leave libxl with half of one. */
static void test_memory_is_rounded_up_to_pages(void **state)
{
    struct domain_fixture fixture;
    libxl_domain_config config;
    struct hx_err err = { 0 };

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.mem_kib = 65537;
    domain_fixture_plan(&fixture);
    assert_int_equal(make(&fixture, &config, &err), 0);
    assert_int_equal(config.b_info.max_memkb, 65540);
    assert_int_equal(config.b_info.target_memkb, 65540);
    libxl_domain_config_dispose(&config);
}

/* Whatever an image or a user says, the kernel's command line is ours. */
static void test_command_line_has_nothing_of_the_spec(void **state)
{
    static char *args[] = { "init=/evil", "panic=0", NULL };
    struct domain_fixture fixture;
    libxl_domain_config config;
    struct hx_err err = { 0 };

    (void)state;
    domain_fixture_init(&fixture);
    fixture.spec.name = "rdinit=/evil";
    fixture.spec.hostname = "quiet";
    fixture.container[0].args = fixture.container[0].env = args;
    domain_fixture_plan(&fixture);
    assert_int_equal(make(&fixture, &config, &err), 0);
    assert_string_equal(config.b_info.cmdline, "console=hvc0");
    libxl_domain_config_dispose(&config);
}

static void test_refused(void **state)
{
    static const unsigned vcpus[] = { 0, 129 };
    struct domain_fixture fixture;
    libxl_domain_config config;
    struct hx_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        domain_fixture_init(&fixture);
        fixture.spec.vcpus = vcpus[i];
        domain_fixture_plan(&fixture);
        assert_int_equal(make(&fixture, &config, &err), -HX_ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_pv),
        cmocka_unit_test(test_roomy_pvh),
        cmocka_unit_test(test_without_network_and_scratch),
        cmocka_unit_test(test_two_containers_share_an_image),
        cmocka_unit_test(test_memory_is_rounded_up_to_pages),
        cmocka_unit_test(test_command_line_has_nothing_of_the_spec),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
