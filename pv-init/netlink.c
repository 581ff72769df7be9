/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int hx_init_nl_open(void)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Begins a message; its fixed part is zeroed and returned. */
static void *begin(struct hx_init_nl_request *req, uint16_t type,
                   uint16_t flags, size_t fixed_len)
{
    memset(req, 0, sizeof(*req));
    req->head.nlmsg_type = type;
    req->head.nlmsg_flags = NLM_F_REQUEST | flags;
    req->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(fixed_len);
    return NLMSG_DATA(&req->head);
}

void hx_init_nl_put(struct hx_init_nl_request *req, unsigned short type,
                    const void *data, size_t len)
{
    size_t at = NLMSG_ALIGN(req->head.nlmsg_len);
    struct rtattr attr = { .rta_type = type,
                           .rta_len = (unsigned short)RTA_LENGTH(len) };

    /* All our messages are of a few small parts; see the size of buf. */
    if (at + RTA_SPACE(len) > sizeof(req->buf))
        return;
    memcpy(req->buf + at, &attr, sizeof(attr));
    memcpy(req->buf + at + RTA_LENGTH(0), data, len);
    req->head.nlmsg_len = (uint32_t)(at + RTA_LENGTH(len));
}

void hx_init_nl_put_u32(struct hx_init_nl_request *req, unsigned short type,
                        uint32_t value)
{
    hx_init_nl_put(req, type, &value, sizeof(value));
}

void hx_init_nl_link(struct hx_init_nl_request *req, int ifindex)
{
    struct ifinfomsg *link = begin(req, RTM_SETLINK, NLM_F_ACK, sizeof(*link));

    link->ifi_family = AF_UNSPEC;
    link->ifi_index = ifindex;
}

void hx_init_nl_link_up(struct hx_init_nl_request *req, int ifindex)
{
    struct ifinfomsg *link = begin(req, RTM_SETLINK, NLM_F_ACK, sizeof(*link));

    link->ifi_family = AF_UNSPEC;
    link->ifi_index = ifindex;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
}

void hx_init_nl_address(struct hx_init_nl_request *req, int ifindex,
                        const struct hx_init_prefix *address)
{
    struct ifaddrmsg *msg =
        begin(req, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
              sizeof(*msg));
    unsigned len = hx_init_address_len(address->family);

    msg->ifa_family = (uint8_t)address->family;
    msg->ifa_prefixlen = address->bits;
    msg->ifa_index = (uint32_t)ifindex;
    /* dom0 gave the address away once; asking the network would take 1 s. */
    if (address->family == AF_INET6)
        msg->ifa_flags = IFA_F_NODAD;
    hx_init_nl_put(req, IFA_LOCAL, address->bytes, len);
    hx_init_nl_put(req, IFA_ADDRESS, address->bytes, len);
    if (address->family == AF_INET && address->bits < 31) {
        uint8_t broadcast[4];
        unsigned i;

        for (i = 0; i < 4; i++) {
            unsigned first = i * 8;
            uint8_t host = 0xff;

            if (address->bits >= first + 8)
                host = 0;
            else if (address->bits > first)
                host = (uint8_t)(0xff >> (address->bits - first));
            broadcast[i] = address->bytes[i] | host;
        }
        hx_init_nl_put(req, IFA_BROADCAST, broadcast, sizeof(broadcast));
    }
}

void hx_init_nl_route(struct hx_init_nl_request *req, int ifindex,
                      const struct hx_init_prefix *to,
                      const struct hx_init_prefix *via, bool onlink)
{
    struct rtmsg *msg = begin(
        req, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*msg));
    unsigned len = hx_init_address_len(to->family);

    msg->rtm_family = (uint8_t)to->family;
    msg->rtm_dst_len = to->bits;
    msg->rtm_table = RT_TABLE_MAIN;
    msg->rtm_protocol = RTPROT_BOOT;
    msg->rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    msg->rtm_type = RTN_UNICAST;
    if (via && onlink)
        msg->rtm_flags = RTNH_F_ONLINK;
    if (to->bits > 0)
        hx_init_nl_put(req, RTA_DST, to->bytes, len);
    if (via)
        hx_init_nl_put(req, RTA_GATEWAY, via->bytes, len);
    hx_init_nl_put_u32(req, RTA_OIF, (uint32_t)ifindex);
}

static int send_request(int fd, const struct hx_init_nl_request *req)
{
    ssize_t n;

    do {
        n = send(fd, req->buf, req->head.nlmsg_len, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

static ssize_t receive(int fd, void *buf, size_t size)
{
    ssize_t n;

    do {
        n = recv(fd, buf, size, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

int hx_init_nl_talk(int fd, struct hx_init_nl_request *req)
{
    union {
        struct nlmsghdr head;
        char buf[1024];
    } answer;
    struct nlmsgerr *result = NLMSG_DATA(&answer.head);
    ssize_t n;

    if (send_request(fd, req) < 0)
        return -1;
    n = receive(fd, answer.buf, sizeof(answer.buf));
    if (n < 0)
        return -1;
    if (!NLMSG_OK(&answer.head, (size_t)n) ||
        answer.head.nlmsg_type != NLMSG_ERROR) {
        errno = EPROTO;
        return -1;
    }
    errno = -result->error;
    return result->error == 0 ? 0 : -1;
}

/* One RTM_NEWLINK; false when it has no MAC address or no name. */
static bool read_link(struct nlmsghdr *head, struct hx_init_link *out)
{
    struct ifinfomsg *link = NLMSG_DATA(head);
    struct rtattr *attr = IFLA_RTA(link);
    int left = (int)IFLA_PAYLOAD(head);
    bool has_mac = false;

    memset(out, 0, sizeof(*out));
    out->index = link->ifi_index;
    for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
        size_t len = RTA_PAYLOAD(attr);

        if (attr->rta_type == IFLA_ADDRESS && len == sizeof(out->mac)) {
            memcpy(out->mac, RTA_DATA(attr), len);
            has_mac = true;
        } else if (attr->rta_type == IFLA_IFNAME) {
            memcpy(out->name, RTA_DATA(attr),
                   len < sizeof(out->name) ? len : sizeof(out->name) - 1);
        }
    }
    return has_mac && link->ifi_type == ARPHRD_ETHER && out->name[0];
}

int hx_init_nl_links(int fd, struct hx_init_link *links, int max)
{
    struct hx_init_nl_request req;
    struct ifinfomsg *ask;
    /* The kernel fills datagrams of up to 32 KiB, and cuts what is longer. */
    union {
        struct nlmsghdr head;
        char buf[16384];
    } answer;
    int count = 0;

    ask = begin(&req, RTM_GETLINK, NLM_F_DUMP, sizeof(*ask));
    ask->ifi_family = AF_UNSPEC;
    if (send_request(fd, &req) < 0)
        return -1;
    for (;;) {
        ssize_t n = receive(fd, answer.buf, sizeof(answer.buf));
        struct nlmsghdr *head = &answer.head;
        size_t left = n < 0 ? 0 : (size_t)n;

        if (n < 0)
            return -1;
        for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
            struct hx_init_link found;

            if (head->nlmsg_type == NLMSG_DONE)
                return count;
            if (head->nlmsg_type == NLMSG_ERROR) {
                errno = EPROTO;
                return -1;
            }
            if (!read_link(head, &found))
                continue;
            if (count < max)
                links[count] = found;
            count++;
        }
    }
}
