/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request of an OPEN (channel-abi.h): its JSON as a struct.  Pure. */
#ifndef HX_INIT_EXEC_REQUEST_H
#define HX_INIT_EXEC_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "pv-init/base.h"
#include "pv-init/service.h"

struct hx_init_exec_request {
    unsigned container; /* below HX_ABI_CONTAINERS_MAX */
    bool vm;            /* beside pv-init; in no container */
    const char **args;  /* at least one; ends in NULL, as env does; NULL with
                           a service */
    const char **env;
    const char *user; /* NULL: the container's */
    const char *cwd;  /* absolute; NULL: the container's */
    bool tty, has_stdin, privileged, detach;
    unsigned rows, columns;         /* 1..65535 */
    struct hx_init_service service; /* in place of a program, or none */
    json_t *doc;                    /* owns every string above */
};

/* *out is zeroed first, and to be released in any case. */
int hx_init_exec_request_parse(const char *data, size_t len,
                               struct hx_init_exec_request *out,
                               struct hx_init_err *err);
void hx_init_exec_request_release(struct hx_init_exec_request *request);

/*
 * `env` with the request's over it: a list that ends in NULL, the caller's,
 * whose strings are borrowed.  NULL without memory.
 */
const char **
hx_init_exec_request_env(const struct hx_init_exec_request *request,
                         const char **env);

#endif
