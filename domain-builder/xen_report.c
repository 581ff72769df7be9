/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <xenstore.h>

static void read_node(struct xs_handle *xs, uint32_t domid, const char *key,
                      struct hx_guest_report *report)
{
    unsigned int len = 0;
    char path[128];
    char *value;

    snprintf(path, sizeof(path), "/local/domain/%u/" HX_ABI_DIR "/%s", domid,
             key);
    value = xs_read(xs, XBT_NULL, path, &len);
    if (value)
        hx_guest_report_take(report, key, value, len);
    free(value);
}

void hx_xen_report_read(struct xs_handle *xs, uint32_t domid, size_t containers,
                        struct hx_guest_report *report)
{
    /* The codes come before "state": who sees that has them. */
    for (size_t i = 0; i < containers && i < HX_ABI_CONTAINERS_MAX; i++) {
        char key[32];

        snprintf(key, sizeof(key), "exit/%zu", i);
        read_node(xs, domid, key, report);
    }
    read_node(xs, domid, "error", report);
    read_node(xs, domid, "stages", report);
    read_node(xs, domid, "state", report);
}
