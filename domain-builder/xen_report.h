/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest has written under data/hyper, read by libxenstore. */
#ifndef HX_XEN_REPORT_H
#define HX_XEN_REPORT_H

#include "domain-builder/guest-report.h"

struct xs_handle;

void hx_xen_report_read(struct xs_handle *xs, uint32_t domid, size_t containers,
                        struct hx_guest_report *report);

#endif
