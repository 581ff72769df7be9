/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pod has which address on a bridge.
 *
 *     RUN/net/BRIDGE/172.30.0.9         -> UUID
 *     RUN/net/BRIDGE/00:16:3e:01:02:03  -> UUID
 *     RUN/net/BRIDGE/.lock              flock; holds the address given last
 *
 * A lease is a symbolic link whose text is the pod's UUID: it appears with
 * its content in one call, or not at all.  RUN is a tmpfs: after a reboot
 * there are no domains and no leases.
 *
 * Addresses are given in turn and not lowest first, so that one that was
 * given back is used again as late as possible: neighbours may still know its
 * former owner's MAC address.  A lease whose pod has no folder any more
 * (`pods_dir`/UUID) is taken over.
 */
#ifndef HX_LEASE_H
#define HX_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain-builder/ipv4.h"
#include "image/base/err.h"

#define HX_MAC_TEXT 18 /* "00:16:3e:01:02:03" and the NUL */

struct hx_lease_place {
    const char *run_dir;  /* /run/hyper */
    const char *pods_dir; /* /var/lib/hyper/pods */
    const char *bridge;   /* a valid device name */
};

struct hx_lease_wish {
    uint32_t address; /* 0: any of the pool */
    uint32_t first;   /* the pool, both ends included */
    uint32_t last;
    const uint32_t *excluded; /* never given from the pool */
    size_t excluded_count;
    bool mac_given;
    uint8_t mac[6]; /* as given; or the first to try, counted up from */
};

/*
 * Takes an address and a MAC address for the pod `uuid`; both are given back
 * by hx_lease_release().  HX_ERR_EXISTS: the address or MAC wished for is in
 * use; the message names the pod.  HX_ERR_LIMIT: the pool is exhausted.
 */
int hx_lease_take(const struct hx_lease_place *place,
                  const struct hx_lease_wish *wish, const char *uuid,
                  uint32_t *address_r, uint8_t mac_r[6], struct hx_err *err);

/* Gives back all that the pod has, on every bridge.  Idempotent. */
int hx_lease_release(const char *run_dir, const char *uuid, struct hx_err *err);

/* Strict: six pairs of hexadecimal digits; unicast and not all zero. */
bool hx_mac_parse(const char *text, uint8_t mac_r[6]);
char *hx_mac_format(const uint8_t mac[6], char text_r[HX_MAC_TEXT]);
/* 00:16:3e (Xen's) and 23 bits of the UUID's text. */
bool hx_mac_from_uuid(const char *uuid, uint8_t mac_r[6]);

#endif
