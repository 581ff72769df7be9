/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network devices of dom0: what bridges and vifs need, by ioctl and rtnetlink.
 *
 * All functions return 0, or -1 with errno; names longer than IFNAMSIZ - 1
 * give ENODEV.  IPv4 addresses are in host byte order here and in all of
 * domain-builder/.
 */
#ifndef HX_NETDEV_H
#define HX_NETDEV_H

#include <stdbool.h>
#include <stdint.h>

/* 1 to 15 printable ASCII characters without '/', ':' and space, not "." or
 * "..": what Linux takes, and what may become part of a path. */
bool hx_netdev_name_valid(const char *name);

bool hx_netdev_exists(const char *name);
bool hx_netdev_is_bridge(const char *name);

int hx_netdev_mtu(const char *name, unsigned *mtu_r);
int hx_netdev_set_mtu(const char *name, unsigned mtu);

/* The first IPv4 address; EADDRNOTAVAIL when there is none. */
int hx_netdev_address(const char *name, uint32_t *address_r,
                      unsigned *prefix_r);
int hx_netdev_set_address(const char *name, uint32_t address, unsigned prefix);

int hx_netdev_up(const char *name);

/*
 * A bridge with a MAC address of its own: without one it would take its
 * ports', and change it when they come and go.  EEXIST: the name is taken.
 */
int hx_netdev_make_bridge(const char *name);
int hx_netdev_remove_bridge(const char *name);

/*
 * Puts `port` into `bridge` and up, without an address of its own (and no
 * IPv6 on it).  Waits at most timeout_ms for `port` to appear (ENODEV
 * then): the kernel announces a vif before it has made it.  ENODEV is also a
 * missing bridge, EBUSY a port of another one.
 */
int hx_netdev_add_port(const char *bridge, const char *port, int timeout_ms);

#endif
