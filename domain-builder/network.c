/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/network.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/netdev.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS 10000
#define PROC_MAX_BYTES  (4u << 20)

static int plan_address(const struct hx_net_spec *spec, struct hx_network *net,
                        struct hx_err *err)
{
    if (!spec->ip)
        return 0;
    net->prefix_given = strchr(spec->ip, '/') != NULL;
    if (net->prefix_given ? !hx_ipv4_parse_net(spec->ip, &net->at)
                          : !hx_ipv4_parse(spec->ip, &net->at.address))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: it must be an IPv4 address, with or "
                          "without /PREFIX",
                          spec->ip);
    if (net->prefix_given && (net->at.prefix < 1 || net->at.prefix > 31))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: the prefix must be from 1 to 31", spec->ip);
    if (net->at.address >> 24 == 0 || net->at.address >> 24 == 127 ||
        net->at.address >> 28 >= 14)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: no host can have this address", spec->ip);
    return 0;
}

int hx_network_plan(const struct hx_netconf *conf,
                    const struct hx_net_spec *spec, const char *uuid,
                    struct hx_network *net_r, struct hx_err *err)
{
    struct hx_network net = { .conf = conf };
    const char *bridge = spec->bridge ? spec->bridge : conf->bridge;
    int r;

    net.none = spec->none || (!spec->bridge && conf->none);
    if (net.none && (spec->ip || spec->mac))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip and --mac need a network, and this pod has "
                          "none");
    if (net.none) {
        *net_r = net;
        return 0;
    }
    if (!hx_netdev_name_valid(bridge))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--network %s: this is no name of a bridge", bridge);
    strcpy(net.bridge, bridge);
    net.own = strcmp(bridge, HX_BRIDGE_DEFAULT) == 0;
    r = plan_address(spec, &net, err);
    if (r < 0)
        return r;
    net.mac_given = spec->mac != NULL;
    if (spec->mac && !hx_mac_parse(spec->mac, net.mac))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--mac %s: it must be a unicast address like "
                          "00:16:3e:01:02:03",
                          spec->mac);
    if (!spec->mac && !hx_mac_from_uuid(uuid, net.mac))
        return hx_err_set(err, HX_ERR_USAGE, "'%s' is no UUID", uuid);
    *net_r = net;
    return 0;
}

/* -- the bridge -------------------------------------------------------------*/

static bool overlap(const struct hx_ipv4_net *a, const struct hx_ipv4_net *b)
{
    return hx_ipv4_contains(a, hx_ipv4_first(b)) ||
           hx_ipv4_contains(b, hx_ipv4_first(a));
}

static bool net_of_ifaddr(const struct ifaddrs *ifa, struct hx_ipv4_net *net_r)
{
    struct sockaddr_in address, mask;

    if (!ifa->ifa_addr || ifa->ifa_addr->sa_family != AF_INET ||
        !ifa->ifa_netmask)
        return false;
    memcpy(&address, ifa->ifa_addr, sizeof(address));
    memcpy(&mask, ifa->ifa_netmask, sizeof(mask));
    net_r->address = ntohl(address.sin_addr.s_addr);
    net_r->prefix = (unsigned)__builtin_popcount(mask.sin_addr.s_addr);
    return true;
}

/* The subnet of a bridge to be made must be new to this host. */
static int check_subnet_free(const struct hx_network *net, struct hx_err *err)
{
    char wanted[HX_IPV4_TEXT], there[HX_IPV4_TEXT];
    struct ifaddrs *list = NULL;
    struct hx_ipv4_net other;
    int r = 0;

    if (getifaddrs(&list) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "making bridge %s: reading this host's addresses",
                          net->bridge);
    for (struct ifaddrs *ifa = list; ifa && r == 0; ifa = ifa->ifa_next)
        if (net_of_ifaddr(ifa, &other) && overlap(&net->conf->bip, &other) &&
            strcmp(ifa->ifa_name, net->bridge) != 0)
            r = hx_err_set(
                err, HX_ERR_EXISTS,
                "making bridge %s with %s: %s has %s; choose another \"bip\" "
                "in /etc/hyper/daemon.json",
                net->bridge, hx_ipv4_format_net(&net->conf->bip, wanted),
                ifa->ifa_name, hx_ipv4_format_net(&other, there));
    freeifaddrs(list);
    return r;
}

/* Each part is made when it is missing: a creator killed in the middle has
 * left a bridge without an address. */
static int make_own_bridge(const struct hx_network *net, struct hx_err *err)
{
    const struct hx_ipv4_net *bip = &net->conf->bip;
    int r = check_subnet_free(net, err);

    if (r < 0)
        return r;
    if (!hx_netdev_exists(net->bridge) &&
        hx_netdev_make_bridge(net->bridge) < 0 && errno != EEXIST)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "making bridge %s (is the kernel module 'bridge' "
                          "there?)",
                          net->bridge);
    if ((net->conf->mtu &&
         hx_netdev_set_mtu(net->bridge, net->conf->mtu) < 0) ||
        hx_netdev_up(net->bridge) < 0 ||
        hx_netdev_set_address(net->bridge, bip->address, bip->prefix) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "setting up bridge %s",
                          net->bridge);
    return 0;
}

static int ensure_own_bridge(const struct hx_network *net, const char *run_dir,
                             struct hx_err *err)
{
    const struct hx_ipv4_net *bip = &net->conf->bip;
    _cleanup_free_ char *lock_path = NULL;
    _cleanup_close_ int lock = -1;
    char is[HX_IPV4_TEXT], wanted[HX_IPV4_TEXT];
    struct hx_ipv4_net at;
    int r;

    if (hx_netdev_address(net->bridge, &at.address, &at.prefix) == 0 &&
        hx_netdev_is_bridge(net->bridge)) {
        if (net->conf->bip_given && net->conf->own &&
            (at.address != bip->address || at.prefix != bip->prefix))
            return hx_err_set(err, HX_ERR_STATE,
                              "bridge %s has %s, but daemon.json's \"bip\" "
                              "says %s; make them the same, or remove the "
                              "bridge with 'ip link del %s'",
                              net->bridge, hx_ipv4_format_net(&at, is),
                              hx_ipv4_format_net(bip, wanted), net->bridge);
        return 0;
    }
    if (asprintf(&lock_path, "%s/bridge.lock", run_dir) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "making bridge %s",
                          net->bridge);
    r = hx_mkdir_p(run_dir, 0755, err);
    if (r == 0)
        r = hx_lock(lock_path, 1, LOCK_TIMEOUT_MS, &lock, err);
    return r == 0 ? make_own_bridge(net, err) : r;
}

int hx_network_ensure_bridge(struct hx_network *net, const char *run_dir,
                             struct hx_err *err)
{
    int r = 0;

    if (net->own)
        r = ensure_own_bridge(net, run_dir, err);
    if (r < 0)
        return r;
    if (!hx_netdev_exists(net->bridge))
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "bridge %s does not exist; make it with 'ip link "
                          "add %s type bridge', or leave --network away",
                          net->bridge, net->bridge);
    if (!hx_netdev_is_bridge(net->bridge))
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%s is no Linux bridge (Open vSwitch bridges are "
                          "not supported); name another one with --network",
                          net->bridge);
    if (net->conf->mtu)
        net->mtu = net->conf->mtu;
    else if (hx_netdev_mtu(net->bridge, &net->mtu) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "reading the MTU of bridge %s", net->bridge);
    return 0;
}

/* -- the address ------------------------------------------------------------*/

/* Addresses that the pool must not give. */
struct exclusions {
    uint32_t *list;
    size_t count;
};

static int exclude(struct exclusions *ex, uint32_t address)
{
    uint32_t *list = reallocarray(ex->list, ex->count + 1, sizeof(*list));

    if (!list)
        return -1;
    list[ex->count++] = address;
    ex->list = list;
    return 0;
}

static int exclude_own(struct exclusions *ex)
{
    struct ifaddrs *list = NULL;
    struct hx_ipv4_net net;
    int r = 0;

    if (getifaddrs(&list) < 0)
        return -1;
    for (struct ifaddrs *ifa = list; ifa && r == 0; ifa = ifa->ifa_next)
        if (net_of_ifaddr(ifa, &net))
            r = exclude(ex, net.address);
    freeifaddrs(list);
    return r;
}

/* /proc/net/arp: address, type, flags (2: complete), MAC, mask, device. */
static int exclude_neighbours(struct exclusions *ex, const char *bridge)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    char *save = NULL;
    int r = 0;

    if (hx_file_read("/proc/net/arp", PROC_MAX_BYTES, &text, NULL) < 0)
        return 0;
    for (char *line = strtok_r(text.data, "\n", &save); line && r == 0;
         line = strtok_r(NULL, "\n", &save)) {
        char address[32], device[32];
        unsigned flags;
        uint32_t value;

        if (sscanf(line, "%31s %*s 0x%x %*s %*s %31s", address, &flags,
                   device) == 3 &&
            (flags & 2) && strcmp(device, bridge) == 0 &&
            hx_ipv4_parse(address, &value))
            r = exclude(ex, value);
    }
    return r;
}

/* Dom0's default gateway if it is behind this bridge, else 0.  The columns
 * of /proc/net/route are hexadecimal in network byte order. */
static uint32_t default_gateway(const char *bridge)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    char *save = NULL;

    if (hx_file_read("/proc/net/route", PROC_MAX_BYTES, &text, NULL) < 0)
        return 0;
    for (char *line = strtok_r(text.data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned destination, gateway;
        char device[32];

        if (sscanf(line, "%31s %x %x", device, &destination, &gateway) == 3 &&
            destination == 0 && gateway != 0 && strcmp(device, bridge) == 0)
            return ntohl(gateway);
    }
    return 0;
}

static uint32_t choose_gateway(const struct hx_network *net,
                               const struct hx_ipv4_net *subnet, uint32_t dom0)
{
    uint32_t gateway = 0;

    if (strcmp(net->bridge, net->conf->bridge) == 0)
        gateway = net->conf->gateway;
    if (!gateway && !net->own)
        gateway = default_gateway(net->bridge);
    if (!gateway || !hx_ipv4_contains(subnet, gateway))
        gateway = dom0;
    return hx_ipv4_contains(subnet, gateway) ? gateway : 0;
}

/* The address wished for, with `subnet` filled in. */
static int check_wish(const struct hx_network *net, bool have_dom0,
                      const struct hx_ipv4_net *dom0, struct hx_err *err)
{
    char ip[HX_IPV4_TEXT], there[HX_IPV4_TEXT];

    hx_ipv4_format(net->at.address, ip);
    if (!net->prefix_given && !have_dom0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: dom0 has no IPv4 address on bridge %s to "
                          "tell its subnet; write --ip %s/PREFIX",
                          ip, net->bridge, ip);
    if (!net->prefix_given && !hx_ipv4_contains(dom0, net->at.address))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: it is not in the subnet of bridge %s, "
                          "which has %s",
                          ip, net->bridge, hx_ipv4_format_net(dom0, there));
    if (have_dom0 && net->at.address == dom0->address)
        return hx_err_set(err, HX_ERR_EXISTS,
                          "--ip %s: this is dom0's own address on bridge %s; "
                          "choose another one",
                          ip, net->bridge);
    return 0;
}

static int check_host_part(const struct hx_network *net, struct hx_err *err)
{
    char text[HX_IPV4_TEXT];

    if (net->at.prefix < 31 && (net->at.address == hx_ipv4_first(&net->at) ||
                                net->at.address == hx_ipv4_last(&net->at)))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip %s: this is the subnet's network or broadcast "
                          "address",
                          hx_ipv4_format_net(&net->at, text));
    return 0;
}

static int plan_pool(const struct hx_network *net,
                     const struct hx_ipv4_net *dom0, struct exclusions *ex,
                     struct hx_lease_wish *wish, struct hx_err *err)
{
    const struct hx_ipv4_net *pool = dom0;
    char text[HX_IPV4_TEXT];

    if (net->conf->pool_given && strcmp(net->bridge, net->conf->bridge) == 0) {
        pool = &net->conf->pool;
        if (!hx_ipv4_contains(dom0, hx_ipv4_first(pool)) ||
            !hx_ipv4_contains(dom0, hx_ipv4_last(pool)))
            return hx_err_set(err, HX_ERR_USAGE,
                              "daemon.json's \"fixed-cidr\" is not in the "
                              "subnet of bridge %s, which has %s",
                              net->bridge, hx_ipv4_format_net(dom0, text));
    }
    wish->first = hx_ipv4_first(pool);
    wish->last = hx_ipv4_last(pool);
    if (exclude(ex, hx_ipv4_first(dom0)) < 0 ||
        exclude(ex, hx_ipv4_last(dom0)) < 0 ||
        exclude(ex, choose_gateway(net, dom0, dom0->address)) < 0 ||
        exclude_own(ex) < 0 ||
        (!net->own && exclude_neighbours(ex, net->bridge) < 0))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "choosing an address on bridge %s", net->bridge);
    wish->excluded = ex->list;
    wish->excluded_count = ex->count;
    return 0;
}

static int plan_wish(struct hx_network *net, struct exclusions *ex,
                     struct hx_lease_wish *wish, struct hx_err *err)
{
    struct hx_ipv4_net dom0 = { 0 };
    bool have_dom0;
    int r;

    have_dom0 =
        hx_netdev_address(net->bridge, &dom0.address, &dom0.prefix) == 0;
    if (net->at.address) {
        r = check_wish(net, have_dom0, &dom0, err);
        if (r == 0 && !net->prefix_given)
            net->at.prefix = dom0.prefix;
        if (r == 0)
            r = check_host_part(net, err);
        wish->address = net->at.address;
    } else if (!have_dom0) {
        r = hx_err_set(err, HX_ERR_USAGE,
                       "dom0 has no IPv4 address on bridge %s, so there is no "
                       "subnet to take one from; give one with --ip "
                       "ADDRESS/PREFIX",
                       net->bridge);
    } else {
        r = plan_pool(net, &dom0, ex, wish, err);
        net->at.prefix = dom0.prefix;
    }
    net->gateway = dom0.address;
    return r;
}

int hx_network_take_address(struct hx_network *net, const char *run_dir,
                            const char *pods_dir, const char *uuid,
                            struct hx_err *err)
{
    const struct hx_lease_place place = { run_dir, pods_dir, net->bridge };
    struct hx_lease_wish wish = { .mac_given = net->mac_given };
    struct exclusions ex = { 0 };
    int r;

    memcpy(wish.mac, net->mac, sizeof(wish.mac));
    r = plan_wish(net, &ex, &wish, err);
    if (r == 0)
        r = hx_lease_take(&place, &wish, uuid, &net->at.address, net->mac, err);
    free(ex.list);
    if (r == 0)
        net->gateway = choose_gateway(net, &net->at, net->gateway);
    return r;
}
