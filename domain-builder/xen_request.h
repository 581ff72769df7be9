/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to a guest, through the node HX_ABI_REQUEST of guest-abi.h. */
#ifndef HX_XEN_REQUEST_H
#define HX_XEN_REQUEST_H

#include <stdint.h>

#include "domain-builder/host.h"

/*
 * Writes "SEQ <verb> <argument>" with the next SEQ; HX_ERR_STATE when `domid`
 * is not the domain `uuid` any more.
 *
 * With a timeout_ms above 0 it waits until the guest has taken what was asked
 * of it before, and then for its acknowledgement: HX_ERR_GUEST when there is
 * none in that time after its boot, for which it has a minute; a domain that
 * ends meanwhile needs no answer.  Without, the request takes the place of one
 * that was not taken yet.
 */
int hx_xen_request(struct hx_host *host, uint32_t domid, const char *uuid,
                   const char *verb, unsigned argument, int timeout_ms,
                   struct hx_err *err);

#endif
