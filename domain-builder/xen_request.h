/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to a guest, through the node HX_ABI_REQUEST of guest-abi.h. */
#ifndef HX_XEN_REQUEST_H
#define HX_XEN_REQUEST_H

#include <stdint.h>

#include "domain-builder/host.h"

/*
 * Writes "SEQ <verb> <argument>" with the next SEQ.  With a timeout_ms above 0
 * waits for the guest's acknowledgement: HX_ERR_GUEST when there is none in
 * that time after its boot, for which it has a minute; a domain that ends
 * meanwhile needs no answer.  The caller sees to it that one request is made at
 * a time.
 */
int hx_xen_request(struct hx_host *host, uint32_t domid, const char *verb,
                   unsigned argument, int timeout_ms, struct hx_err *err);

#endif
