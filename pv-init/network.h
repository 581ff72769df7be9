/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pod's network, exactly as configured: nothing is asked of the network
 * itself (no DHCP, no duplicate address detection), so nothing is waited for
 * but the interfaces.
 *
 * An interface without any address is brought up and left to the kernel's
 * IPv6 autoconfiguration; one with IPv4 addresses only has IPv6 off, as
 * Docker does it; one with IPv6 addresses takes no router's advice.
 */
#ifndef HX_INIT_NETWORK_H
#define HX_INIT_NETWORK_H

#include "pv-init/base.h"
#include "pv-init/config.h"

/* The loopback interface and the sysctls; needs no device. */
int hx_init_network_base(int nl, struct hx_init_err *err);

/*
 * Sets up all interfaces once each one's device is there: 1 done, 0 not yet
 * (*missing_r is the one still missing), -1 failed.
 */
int hx_init_network_try(int nl, const struct hx_init_config *config,
                        const struct hx_init_interface **missing_r,
                        struct hx_init_err *err);

#endif
