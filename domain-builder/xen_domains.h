/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Xen says of its domains: one hypercall for all of them, without libxl
 * and without xenstore, because every command begins with it.
 */
#ifndef HX_XEN_DOMAINS_H
#define HX_XEN_DOMAINS_H

#include "domain-builder/guest-report.h"
#include "image/base/err.h"

struct hx_domain {
    char uuid[HX_POD_UUID_TEXT];
    uint32_t domid;
    enum hx_domain_fate fate; /* never HX_DOMAIN_GONE */
    bool paused;              /* by `xl pause`, or not yet unpaused */
    uint64_t cpu_ns;          /* CPU time used, of all its virtual CPUs */
    uint64_t mem_kib;         /* memory that it has */
};

struct hx_domains {
    struct hx_domain *list; /* by UUID, ascending */
    size_t count;
};

struct hx_xen_ctl; /* a handle on the hypervisor */

/* HX_ERR_PRIVILEGE or HX_ERR_NO_XEN.  *ctl_r is the caller's. */
int hx_xen_ctl_open(struct hx_xen_ctl **ctl_r, struct hx_err *err);
void hx_xen_ctl_close(struct hx_xen_ctl *ctl);

/* All domains but dom0; *domains_r is the caller's. */
int hx_xen_ctl_list(struct hx_xen_ctl *ctl, struct hx_domains *domains_r,
                    struct hx_err *err);
/* One of them; its fate is HX_DOMAIN_GONE, with nothing else filled, when
 * there is none. */
int hx_xen_ctl_get(struct hx_xen_ctl *ctl, uint32_t domid,
                   struct hx_domain *domain_r, struct hx_err *err);

/* Opens, lists, closes. */
int hx_domains_get(struct hx_domains *domains_r, struct hx_err *err);
void hx_domains_release(struct hx_domains *domains);

/* NULL when there is none.  With several (one is being destroyed while the
 * next is built) the living one. */
const struct hx_domain *hx_domains_find(const struct hx_domains *domains,
                                        const char *uuid);

#endif
