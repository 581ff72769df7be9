/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtnetlink requests, one at a time: the kernel does the work within send(2),
 * so each costs two system calls and no waiting.
 *
 *     struct hx_init_nl_request req;
 *
 *     hx_init_nl_link(&req, ifindex);
 *     hx_init_nl_put_u32(&req, IFLA_MTU, 1500);
 *     r = hx_init_nl_talk(fd, &req);             0 or -1 with errno
 */
#ifndef HX_INIT_NETLINK_H
#define HX_INIT_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-init/address.h"

struct hx_init_nl_request {
    union {
        struct nlmsghdr head;
        char buf[512];
    };
};

/* The descriptor is the caller's; -1 with errno. */
int hx_init_nl_open(void);

/* Builders; the pure part. */
void hx_init_nl_link(struct hx_init_nl_request *req, int ifindex);
void hx_init_nl_link_up(struct hx_init_nl_request *req, int ifindex);
void hx_init_nl_address(struct hx_init_nl_request *req, int ifindex,
                        const struct hx_init_prefix *address);
/* via NULL: the target is on the link.  `onlink`: the gateway is, though no
 * address says so. */
void hx_init_nl_route(struct hx_init_nl_request *req, int ifindex,
                      const struct hx_init_prefix *to,
                      const struct hx_init_prefix *via, bool onlink);

void hx_init_nl_put(struct hx_init_nl_request *req, unsigned short type,
                    const void *data, size_t len);
void hx_init_nl_put_u32(struct hx_init_nl_request *req, unsigned short type,
                        uint32_t value);

/* Sends and takes the answer; 0 or -1 with errno. */
int hx_init_nl_talk(int fd, struct hx_init_nl_request *req);

struct hx_init_link {
    int index;
    uint8_t mac[6];
    char name[16];
};

/*
 * All links with a MAC address; how many were there is returned (at most max
 * are stored), or -1 with errno.
 */
int hx_init_nl_links(int fd, struct hx_init_link *links, int max);

#endif
