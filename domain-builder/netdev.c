/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"

bool hx_netdev_name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return false;
    for (const char *p = name; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '/' || *p == ':')
            return false;
    return true;
}

/* One ioctl on a device, with the name filled in. */
static int call(unsigned long request, const char *name, struct ifreq *ifr)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (!hx_netdev_name_valid(name)) {
        errno = ENODEV;
        return -1;
    }
    strcpy(ifr->ifr_name, name);
    return ioctl(fd, request, ifr) < 0 ? -1 : 0;
}

bool hx_netdev_exists(const char *name)
{
    struct ifreq ifr = { 0 };

    return call(SIOCGIFINDEX, name, &ifr) == 0;
}

bool hx_netdev_is_bridge(const char *name)
{
    char path[sizeof("/sys/class/net//bridge") + IFNAMSIZ];

    if (!hx_netdev_name_valid(name))
        return false;
    snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", name);
    return access(path, F_OK) == 0;
}

int hx_netdev_mtu(const char *name, unsigned *mtu_r)
{
    struct ifreq ifr = { 0 };

    if (call(SIOCGIFMTU, name, &ifr) < 0)
        return -1;
    *mtu_r = (unsigned)ifr.ifr_mtu;
    return 0;
}

int hx_netdev_set_mtu(const char *name, unsigned mtu)
{
    struct ifreq ifr = { .ifr_mtu = (int)mtu };

    return call(SIOCSIFMTU, name, &ifr);
}

static uint32_t get_address(const struct ifreq *ifr)
{
    struct sockaddr_in in;

    memcpy(&in, &ifr->ifr_addr, sizeof(in));
    return ntohl(in.sin_addr.s_addr);
}

int hx_netdev_address(const char *name, uint32_t *address_r, unsigned *prefix_r)
{
    struct ifreq address = { 0 }, mask = { 0 };

    if (call(SIOCGIFADDR, name, &address) < 0 ||
        call(SIOCGIFNETMASK, name, &mask) < 0)
        return -1;
    *address_r = get_address(&address);
    *prefix_r = (unsigned)__builtin_popcount(get_address(&mask));
    return 0;
}

/* Sends one request of rtnetlink and takes its acknowledgement. */
static int route_call(struct nlmsghdr *request)
{
    _cleanup_close_ int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct {
        struct nlmsghdr head;
        struct nlmsgerr result;
    } answer;
    ssize_t n;

    if (fd < 0 || send(fd, request, request->nlmsg_len, 0) < 0)
        return -1;
    n = recv(fd, &answer, sizeof(answer), 0);
    if (n >= 0 &&
        ((size_t)n < sizeof(answer) || answer.head.nlmsg_type != NLMSG_ERROR)) {
        errno = EPROTO;
        return -1;
    }
    if (n >= 0)
        errno = -answer.result.error;
    return n < 0 || answer.result.error ? -1 : 0;
}

/* Address and prefix at once: the ioctls would set the one after the other,
 * and whoever looks between them, or after a kill there, sees a wrong net. */
int hx_netdev_set_address(const char *name, uint32_t address, unsigned prefix)
{
    uint32_t hosts = prefix ? ~(UINT32_MAX << (32 - prefix)) : UINT32_MAX;
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg address;
        struct {
            struct rtattr head;
            uint32_t value;
        } attr[3];
    } request = {
        .head = {
            .nlmsg_len = sizeof(request),
            .nlmsg_type = RTM_NEWADDR,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
                           NLM_F_REPLACE,
        },
        .address = {
            .ifa_family = AF_INET,
            .ifa_prefixlen = (unsigned char)prefix,
            .ifa_index = if_nametoindex(name),
        },
        .attr = {
            { { sizeof(request.attr[0]), IFA_LOCAL }, htonl(address) },
            { { sizeof(request.attr[0]), IFA_ADDRESS }, htonl(address) },
            { { sizeof(request.attr[0]), IFA_BROADCAST },
              htonl(address | hosts) },
        },
    };

    return request.address.ifa_index ? route_call(&request.head) : -1;
}

static int change_flags(const char *name, short set, short clear)
{
    struct ifreq ifr = { 0 };

    if (call(SIOCGIFFLAGS, name, &ifr) < 0)
        return -1;
    ifr.ifr_flags = (short)((ifr.ifr_flags | set) & ~clear);
    return call(SIOCSIFFLAGS, name, &ifr);
}

int hx_netdev_up(const char *name)
{
    return change_flags(name, IFF_UP, 0);
}

static int bridge_call(unsigned long request, const char *name)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (!hx_netdev_name_valid(name)) {
        errno = ENODEV;
        return -1;
    }
    return ioctl(fd, request, name) < 0 ? -1 : 0;
}

int hx_netdev_make_bridge(const char *name)
{
    struct ifreq ifr = { .ifr_hwaddr = { .sa_family = ARPHRD_ETHER } };
    unsigned char mac[6] = { 0x02, 0x16, 0x3e }; /* locally administered */

    if (getrandom(mac + 3, 3, 0) != 3 || bridge_call(SIOCBRADDBR, name) < 0)
        return -1;
    memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof(mac));
    if (call(SIOCSIFHWADDR, name, &ifr) < 0) {
        int saved = errno;

        hx_netdev_remove_bridge(name);
        errno = saved;
        return -1;
    }
    return 0;
}

int hx_netdev_remove_bridge(const char *name)
{
    change_flags(name, 0, IFF_UP);
    return bridge_call(SIOCBRDELBR, name);
}

static int port_call(unsigned long request, const char *bridge,
                     const char *port)
{
    struct ifreq ifr = { 0 };

    if (call(SIOCGIFINDEX, port, &ifr) < 0)
        return -1;
    return call(request, bridge, &ifr);
}

/* Dom0 would give each port a link-local address and solicit through it. */
static void forbid_ipv6(const char *port)
{
    char path[sizeof("/proc/sys/net/ipv6/conf//disable_ipv6") + IFNAMSIZ];
    _cleanup_close_ int fd = -1;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
             port);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1", 1) < 0)
        return; /* noise, but no harm */
}

static int add_port_now(const char *bridge, const char *port)
{
    if (port_call(SIOCBRADDIF, bridge, port) < 0)
        return -1;
    forbid_ipv6(port);
    return change_flags(port, IFF_UP, 0);
}

/* A socket that becomes readable when a link comes, goes or changes. */
static int watch_links(void)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int hx_netdev_add_port(const char *bridge, const char *port, int timeout_ms)
{
    int64_t until = hx_clock_monotonic_ms() + timeout_ms;
    _cleanup_close_ int links = -1;
    char event[4096];

    if (add_port_now(bridge, port) == 0)
        return 0;
    if (errno != ENODEV || !hx_netdev_exists(bridge))
        return -1;
    links = watch_links();
    if (links < 0)
        return -1;
    for (;;) {
        struct pollfd pfd = { .fd = links, .events = POLLIN };
        int64_t left;

        if (add_port_now(bridge, port) == 0)
            return 0;
        if (errno != ENODEV)
            return -1;
        left = until - hx_clock_monotonic_ms();
        if (left <= 0 || (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)) {
            errno = ENODEV;
            return -1;
        }
        while (recv(links, event, sizeof(event), MSG_DONTWAIT) > 0)
            ;
    }
}
