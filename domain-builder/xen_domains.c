/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_domains.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xenctrl.h>

#include "image/base/cleanup.h"

/* Domains asked for in one hypercall; the answer is 120 bytes for each. */
#define BATCH 128

struct hx_xen_ctl {
    xc_interface *xc;
};

int hx_xen_ctl_open(struct hx_xen_ctl **ctl_r, struct hx_err *err)
{
    struct hx_xen_ctl *ctl;

    if (geteuid() != 0)
        return hx_err_set(err, HX_ERR_PRIVILEGE,
                          "asking Xen for its domains: this needs root; try "
                          "it with sudo");
    if (access("/dev/xen/privcmd", F_OK) < 0 &&
        access("/proc/xen/privcmd", F_OK) < 0)
        return hx_err_set(err, HX_ERR_NO_XEN,
                          "asking Xen for its domains: this machine does not "
                          "run on Xen (no /dev/xen/privcmd); boot the Xen "
                          "entry of its boot menu");
    ctl = calloc(1, sizeof(*ctl));
    if (!ctl)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "asking Xen for its domains");
    ctl->xc = xc_interface_open(NULL, NULL, 0);
    if (!ctl->xc) {
        free(ctl);
        return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                          "asking Xen for its domains: opening privcmd");
    }
    *ctl_r = ctl;
    return 0;
}

void hx_xen_ctl_close(struct hx_xen_ctl *ctl)
{
    if (!ctl)
        return;
    xc_interface_close(ctl->xc);
    free(ctl);
}

static enum hx_domain_fate fate_of(const xc_domaininfo_t *info)
{
    unsigned reason =
        (info->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;

    if (info->flags & XEN_DOMINF_dying)
        return HX_DOMAIN_DYING;
    if (!(info->flags & XEN_DOMINF_shutdown))
        return HX_DOMAIN_ALIVE;
    switch (reason) {
    case SHUTDOWN_suspend: /* `xl save`: destroyed, or resumed, by xl */
        return HX_DOMAIN_ALIVE;
    case SHUTDOWN_crash:
    case SHUTDOWN_watchdog:
        return HX_DOMAIN_CRASHED;
    default:
        return HX_DOMAIN_ENDED;
    }
}

static void fill(struct hx_domain *domain, const xc_domaininfo_t *info)
{
    char *p = domain->uuid;

    domain->domid = info->domain;
    domain->fate = fate_of(info);
    domain->paused = info->flags & XEN_DOMINF_paused;
    domain->cpu_ns = info->cpu_time;
    domain->mem_kib = (uint64_t)info->tot_pages << (XC_PAGE_SHIFT - 10);
    for (int i = 0; i < 16; i++)
        p +=
            sprintf(p, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                    info->handle[i]);
}

static int by_uuid(const void *a, const void *b)
{
    const struct hx_domain *x = a, *y = b;
    int order = strcmp(x->uuid, y->uuid);

    /* The living before the dying. */
    return order ? order : (int)x->fate - (int)y->fate;
}

int hx_xen_ctl_list(struct hx_xen_ctl *ctl, struct hx_domains *domains_r,
                    struct hx_err *err)
{
    xc_domaininfo_t infos[BATCH];
    struct hx_domains domains = { 0 };
    uint32_t next = 1;
    int got;

    do {
        struct hx_domain *longer;

        got = xc_domain_getinfolist(ctl->xc, next, BATCH, infos);
        if (got < 0) {
            hx_domains_release(&domains);
            return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                              "asking Xen for its domains");
        }
        longer = reallocarray(domains.list, domains.count + (size_t)got + 1,
                              sizeof(*longer));
        if (!longer) {
            hx_domains_release(&domains);
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "asking Xen for its domains");
        }
        domains.list = longer;
        for (int i = 0; i < got; i++) {
            fill(&domains.list[domains.count++], &infos[i]);
            next = infos[i].domain + 1u;
        }
    } while (got == BATCH);
    qsort(domains.list, domains.count, sizeof(*domains.list), by_uuid);
    *domains_r = domains;
    return 0;
}

int hx_xen_ctl_get(struct hx_xen_ctl *ctl, uint32_t domid,
                   struct hx_domain *domain_r, struct hx_err *err)
{
    xc_domaininfo_t info;
    int got = xc_domain_getinfolist(ctl->xc, domid, 1, &info);

    if (got < 0)
        return hx_err_sys(err, HX_ERR_NO_XEN, errno, "asking Xen for domain %u",
                          domid);
    *domain_r = (struct hx_domain){ .fate = HX_DOMAIN_GONE };
    if (got == 1 && info.domain == domid)
        fill(domain_r, &info);
    return 0;
}

int hx_domains_get(struct hx_domains *domains_r, struct hx_err *err)
{
    struct hx_xen_ctl *ctl = NULL;
    int r = hx_xen_ctl_open(&ctl, err);

    if (r == 0)
        r = hx_xen_ctl_list(ctl, domains_r, err);
    hx_xen_ctl_close(ctl);
    return r;
}

void hx_domains_release(struct hx_domains *domains)
{
    if (!domains)
        return;
    free(domains->list);
    *domains = (struct hx_domains){ 0 };
}

const struct hx_domain *hx_domains_find(const struct hx_domains *domains,
                                        const char *uuid)
{
    size_t low = 0, high = domains->count;

    /* The first of its UUID. */
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(domains->list[middle].uuid, uuid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < domains->count && strcmp(domains->list[low].uuid, uuid) == 0
               ? &domains->list[low]
               : NULL;
}
