/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file or a folder of dom0 as a tar for a pod. */
#ifndef HX_COPY_CREATE_H
#define HX_COPY_CREATE_H

#include <stdbool.h>

#include "image/base/err.h"

struct hx_create {
    const char *path;
    const char *top; /* what the members' names begin with, "." or a name */
    bool follow;     /* `path` itself may be a link and means its target; so
                        it does without this when it ends in "/" or "/." */
};

/*
 * Writes a pax tar to `out`.  Sockets are left out.  What cannot be read is
 * told in the end, when the rest is written.  HX_ERR_NOT_FOUND: no `path`.
 */
int hx_create(const struct hx_create *how, int out, struct hx_err *err);

#endif
