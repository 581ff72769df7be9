/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libxl.h>
#include <libxl_utils.h>
#include <libxl_uuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <xenstore.h>

#include "domain-builder/xen_domain.h"
#include "domain-builder/xen_host.h"

/*
 * Whether anything is left for libxl to do.  A dying domain that somebody
 * else destroyed has no xenstore node any more; it is kept by Xen until the
 * last backend has unmapped its pages, and another destroy only fails.
 */
static bool is_destroyed(struct hx_host *host, const libxl_dominfo *info)
{
    struct xs_handle *xs;
    char path[64], *vm;
    unsigned len;

    if (!info->dying || hx_xen_store(host, &xs, NULL) < 0)
        return false;
    snprintf(path, sizeof(path), "/local/domain/%u/vm", info->domid);
    vm = xs_read(xs, XBT_NULL, path, &len);
    free(vm);
    return vm == NULL;
}

static int destroy_one(struct hx_host *host, libxl_ctx *ctx,
                       const libxl_dominfo *info, struct hx_err *err)
{
    uint32_t domid = info->domid;
    int rc;

    if (is_destroyed(host, info))
        return 0;
    hx_xen_forget(host);
    rc = libxl_domain_destroy(ctx, domid, NULL);
    /* `xl destroy` may have been faster. */
    if (rc && libxl_domain_info(ctx, NULL, domid) != ERROR_DOMAIN_NOTFOUND)
        return hx_xen_err(host, err, rc, "destroying domain %u", domid);
    hx_xen_forget(host);
    return 0;
}

int hx_domain_destroy(struct hx_host *host, const char *uuid,
                      struct hx_err *err)
{
    libxl_dominfo *list;
    libxl_uuid wanted;
    libxl_ctx *ctx;
    int count, r = hx_xen_libxl(host, &ctx, err);

    if (r < 0)
        return r;
    if (libxl_uuid_from_string(&wanted, uuid))
        return hx_err_set(err, HX_ERR_USAGE, "'%s' is no UUID", uuid);
    /* The hypervisor's list: a domain whose maker was killed early has no
     * node in xenstore. */
    list = libxl_list_domain(ctx, &count);
    if (!list)
        return hx_xen_err(host, err, ERROR_FAIL, "listing the domains");
    for (int i = 0; i < count && r == 0; i++)
        if (libxl_uuid_compare(&list[i].uuid, &wanted) == 0)
            r = destroy_one(host, ctx, &list[i], err);
    libxl_dominfo_list_free(list, count);
    return r;
}
