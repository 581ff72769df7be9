/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pod specs as libxl's JSON, compared with tests/golden/config/NAME.json;
 * HX_GOLDEN_UPDATE=1 writes them.  Needs no Xen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/dry-run.h"
#include "tests/unit/unit.h"

static struct hx_host *host;

static int setup(void **state)
{
    static const struct hx_host_options options = {
        .state_dir = "/nonexistent/lib",
        .run_dir = "/nonexistent/run",
        .pkglib_dir = "/usr/lib/xl-hyper",
        .daemon_json = "/nonexistent/daemon.json",
    };

    (void)state;
    return hx_host_open(&options, &host, NULL);
}

static int teardown(void **state)
{
    (void)state;
    hx_host_close(host);
    return 0;
}

static struct hx_container_spec one_container(enum hx_writable writable)
{
    static const char *args[] = { "nginx", NULL };

    return (struct hx_container_spec){
        .name = (char *)"web",
        .image = (char *)"nginx:latest",
        .root_disk = (char *)"/var/lib/hyper/disks/aa.squashfs",
        .args = (char **)args,
        .user = (char *)"",
        .cwd = (char *)"/",
        .stop_signal = 15,
        .writable = writable,
    };
}

static void assert_config(const char *name, const struct hx_pod_spec *spec)
{
    char path[128], expected[16384] = "", *json = NULL;
    struct hx_err err = { 0 };
    FILE *golden;
    size_t got;

    assert_int_equal(hx_pod_dry_run(host, spec, &json, &err), 0);
    snprintf(path, sizeof(path), "tests/golden/config/%s.json", name);
    if (getenv("HX_GOLDEN_UPDATE")) {
        golden = fopen(path, "w");
        assert_non_null(golden);
        fputs(json, golden);
    } else {
        golden = fopen(path, "r");
        assert_non_null(golden);
        got = fread(expected, 1, sizeof(expected) - 1, golden);
        expected[got] = '\0';
        assert_string_equal(json, expected);
    }
    fclose(golden);
    free(json);
}

static void test_smallest(void **state)
{
    struct hx_container_spec container = one_container(HX_WRITABLE_NONE);
    struct hx_pod_spec spec = {
        .name = (char *)"web",
        .type = HX_DOMAIN_PV,
        .mem_kib = 32768,
        .vcpus = 1,
        .net = { .none = true },
        .containers = &container,
        .container_count = 1,
    };

    (void)state;
    assert_config("pv-read-only-no-network", &spec);
}

static void test_usual(void **state)
{
    struct hx_container_spec container = one_container(HX_WRITABLE_DISK);
    struct hx_pod_spec spec = {
        .name = (char *)"web",
        .type = HX_DOMAIN_PV,
        .mem_kib = 65536,
        .vcpus = 1,
        .containers = &container,
        .container_count = 1,
    };

    (void)state;
    assert_config("pv", &spec);
    spec.type = HX_DOMAIN_PVH;
    assert_config("pvh", &spec);
}

static void test_everything_said(void **state)
{
    struct hx_container_spec container = one_container(HX_WRITABLE_DISK);
    struct hx_pod_spec spec = {
        .name = (char *)"web",
        .type = HX_DOMAIN_PVH,
        .mem_kib = 1 << 20,
        .vcpus = 8,
        .net = { .bridge = (char *)"xenbr0",
                 .ip = (char *)"10.0.0.9/24",
                 .mac = (char *)"00:16:3e:01:02:03" },
        .containers = &container,
        .container_count = 1,
    };

    (void)state;
    assert_config("pvh-large-given-network", &spec);
}

/* Nothing of what an image or a user says may reach the kernel's command
 * line, where it could be an option. */
static void test_no_text_reaches_the_command_line(void **state)
{
    struct hx_container_spec container = one_container(HX_WRITABLE_DISK);
    const char *args[] = { "x init=/bin/evil", NULL };
    struct hx_pod_spec spec = {
        .name = (char *)"evil-name",
        .type = HX_DOMAIN_PV,
        .mem_kib = 65536,
        .vcpus = 1,
        .hostname = (char *)"evil-host",
        .containers = &container,
        .container_count = 1,
    };
    struct hx_err err = { 0 };
    char *json = NULL, *cmdline;

    (void)state;
    container.args = (char **)args;
    container.cwd = (char *)"/evil";
    container.user = (char *)"evil";
    assert_int_equal(hx_pod_dry_run(host, &spec, &json, &err), 0);
    cmdline = strstr(json, "\"cmdline\"");
    assert_non_null(cmdline);
    cmdline[strcspn(cmdline, "\n")] = '\0';
    assert_null(strstr(cmdline, "evil"));
    free(json);
}

static void test_a_pod_without_a_disk_is_refused(void **state)
{
    struct hx_container_spec container = one_container(HX_WRITABLE_DISK);
    struct hx_pod_spec spec = {
        .name = (char *)"web",
        .type = HX_DOMAIN_PV,
        .mem_kib = 65536,
        .vcpus = 1,
        .containers = &container,
        .container_count = 1,
    };
    struct hx_err err = { 0 };
    char *json = NULL;

    (void)state;
    container.root_disk = NULL;
    assert_true(hx_pod_dry_run(host, &spec, &json, &err) < 0);
    container = one_container(HX_WRITABLE_DISK);
    spec.vcpus = 129;
    assert_true(hx_pod_dry_run(host, &spec, &json, &err) < 0);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_everything_said),
        cmocka_unit_test(test_no_text_reaches_the_command_line),
        cmocka_unit_test(test_a_pod_without_a_disk_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
