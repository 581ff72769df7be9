/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pod spec + what was prepared for it -> libxl_domain_config.  Pure: asks
 * nothing and touches nothing.
 *
 * The domain has a kernel, a ramdisk, phy vbds, at most one vif and a
 * console; no device model, no frame buffer, no channel - nothing for which
 * libxl would start a QEMU.  Memory equals maxmem.  The guest finds its pod
 * under /local/domain/ID/hyper/pod.
 */
#ifndef HX_XEN_CONFIG_H
#define HX_XEN_CONFIG_H

#include <libxl.h>

#include "domain-builder/disks.h"
#include "domain-builder/network.h"
#include "domain-builder/pod.h"

struct hx_xen_config {
    const struct hx_pod_spec *spec;
    const char *uuid;
    enum hx_domain_type type; /* PV or PVH, decided */
    const char *kernel;
    const char *ramdisk;
    const char *hotplug;          /* absolute path of our helper */
    const struct hx_disks *disks; /* attached */
    const struct hx_network *net; /* with its address, or none */
};

/* *config_r is the caller's, for libxl_domain_config_dispose(). */
int hx_xen_config_make(const struct hx_xen_config *in,
                       libxl_domain_config *config_r, struct hx_err *err);

#endif
