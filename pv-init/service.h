/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an OPEN may ask for in place of a program (channel-abi.h): tars of a
 * container's files, and its processes.  Done by pv-init's own code in a
 * process of its own, with stdin, stdout and stderr as a program has them.
 */
#ifndef HX_INIT_SERVICE_H
#define HX_INIT_SERVICE_H

#include <stdbool.h>

#include "pv-init/json-fields.h"

enum hx_init_service_kind {
    HX_INIT_SERVICE_NONE, /* a program is wanted */
    HX_INIT_SERVICE_GET,
    HX_INIT_SERVICE_PUT,
    HX_INIT_SERVICE_PROCESSES
};

struct hx_init_service {
    enum hx_init_service_kind kind;
    const char *path; /* absolute; strings are the JSON document's */
    const char *top;  /* or NULL */
    bool follow, keep_owner;
    unsigned container; /* of PROCESSES: index */
};

/* From the request's object; 0, or -1 and a sentence. */
int hx_init_service_parse(struct hx_init_fields *at,
                          struct hx_init_service *out);

/*
 * Does it and ends the process, with 0, or with 1 and a sentence on stderr.
 * GET and PUT: in the container's root.  PROCESSES: in pv-init's own
 * namespaces.  All descriptors but the first three are closed before.
 */
void hx_init_service_run(const struct hx_init_service *service)
    __attribute__((noreturn));

#endif
