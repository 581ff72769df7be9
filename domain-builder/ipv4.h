/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IPv4 addresses and subnets as numbers in host byte order.
 */
#ifndef HX_IPV4_H
#define HX_IPV4_H

#include <stdbool.h>
#include <stdint.h>

#define HX_IPV4_TEXT 19 /* "255.255.255.255/32" and the NUL */

/* prefix 0..32 */
static inline uint32_t hx_ipv4_mask(unsigned prefix)
{
    return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

struct hx_ipv4_net {
    uint32_t address; /* any address of the subnet */
    unsigned prefix;  /* 0..32 */
};

static inline uint32_t hx_ipv4_first(const struct hx_ipv4_net *net)
{
    return net->address & hx_ipv4_mask(net->prefix);
}

static inline uint32_t hx_ipv4_last(const struct hx_ipv4_net *net)
{
    return net->address | ~hx_ipv4_mask(net->prefix);
}

static inline bool hx_ipv4_contains(const struct hx_ipv4_net *net,
                                    uint32_t address)
{
    return hx_ipv4_first(net) == (address & hx_ipv4_mask(net->prefix));
}

/* "172.30.0.9", without a prefix. */
bool hx_ipv4_parse(const char *text, uint32_t *address_r);
/* "172.30.0.9/24". */
bool hx_ipv4_parse_net(const char *text, struct hx_ipv4_net *net_r);

/* Into text_r, which is returned. */
char *hx_ipv4_format(uint32_t address, char text_r[HX_IPV4_TEXT]);
char *hx_ipv4_format_net(const struct hx_ipv4_net *net,
                         char text_r[HX_IPV4_TEXT]);

#endif
