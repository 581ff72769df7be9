/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pod's network, set up in a network namespace of the test's own. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/netlink.h"
#include "pv-init/network.h"

static void messages_are_built(void **state)
{
    struct hx_init_nl_request req;
    struct hx_init_prefix address, via;
    struct ifaddrmsg *addr;
    struct rtmsg *route;
    char big[600];

    (void)state;
    hx_init_prefix_parse("172.30.7.2/20", &address);
    hx_init_nl_address(&req, 3, &address);
    addr = NLMSG_DATA(&req.head);
    assert_int_equal(addr->ifa_prefixlen, 20);
    assert_int_equal(addr->ifa_index, 3);
    /* 172.30.15.255 */
    assert_memory_equal(req.buf + req.head.nlmsg_len - 4, "\xac\x1e\x0f\xff",
                        4);
    hx_init_prefix_parse("0.0.0.0/0", &address);
    hx_init_address_parse("172.30.0.1", &via);
    hx_init_nl_route(&req, 3, &address, &via, true);
    route = NLMSG_DATA(&req.head);
    assert_int_equal(route->rtm_flags, RTNH_F_ONLINK);
    assert_int_equal(route->rtm_scope, RT_SCOPE_UNIVERSE);
    hx_init_nl_route(&req, 3, &address, NULL, false);
    route = NLMSG_DATA(&req.head);
    assert_int_equal(route->rtm_scope, RT_SCOPE_LINK);
    /* What does not fit is left out, not written past the end. */
    memset(big, 1, sizeof(big));
    hx_init_nl_put(&req, IFLA_IFNAME, big, sizeof(big));
    assert_true(req.head.nlmsg_len <= sizeof(req.buf));
}

/* -- in a namespace ----------------------------------------------------------
 */

static bool has_namespaces(void)
{
    int status = 1;
    pid_t pid = geteuid() == 0 ? fork() : -1;

    if (pid < 0)
        return false;
    if (pid == 0)
        _exit(unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
              system("ip link add t0 type veth peer name t1") != 0);
    waitpid(pid, &status, 0);
    return status == 0;
}

/* Whether a command of iproute2's prints the text. */
static bool shows(const char *command, const char *text)
{
    static char got[8192];
    FILE *out = popen(command, "r");
    size_t n = fread(got, 1, sizeof(got) - 1, out);

    got[n] = '\0';
    pclose(out);
    if (!strstr(got, text))
        fprintf(stderr, "%s: no '%s' in:\n%s", command, text, got);
    return strstr(got, text) != NULL;
}

static struct hx_init_prefix prefix(const char *text)
{
    struct hx_init_prefix parsed = { 0 };

    if (hx_init_prefix_parse(text, &parsed) < 0)
        hx_init_address_parse(text, &parsed);
    return parsed;
}

/* Two interfaces that swap their names; routes near, far and on the link. */
static int swap_and_set_up(void)
{
    struct hx_init_prefix a[] = { prefix("172.30.0.2/24"),
                                  prefix("fd00::2/64") };
    struct hx_init_prefix b[] = { prefix("10.1.0.5/32") };
    struct hx_init_route ra[] = {
        { prefix("0.0.0.0/0"), prefix("172.30.0.1"), true },
        { prefix("::/0"), prefix("fd00::1"), true },
        { prefix("10.7.0.0/16"), { 0 }, false },
    };
    struct hx_init_route rb[] = {
        { prefix("10.2.0.0/16"), prefix("169.254.1.1"), true },
    };
    struct hx_init_interface interfaces[] = {
        { "eth0", { 2, 0, 0, 0, 0, 2 }, 1400, a, 2, ra, 3 },
        { "eth1", { 2, 0, 0, 0, 0, 1 }, 1500, b, 1, rb, 1 },
    };
    struct hx_init_config config = { .interfaces = interfaces,
                                     .interface_count = 2 };
    const struct hx_init_interface *missing = NULL;
    struct hx_init_err err = { "" };
    int nl;

    if (unshare(CLONE_NEWNET) < 0 ||
        system("ip link add eth0 type veth peer name peer0 &&"
               "ip link set eth0 address 02:00:00:00:00:01") != 0)
        return 10;
    nl = hx_init_nl_open();
    if (nl < 0 || hx_init_network_base(nl, &err) < 0)
        return 11;
    if (hx_init_network_try(nl, &config, &missing, &err) != 0 ||
        missing != &interfaces[0])
        return 12;
    if (system("ip link add eth1 type veth peer name peer1 &&"
               "ip link set peer0 up && ip link set peer1 up &&"
               "ip link set eth1 address 02:00:00:00:00:02") != 0)
        return 13;
    if (hx_init_network_try(nl, &config, &missing, &err) != 1) {
        fprintf(stderr, "%s\n", err.msg);
        return 14;
    }
    return shows("ip addr show lo", "LOOPBACK,UP") &&
                   shows("ip addr show eth0", "02:00:00:00:00:02") &&
                   shows("ip addr show eth0", "mtu 1400") &&
                   shows("ip addr show eth0",
                         "inet 172.30.0.2/24 brd 172.30.0.255") &&
                   shows("ip addr show eth0",
                         "fd00::2/64 scope global nodad") &&
                   shows("ip addr show eth1", "02:00:00:00:00:01") &&
                   shows("ip addr show eth1", "10.1.0.5/32") &&
                   shows("ip route", "default via 172.30.0.1 dev eth0") &&
                   shows("ip route", "10.7.0.0/16 dev eth0 scope link") &&
                   shows("ip route",
                         "10.2.0.0/16 via 169.254.1.1 dev eth1 onlink") &&
                   shows("ip -6 route", "default via fd00::1 dev eth0") &&
                   shows("cat /proc/sys/net/ipv6/conf/eth0/accept_ra", "0") &&
                   shows("cat /proc/sys/net/ipv6/conf/eth1/disable_ipv6", "1")
               ? 0
               : 15;
}

static int no_gateway_is_said(void)
{
    struct hx_init_prefix a[] = { prefix("172.30.0.2/24") };
    struct hx_init_route r[] = {
        { prefix("0.0.0.0/0"), prefix("224.0.0.1"), true },
    };
    struct hx_init_interface interface = {
        "eth0", { 2, 0, 0, 0, 0, 1 }, 1500, a, 1, r, 1
    };
    struct hx_init_config config = { .interfaces = &interface,
                                     .interface_count = 1 };
    const struct hx_init_interface *missing;
    struct hx_init_err err = { "" };
    int nl;

    if (unshare(CLONE_NEWNET) < 0 ||
        system("ip link add eth0 type veth peer name peer0 &&"
               "ip link set eth0 address 02:00:00:00:00:01") != 0)
        return 10;
    nl = hx_init_nl_open();
    if (hx_init_network_try(nl, &config, &missing, &err) != -1)
        return 11;
    return strstr(err.msg, "adding route 0 of eth0") ? 0 : 12;
}

static void in_namespace(int (*run)(void))
{
    int status;
    pid_t pid;

    if (!has_namespaces())
        skip();
    pid = fork();
    if (pid == 0)
        _exit(run());
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void interfaces_swap_names_and_get_all(void **state)
{
    (void)state;
    in_namespace(swap_and_set_up);
}

static void a_gateway_that_is_none(void **state)
{
    (void)state;
    in_namespace(no_gateway_is_said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_built),
        cmocka_unit_test(interfaces_swap_names_and_get_all),
        cmocka_unit_test(a_gateway_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
