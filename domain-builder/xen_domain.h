/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domain of a pod: made, started, destroyed.  Everything libxl does for
 * us; no Xen type shows here.
 */
#ifndef HX_XEN_DOMAIN_H
#define HX_XEN_DOMAIN_H

#include <stdint.h>

#include "domain-builder/disks.h"
#include "domain-builder/host.h"
#include "domain-builder/network.h"
#include "domain-builder/pod.h"

/*
 * Decides what type "auto" is here: PVH where the hardware can, else PV.
 * HX_ERR_UNSUPPORTED: this host cannot run the type asked for.  Being the
 * first that talks to Xen, it is also where HX_ERR_NO_XEN and
 * HX_ERR_PRIVILEGE are found.
 */
int hx_domain_choose_type(struct hx_host *host, const struct hx_pod_spec *spec,
                          enum hx_domain_type *type_r, struct hx_err *err);

struct hx_domain_parts {
    const struct hx_pod_spec *spec;
    const char *uuid;
    enum hx_domain_type type; /* PV or PVH */
    const char *ramdisk;
    const struct hx_disks *disks; /* attached */
    const struct hx_network *net;
};

/*
 * Builds the domain and leaves it paused.  When it returns, each vbd's
 * backend has its disk open, so that the loop devices may be let go of.
 * On failure there is no domain.
 *
 * HX_ERR_EXISTS: another domain has the name.  HX_ERR_NO_MEMORY: not enough
 * is free, and dom0 cannot or shall not give (as `xl create`, dom0 is asked
 * to balloon down unless Xen was started with dom0_mem).
 */
int hx_domain_build(struct hx_host *host, const struct hx_domain_parts *parts,
                    uint32_t *domid_r, struct hx_err *err);

/* Destroys the domain with this UUID; none is no error. */
int hx_domain_destroy(struct hx_host *host, const char *uuid,
                      struct hx_err *err);

#endif
