/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network part of /etc/hyper/daemon.json, with the keys and meanings of
 * Docker's file of that name:
 *
 *     { "bridge": "xenbr0",              an existing bridge; or "none"
 *       "bip": "172.30.0.1/16",          address of the bridge that is made
 *       "fixed-cidr": "172.30.8.0/24",   the pool, a part of the subnet
 *       "default-gateway": "172.30.0.254",
 *       "mtu": 1500,
 *       "dns": ["10.0.0.1"], "dns-search": ["example.org"], "dns-opts": [] }
 *
 * Without "bridge" it is hyper0, made when missing with "bip" as its address.
 * Without "dns" the guest gets dom0's servers, but no loopback address, which
 * would mean the guest itself; that may leave none.  Other keys belong to
 * others (image/).
 */
#ifndef HX_NETCONF_H
#define HX_NETCONF_H

#include <stdbool.h>

#include "domain-builder/ipv4.h"
#include "image/base/err.h"
#include "image/base/strv.h"

#define HX_BRIDGE_DEFAULT "hyper0"

struct hx_netconf {
    char *bridge; /* never NULL */
    bool own;     /* hyper0: ours to make */
    bool none;    /* "bridge": "none": pods have no vif by default */
    bool bip_given;
    struct hx_ipv4_net bip;
    bool pool_given;
    struct hx_ipv4_net pool;
    uint32_t gateway; /* 0: not given */
    unsigned mtu;     /* 0: the bridge's */
    char **dns;       /* NULL: dom0's */
    char **dns_search;
    char **dns_opts;
};

/* A missing file gives the defaults.  HX_ERR_USAGE: a value is wrong.
 * *conf_r is the caller's, to release. */
int hx_netconf_load(const char *path, struct hx_netconf *conf_r,
                    struct hx_err *err);
void hx_netconf_release(struct hx_netconf *conf);

struct hx_dns {
    char **servers;
    char **search;
    char **options;
};

/* What the guest's resolv.conf gets; `resolv_conf` is dom0's file, which may
 * be missing.  *dns_r is the caller's, to release. */
int hx_netconf_dns(const struct hx_netconf *conf, const char *resolv_conf,
                   struct hx_dns *dns_r, struct hx_err *err);
void hx_dns_release(struct hx_dns *dns);

#endif
