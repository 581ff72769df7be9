/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/network.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pv-init/netlink.h"

#define LOOPBACK_INDEX 1
/* More devices than a domain can have vifs. */
#define LINKS_MAX 64

/* A sysctl that this kernel may lack. */
static void put_sysctl(const char *family, const char *name, const char *field,
                       const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name,
             field);
    hx_init_put_file(path, value);
}

int hx_init_network_base(int nl, struct hx_init_err *err)
{
    struct hx_init_nl_request req;

    /* Docker's defaults: a server may drop root and still take port 80, and
     * ping needs no privilege. */
    hx_init_put_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    hx_init_put_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    hx_init_nl_link_up(&req, LOOPBACK_INDEX);
    if (hx_init_nl_talk(nl, &req) < 0)
        return hx_init_fail_sys(err, errno, "bringing up lo");
    return 0;
}

static const struct hx_init_link *find_mac(const struct hx_init_link *links,
                                           int count, const uint8_t mac[6])
{
    int i;

    for (i = 0; i < count; i++) {
        if (memcmp(links[i].mac, mac, sizeof(links[i].mac)) == 0)
            return &links[i];
    }
    return NULL;
}

static int rename_link(int nl, int ifindex, const char *name)
{
    struct hx_init_nl_request req;

    hx_init_nl_link(&req, ifindex);
    hx_init_nl_put(&req, IFLA_IFNAME, name, strlen(name) + 1);
    return hx_init_nl_talk(nl, &req);
}

/*
 * Gives the interfaces their names.  Those that are to change first step
 * aside, so that two can swap theirs.
 */
static int name_links(int nl, const struct hx_init_config *config,
                      const struct hx_init_link *const *found,
                      struct hx_init_err *err)
{
    size_t i;
    int pass;

    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < config->interface_count; i++) {
            const char *name = config->interfaces[i].name;
            char aside[24];

            if (strcmp(found[i]->name, name) == 0)
                continue;
            snprintf(aside, sizeof(aside), "hx-%u", (unsigned)i);
            if (rename_link(nl, found[i]->index, pass ? name : aside) < 0)
                return hx_init_fail_sys(err, errno, "naming interface %s",
                                        name);
        }
    }
    return 0;
}

static void choose_autoconfiguration(const struct hx_init_interface *interface)
{
    const char *name = interface->name;
    bool has_v4 = false, has_v6 = false;
    size_t i;

    for (i = 0; i < interface->address_count; i++) {
        if (interface->addresses[i].family == AF_INET)
            has_v4 = true;
        else
            has_v6 = true;
    }
    /* Tell the bridge and the neighbours whose the address is now: they may
     * remember a domain that had it before. */
    put_sysctl("ipv4", name, "arp_notify", "1");
    if (has_v6) {
        put_sysctl("ipv6", name, "ndisc_notify", "1");
        put_sysctl("ipv6", name, "accept_ra", "0");
        put_sysctl("ipv6", name, "autoconf", "0");
        put_sysctl("ipv6", name, "accept_dad", "0");
    } else if (has_v4) {
        put_sysctl("ipv6", name, "disable_ipv6", "1");
    }
}

/* Whether one of the interface's networks holds the gateway. */
static bool is_reachable(const struct hx_init_interface *interface,
                         const struct hx_init_prefix *via)
{
    size_t i;

    for (i = 0; i < interface->address_count; i++) {
        if (hx_init_prefix_covers(&interface->addresses[i], via))
            return true;
    }
    return false;
}

/* The addresses come before "up", which announces them (arp_notify). */
static int set_up(int nl, const struct hx_init_interface *interface,
                  int ifindex, struct hx_init_err *err)
{
    struct hx_init_nl_request req;
    size_t i;

    hx_init_nl_link(&req, ifindex);
    hx_init_nl_put_u32(&req, IFLA_MTU, interface->mtu);
    if (hx_init_nl_talk(nl, &req) < 0)
        return hx_init_fail_sys(err, errno, "setting the MTU %u of %s",
                                interface->mtu, interface->name);
    choose_autoconfiguration(interface);
    for (i = 0; i < interface->address_count; i++) {
        hx_init_nl_address(&req, ifindex, &interface->addresses[i]);
        if (hx_init_nl_talk(nl, &req) < 0)
            return hx_init_fail_sys(err, errno, "giving %s its address %zu",
                                    interface->name, i);
    }
    hx_init_nl_link_up(&req, ifindex);
    if (hx_init_nl_talk(nl, &req) < 0)
        return hx_init_fail_sys(err, errno, "bringing up %s", interface->name);
    for (i = 0; i < interface->route_count; i++) {
        const struct hx_init_route *route = &interface->routes[i];

        hx_init_nl_route(
            &req, ifindex, &route->to, route->has_via ? &route->via : NULL,
            route->has_via && !is_reachable(interface, &route->via));
        if (hx_init_nl_talk(nl, &req) < 0 && errno != EEXIST)
            return hx_init_fail_sys(err, errno, "adding route %zu of %s", i,
                                    interface->name);
    }
    return 0;
}

int hx_init_network_try(int nl, const struct hx_init_config *config,
                        const struct hx_init_interface **missing_r,
                        struct hx_init_err *err)
{
    const struct hx_init_link *found[HX_INIT_INTERFACES_MAX];
    struct hx_init_link links[LINKS_MAX];
    size_t i;
    int count;

    if (config->interface_count == 0)
        return 1;
    count = hx_init_nl_links(nl, links, LINKS_MAX);
    if (count < 0)
        return hx_init_fail_sys(err, errno, "listing the network interfaces");
    if (count > LINKS_MAX)
        count = LINKS_MAX;
    for (i = 0; i < config->interface_count; i++) {
        found[i] = find_mac(links, count, config->interfaces[i].mac);
        if (!found[i]) {
            *missing_r = &config->interfaces[i];
            return 0;
        }
    }
    if (name_links(nl, config, found, err) < 0)
        return -1;
    for (i = 0; i < config->interface_count; i++) {
        if (set_up(nl, &config->interfaces[i], found[i]->index, err) < 0)
            return -1;
    }
    return 1;
}
