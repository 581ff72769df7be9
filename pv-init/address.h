/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses as the configuration writes them, turned into what rtnetlink
 * takes.  Pure.
 */
#ifndef HX_INIT_ADDRESS_H
#define HX_INIT_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct hx_init_prefix {
    int family;        /* AF_INET or AF_INET6 */
    uint8_t bytes[16]; /* network order; 4 of them for AF_INET */
    uint8_t bits;      /* of the network part */
};

/* 4 or 16. */
unsigned hx_init_address_len(int family);

/* "172.30.0.2" or "fd00::2": the whole address, bits 32 or 128; 0 or -1. */
int hx_init_address_parse(const char *text, struct hx_init_prefix *out);

/* "172.30.0.2/24", "fd00::2/64", "0.0.0.0/0"; 0 or -1. */
int hx_init_prefix_parse(const char *text, struct hx_init_prefix *out);

/* "00:16:3e:01:02:03"; 0 or -1.  A multicast address is refused. */
int hx_init_mac_parse(const char *text, uint8_t mac[6]);

/* Whether `address` lies in the network of `net`. */
bool hx_init_prefix_covers(const struct hx_init_prefix *net,
                           const struct hx_init_prefix *address);

/* Clears the bits behind the network part, as the kernel wants of a route. */
void hx_init_prefix_mask(struct hx_init_prefix *prefix);

#endif
