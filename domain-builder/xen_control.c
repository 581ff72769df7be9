/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_control.h"

#include <libxl.h>
#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/xen_host.h"
#include "image/base/cleanup.h"

/* libxl, for something new. */
static int begin(struct hx_host *host, libxl_ctx **ctx_r, struct hx_err *err)
{
    int r = hx_xen_libxl(host, ctx_r, err);

    if (r == 0)
        hx_xen_forget(host);
    return r;
}

int hx_domain_pause(struct hx_host *host, uint32_t domid, struct hx_err *err)
{
    libxl_ctx *ctx;
    int r = begin(host, &ctx, err), rc;

    if (r < 0)
        return r;
    rc = libxl_domain_pause(ctx, domid, NULL);
    return rc ? hx_xen_err(host, err, rc, "pausing domain %u", domid) : 0;
}

int hx_domain_unpause(struct hx_host *host, uint32_t domid, struct hx_err *err)
{
    libxl_ctx *ctx;
    int r = begin(host, &ctx, err), rc;

    if (r < 0)
        return r;
    rc = libxl_domain_unpause(ctx, domid, NULL);
    return rc ? hx_xen_err(host, err, rc, "starting domain %u", domid) : 0;
}

int hx_domain_rename(struct hx_host *host, uint32_t domid, const char *name,
                     struct hx_err *err)
{
    _cleanup_free_ char *old = NULL;
    libxl_ctx *ctx;
    uint32_t other = 0;
    int r = begin(host, &ctx, err), rc;

    if (r < 0)
        return r;
    old = libxl_domid_to_name(ctx, domid);
    if (old && strcmp(old, name) == 0)
        return 0;
    if (libxl_name_to_domid(ctx, name, &other) == 0 && other != domid)
        return hx_err_set(err, HX_ERR_EXISTS,
                          "naming domain %u: domain %u has the name %s; take "
                          "another",
                          domid, other, name);
    hx_xen_forget(host);
    rc = libxl_domain_rename(ctx, domid, old, name);
    return rc ? hx_xen_err(host, err, rc, "naming domain %u %s", domid, name)
              : 0;
}

int hx_domain_set_memory(struct hx_host *host, uint32_t domid, uint64_t mem_kib,
                         struct hx_err *err)
{
    libxl_ctx *ctx;
    int r = begin(host, &ctx, err), rc;

    if (r < 0)
        return r;
    /* Enforced: what has been given back cannot be taken against our will. */
    rc = libxl_set_memory_target(ctx, domid, (int64_t)mem_kib, 0, 1);
    return rc ? hx_xen_err(host, err, rc, "setting the memory of domain %u",
                           domid)
              : 0;
}

int hx_domain_set_vcpus(struct hx_host *host, uint32_t domid, unsigned vcpus,
                        struct hx_err *err)
{
    libxl_bitmap online;
    libxl_ctx *ctx;
    int r = begin(host, &ctx, err), rc;

    if (r < 0)
        return r;
    libxl_bitmap_init(&online);
    rc = libxl_cpu_bitmap_alloc(ctx, &online, (int)vcpus);
    for (unsigned i = 0; rc == 0 && i < vcpus; i++)
        libxl_bitmap_set(&online, (int)i);
    if (rc == 0)
        rc = libxl_set_vcpuonline(ctx, domid, &online, NULL);
    libxl_bitmap_dispose(&online);
    return rc ? hx_xen_err(host, err, rc, "setting the CPUs of domain %u",
                           domid)
              : 0;
}
