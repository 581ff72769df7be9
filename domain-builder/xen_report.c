/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <xenstore.h>

struct reading {
    struct xs_handle *xs;
    uint32_t domid;
    char *value; /* the last one */
};

static const char *read_node(void *ctx, const char *key, size_t *len_r)
{
    struct reading *reading = ctx;
    unsigned int len = 0;
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/%u/" HX_ABI_DIR "/%s",
             reading->domid, key);
    free(reading->value);
    reading->value = xs_read(reading->xs, XBT_NULL, path, &len);
    *len_r = len;
    return reading->value;
}

void hx_xen_report_read(struct xs_handle *xs, uint32_t domid, size_t containers,
                        struct hx_guest_report *report)
{
    struct reading reading = { .xs = xs, .domid = domid };

    hx_guest_report_read(report, containers, read_node, &reading);
    free(reading.value);
}
