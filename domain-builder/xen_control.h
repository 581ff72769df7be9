/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be changed of a domain that lives. */
#ifndef HX_XEN_CONTROL_H
#define HX_XEN_CONTROL_H

#include <stdint.h>

#include "domain-builder/host.h"

/* Holds all its virtual CPUs, and lets them go on; one that was built begins
 * held. */
int hx_domain_pause(struct hx_host *host, uint32_t domid, struct hx_err *err);
int hx_domain_unpause(struct hx_host *host, uint32_t domid, struct hx_err *err);

/* One that has the name already is no error.  HX_ERR_EXISTS: another domain
 * has it. */
int hx_domain_rename(struct hx_host *host, uint32_t domid, const char *name,
                     struct hx_err *err);

/* Asks the guest to give memory back, or to take it again, until it has
 * mem_kib; it does that in its own time.  At most what it was built with. */
int hx_domain_set_memory(struct hx_host *host, uint32_t domid, uint64_t mem_kib,
                         struct hx_err *err);

/* Asks the guest to use the first `vcpus` of those it was built with. */
int hx_domain_set_vcpus(struct hx_host *host, uint32_t domid, unsigned vcpus,
                        struct hx_err *err);

#endif
