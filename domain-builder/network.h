/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network of one pod: its bridge, and its addresses there.
 *
 *     struct hx_network net = { 0 };
 *     r = hx_network_plan(&conf, &spec->net, uuid, &net, err);
 *     if (!net.none) {
 *         r = hx_network_ensure_bridge(&net, run_dir, err);
 *         r = hx_network_take_address(&net, run_dir, pods_dir, uuid, err);
 *     }
 *     ... hx_lease_release(run_dir, uuid, err) when the pod goes ...
 *
 * Without --network the bridge is the configured one (netconf.h).  The
 * default one, hyper0, is made when missing and stays, as docker0 does.  Any
 * other bridge must be there; its pool is the subnet of dom0's own address on
 * it, and the guest's gateway is dom0's default gateway if that is reached
 * through this bridge, else dom0 itself.  On such a bridge, which others use
 * too, addresses that dom0's neighbour table knows are not given.  Without an
 * address of dom0 there is no pool, and --ip must say ADDRESS/PREFIX.
 */
#ifndef HX_NETWORK_H
#define HX_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/ipv4.h"
#include "domain-builder/lease.h"
#include "domain-builder/netconf.h"
#include "domain-builder/pod.h"

struct hx_network {
    bool none; /* no vif */
    char bridge[IFNAMSIZ];
    bool own;              /* ours to make */
    struct hx_ipv4_net at; /* wished for and then taken; .address 0 before */
    bool prefix_given;
    uint8_t mac[6];
    bool mac_given;
    uint32_t gateway; /* 0: none */
    unsigned mtu;
    const struct hx_netconf *conf; /* borrowed */
};

/* What spec and configuration say; touches nothing.  HX_ERR_USAGE. */
int hx_network_plan(const struct hx_netconf *conf,
                    const struct hx_net_spec *spec, const char *uuid,
                    struct hx_network *net_r, struct hx_err *err);

/*
 * Makes hyper0 when it is missing, and finds the MTU.  HX_ERR_NOT_FOUND: no
 * such bridge.  HX_ERR_UNSUPPORTED: it is no Linux bridge (Open vSwitch).
 * HX_ERR_EXISTS: hyper0's subnet is in use on this host.
 */
int hx_network_ensure_bridge(struct hx_network *net, const char *run_dir,
                             struct hx_err *err);

/* Takes address and MAC address (see lease.h) and finds the gateway. */
int hx_network_take_address(struct hx_network *net, const char *run_dir,
                            const char *pods_dir, const char *uuid,
                            struct hx_err *err);

#endif
