/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest has written under data/hyper, read from xenstore. */
#ifndef HX_XEN_REPORT_H
#define HX_XEN_REPORT_H

#include "domain-builder/guest-report.h"

struct xs_handle;

/*
 * Reads every node of the contract, and none other; what is there and allowed
 * replaces what *report had, so that words of a domain that is gone stay.
 */
void hx_xen_report_read(struct xs_handle *xs, uint32_t domid, size_t containers,
                        struct hx_guest_report *report);

#endif
