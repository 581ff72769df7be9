/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network: daemon.json, DNS, plans; and real bridges in a network
 * namespace of our own, where the kernel lets us have one.
 */
#include "domain-builder/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-builder/netdev.h"
#include "image/base/file.h"
#include "tests/unit/unit.h"

#define UUID "0f3e2d1c-5b4a-4978-8695-a4b3c2d1e0f1"

static char folder[] = "/tmp/hx-network-XXXXXX";
static bool have_namespace;

static int setup(void **state)
{
    char path[128];

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/pods", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/pods/%s", folder, UUID);
    mkdir(path, 0700);
    have_namespace = unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
                     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                     mount("sysfs", "/sys", "sysfs", 0, NULL) == 0 &&
                     hx_netdev_make_bridge("probe0") == 0 &&
                     hx_netdev_remove_bridge("probe0") == 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return hx_rm_rf(folder, NULL);
}

static void write_file(const char *name, const char *text, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    assert_int_equal(hx_file_write_atomic(path, text, strlen(text), 0600, NULL),
                     0);
}

/* -- daemon.json ------------------------------------------------------------*/

static int load(const char *json, struct hx_netconf *conf, struct hx_err *err)
{
    char path[128];

    write_file("daemon.json", json, path);
    return hx_netconf_load(path, conf, err);
}

static void test_defaults(void **state)
{
    struct hx_netconf conf;
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_netconf_load("/nowhere/daemon.json", &conf, &err), 0);
    assert_string_equal(conf.bridge, "hyper0");
    assert_true(conf.own);
    assert_false(conf.none);
    assert_int_equal(conf.bip.address, 0xac1e0001);
    assert_int_equal(conf.bip.prefix, 16);
    hx_netconf_release(&conf);
}

static void test_docker_keys(void **state)
{
    struct hx_netconf conf;
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(
        load("{\"registry-mirrors\": [\"http://127.0.0.1:5000\"],"
             "\"bip\": \"10.9.0.1/24\", \"fixed-cidr\": \"10.9.0.128/25\","
             "\"default-gateway\": \"10.9.0.254\", \"mtu\": 9000,"
             "\"dns\": [\"10.0.0.1\", \"fd00::1\"],"
             "\"dns-search\": [\"example.org\"], \"dns-opts\": [\"ndots:2\"]}",
             &conf, &err),
        0);
    assert_true(conf.bip_given && conf.pool_given && conf.own);
    assert_int_equal(conf.pool.address, 0x0a090080);
    assert_int_equal(conf.gateway, 0x0a0900fe);
    assert_int_equal(conf.mtu, 9000);
    assert_string_equal(conf.dns[1], "fd00::1");
    assert_string_equal(conf.dns_search[0], "example.org");
    assert_string_equal(conf.dns_opts[0], "ndots:2");
    hx_netconf_release(&conf);
    assert_int_equal(load("{\"bridge\": \"none\"}", &conf, &err), 0);
    assert_true(conf.none);
    hx_netconf_release(&conf);
    assert_int_equal(load("{\"bridge\": \"xenbr0\"}", &conf, &err), 0);
    assert_string_equal(conf.bridge, "xenbr0");
    assert_false(conf.own);
    hx_netconf_release(&conf);
}

static void test_daemon_json_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{\"bip\": 5}",
        "{\"bip\": \"10.0.0.1\"}",
        "{\"bip\": \"10.0.0.1/31\"}",
        "{\"bip\": \"10.0.0.1/7\"}",
        "{\"bridge\": \"a/b\"}",
        "{\"bridge\": \"a-name-that-is-too-long\"}",
        "{\"bridge\": \"xenbr0\", \"bip\": \"10.0.0.1/24\"}",
        "{\"bip\": \"10.0.0.1/24\", \"fixed-cidr\": \"10.0.1.0/25\"}",
        "{\"bip\": \"10.0.0.1/24\", \"fixed-cidr\": \"10.0.0.0/16\"}",
        "{\"bip\": \"10.0.0.1/24\", \"default-gateway\": \"10.0.1.1\"}",
        "{\"default-gateway\": \"gw\"}",
        "{\"mtu\": 67}",
        "{\"mtu\": 70000}",
        "{\"mtu\": \"1500\"}",
        "{\"dns\": \"10.0.0.1\"}",
        "{\"dns\": [\"ns.example.org\"]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hx_netconf conf;
        struct hx_err err = { 0 };

        assert_int_equal(load(bad[i], &conf, &err), -HX_ERR_USAGE);
        assert_int_equal(err.code, HX_ERR_USAGE);
        assert_non_null(strstr(err.msg, "daemon.json"));
    }
}

/* -- DNS --------------------------------------------------------------------*/

static char *joined(char **list)
{
    static char text[512];

    text[0] = '\0';
    for (char **p = list; p && *p; p++) {
        strcat(text, *p);
        strcat(text, ",");
    }
    return text;
}

static void test_dns(void **state)
{
    static const char resolv[] =
        "# by hand\nsearch a.example\nnameserver 127.0.0.53\n"
        "nameserver   10.1.1.1   # first\nnameserver ::1\n"
        "nameserver fd00::7\nnameserver fe80::1%eth0\nnameserver\n"
        "domain late.example\nsearch b.example c.example\noptions rotate";
    static char *dns[] = { "9.9.9.9", NULL }, *search[] = { "x.y", NULL };
    struct hx_netconf conf = { 0 };
    struct hx_err err = { 0 };
    struct hx_dns got;
    char path[128];

    (void)state;
    write_file("resolv.conf", resolv, path);
    assert_int_equal(hx_netconf_dns(&conf, path, &got, &err), 0);
    assert_string_equal(joined(got.servers), "10.1.1.1,fd00::7,");
    assert_string_equal(joined(got.search), "b.example,c.example,");
    hx_dns_release(&got);
    conf.dns = dns;
    assert_int_equal(hx_netconf_dns(&conf, path, &got, &err), 0);
    assert_string_equal(joined(got.servers), "9.9.9.9,");
    assert_string_equal(joined(got.search), "b.example,c.example,");
    hx_dns_release(&got);
    conf.dns_search = search;
    assert_int_equal(hx_netconf_dns(&conf, path, &got, &err), 0);
    assert_string_equal(joined(got.search), "x.y,");
    hx_dns_release(&got);
    conf.dns = NULL;
    assert_int_equal(hx_netconf_dns(&conf, "/nowhere", &got, &err), 0);
    assert_null(got.servers);
    hx_dns_release(&got);
}

/* -- plans ------------------------------------------------------------------*/

static void test_plan(void **state)
{
    struct hx_netconf conf = { .bridge = "hyper0", .own = true };
    struct hx_net_spec spec = { 0 };
    struct hx_network net;
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_network_plan(&conf, &spec, UUID, &net, &err), 0);
    assert_true(net.own && !net.none && !net.mac_given);
    assert_memory_equal(net.mac, "\0\x16\x3e\x51\xe0\xf1", 6);
    spec = (struct hx_net_spec){ .bridge = "xenbr0",
                                 .ip = "10.0.0.5/24",
                                 .mac = "02:00:00:00:00:09" };
    assert_int_equal(hx_network_plan(&conf, &spec, UUID, &net, &err), 0);
    assert_false(net.own);
    assert_true(net.prefix_given && net.mac_given);
    assert_int_equal(net.at.prefix, 24);
    spec = (struct hx_net_spec){ .none = true };
    assert_int_equal(hx_network_plan(&conf, &spec, UUID, &net, &err), 0);
    assert_true(net.none);
    /* "bridge": "none" is for those who name no network. */
    conf.none = true;
    spec = (struct hx_net_spec){ 0 };
    assert_int_equal(hx_network_plan(&conf, &spec, UUID, &net, &err), 0);
    assert_true(net.none);
    spec.bridge = "hyper0";
    assert_int_equal(hx_network_plan(&conf, &spec, UUID, &net, &err), 0);
    assert_false(net.none);
}

static void test_plan_refused(void **state)
{
    static const struct hx_net_spec bad[] = {
        { .none = true, .ip = "10.0.0.1" },
        { .none = true, .mac = "02:00:00:00:00:09" },
        { .bridge = "../../etc" },
        { .bridge = "" },
        { .bridge = "sixteen-letters0" },
        { .ip = "10.0.0" },
        { .ip = "10.0.0.1/0" },
        { .ip = "10.0.0.1/32" },
        { .ip = "0.0.0.0/8" },
        { .ip = "127.0.0.1/8" },
        { .ip = "224.0.0.1/4" },
        { .ip = "255.255.255.255" },
        { .ip = "fd00::1" },
        { .mac = "02:00:00:00:00" },
        { .mac = "ff:ff:ff:ff:ff:ff" },
    };
    struct hx_netconf conf = { .bridge = "hyper0", .own = true };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hx_err err = { 0 };
        struct hx_network net;

        assert_int_equal(hx_network_plan(&conf, &bad[i], UUID, &net, &err),
                         -HX_ERR_USAGE);
    }
}

/* -- bridges ----------------------------------------------------------------*/

static const struct hx_netconf own_conf = { .bridge = "hyper0",
                                            .own = true,
                                            .bip = { 0x0a4d0001, 24 } };

static int take(const struct hx_netconf *conf, const struct hx_net_spec *spec,
                struct hx_network *net, struct hx_err *err)
{
    char pods[128];
    int r = hx_network_plan(conf, spec, UUID, net, err);

    snprintf(pods, sizeof(pods), "%s/pods", folder);
    if (r == 0)
        r = hx_network_ensure_bridge(net, folder, err);
    if (r == 0)
        r = hx_network_take_address(net, folder, pods, UUID, err);
    assert_int_equal(hx_lease_release(folder, UUID, NULL), 0);
    return r;
}

static void test_own_bridge(void **state)
{
    struct hx_netconf conf = own_conf;
    const struct hx_net_spec any = { 0 };
    struct hx_network net;
    struct hx_err err = { 0 };
    uint32_t address;
    unsigned prefix;

    (void)state;
    if (!have_namespace)
        skip();
    conf.mtu = 1400;
    assert_int_equal(take(&conf, &any, &net, &err), 0);
    assert_int_equal(net.at.address, 0x0a4d0002);
    assert_int_equal(net.at.prefix, 24);
    assert_int_equal(net.gateway, 0x0a4d0001);
    assert_int_equal(net.mtu, 1400);
    assert_true(hx_netdev_is_bridge("hyper0"));
    assert_int_equal(hx_netdev_address("hyper0", &address, &prefix), 0);
    assert_int_equal(address, 0x0a4d0001);
    assert_int_equal(prefix, 24);
    /* It is there now, and stays as it is. */
    conf.bip_given = true;
    assert_int_equal(take(&conf, &any, &net, &err), 0);
    assert_int_equal(net.at.address, 0x0a4d0003);
    conf.bip.address++;
    assert_int_equal(take(&conf, &any, &net, &err), -HX_ERR_STATE);
    assert_int_equal(hx_netdev_remove_bridge("hyper0"), 0);
}

/* A creator killed after SIOCBRADDBR left a bridge without an address. */
static void test_own_bridge_half_made(void **state)
{
    const struct hx_net_spec any = { 0 };
    struct hx_network net;
    struct hx_err err = { 0 };

    (void)state;
    if (!have_namespace)
        skip();
    assert_int_equal(hx_netdev_make_bridge("hyper0"), 0);
    assert_int_equal(take(&own_conf, &any, &net, &err), 0);
    assert_int_equal(net.gateway, 0x0a4d0001);
    assert_int_equal(hx_netdev_remove_bridge("hyper0"), 0);
}

static void test_own_subnet_in_use(void **state)
{
    const struct hx_net_spec any = { 0 };
    struct hx_network net;
    struct hx_err err = { 0 };

    (void)state;
    if (!have_namespace)
        skip();
    assert_int_equal(hx_netdev_make_bridge("lan0"), 0);
    assert_int_equal(hx_netdev_set_address("lan0", 0x0a4d0005, 16), 0);
    assert_int_equal(take(&own_conf, &any, &net, &err), -HX_ERR_EXISTS);
    assert_non_null(strstr(err.msg, "lan0"));
    assert_false(hx_netdev_exists("hyper0"));
    assert_int_equal(hx_netdev_remove_bridge("lan0"), 0);
}

static void test_other_bridge(void **state)
{
    struct hx_net_spec spec = { .bridge = "lan0" };
    struct hx_network net;
    struct hx_err err = { 0 };

    (void)state;
    if (!have_namespace)
        skip();
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_NOT_FOUND);
    assert_int_equal(hx_netdev_make_bridge("lan0"), 0);
    /* Dom0 has no address there: no pool, but --ip with its prefix. */
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_USAGE);
    spec.ip = "10.5.0.9";
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_USAGE);
    assert_non_null(strstr(err.msg, "/PREFIX"));
    spec.ip = "10.5.0.9/24";
    assert_int_equal(take(&own_conf, &spec, &net, &err), 0);
    assert_int_equal(net.gateway, 0);
    /* And with one. */
    assert_int_equal(hx_netdev_set_address("lan0", 0x0a050001, 29), 0);
    assert_int_equal(take(&own_conf, &spec, &net, &err), 0);
    spec.ip = "10.5.0.9";
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_USAGE);
    spec.ip = "10.5.0.7"; /* broadcast */
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_USAGE);
    spec.ip = "10.5.0.1"; /* dom0's */
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_EXISTS);
    spec.ip = NULL;
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(take(&own_conf, &spec, &net, &err), 0);
        assert_int_equal(net.at.address, 0x0a050002 + i % 5);
        assert_int_equal(net.gateway, 0x0a050001);
    }
    spec.bridge = "lo";
    assert_int_equal(take(&own_conf, &spec, &net, &err), -HX_ERR_UNSUPPORTED);
    assert_int_equal(hx_netdev_remove_bridge("lan0"), 0);
}

static bool in_bridge(const char *bridge, const char *port)
{
    char path[128];

    snprintf(path, sizeof(path), "/sys/class/net/%s/brif/%s", bridge, port);
    return access(path, F_OK) == 0;
}

static void test_ports(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (!have_namespace ||
        system("ip link add name v0 type veth peer name v1 2>/dev/null") != 0)
        skip();
    assert_int_equal(hx_netdev_make_bridge("lan0"), 0);
    assert_int_equal(hx_netdev_make_bridge("lan1"), 0);
    assert_int_equal(hx_netdev_add_port("lan0", "v0", 0), 0);
    assert_true(in_bridge("lan0", "v0"));
    assert_int_equal(hx_netdev_add_port("lan1", "v0", 0), -1);
    assert_int_equal(errno, EBUSY);
    assert_int_equal(hx_netdev_add_port("none0", "v1", 1000), -1);
    assert_int_equal(errno, ENODEV);
    assert_int_equal(hx_netdev_add_port("lan0", "late0", 0), -1);
    assert_int_equal(errno, ENODEV);
    /* One that comes while it is waited for. */
    pid = fork();
    if (pid == 0) {
        execlp("sh", "sh", "-c",
               "sleep 0.1; exec ip link add name late0 type veth peer name "
               "late1",
               NULL);
        _exit(127);
    }
    assert_int_equal(hx_netdev_add_port("lan0", "late0", 20000), 0);
    assert_true(in_bridge("lan0", "late0"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(hx_netdev_set_mtu("v1", 1300), 0);
    assert_int_equal(system("ip link del v0; ip link del late0"), 0);
    assert_int_equal(hx_netdev_remove_bridge("lan0"), 0);
    assert_int_equal(hx_netdev_remove_bridge("lan1"), 0);
}

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",         ".", "..", "a/b", "a b", "a:1", "a\n", "sixteen-letters0",
        "h\303\251"
    };

    (void)state;
    assert_true(hx_netdev_name_valid("fifteen-letters"));
    assert_true(hx_netdev_name_valid("vif3.0"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(hx_netdev_name_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_docker_keys),
        cmocka_unit_test(test_daemon_json_refused),
        cmocka_unit_test(test_dns),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_refused),
        cmocka_unit_test(test_own_bridge),
        cmocka_unit_test(test_own_bridge_half_made),
        cmocka_unit_test(test_own_subnet_in_use),
        cmocka_unit_test(test_other_bridge),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
