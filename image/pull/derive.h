/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new image from a stored one and what a pod of it has written: its config
 * with a layer, a line of history and the wanted changes more, and a manifest
 * of OCI's kind.
 */
#ifndef HX_PULL_DERIVE_H
#define HX_PULL_DERIVE_H

#include "image/pull/http.h"
#include "image/store.h"

struct hx_derive {
    const char *base;      /* the id of the image that the pod was made of */
    int disk_fd;           /* the pod's ext4; -1: there is nothing to do */
    const char *folder;    /* the upper folder of an overlayfs on it */
    const char *reference; /* the new image's name with its tag, or NULL */
    const char *made_by;   /* for the history: how it was made */
    const char *author;    /* or NULL */
    const char *message;   /* or NULL */
    int config_fd;         /* a document for hx_change_merge(), or -1 */
    char **changes;        /* lines as in change.h, applied after it; or NULL */
    struct hx_http_times times; /* for layers that are fetched again */
};

/*
 * Reports {"committed": {"id", "clean"}}.  HX_ERR_NOT_FOUND or
 * HX_ERR_UNSUPPORTED when the store has not kept the image's layers and no
 * registry gives them; HX_ERR_USAGE for a change or name that is none.
 */
int hx_derive_run(const struct hx_store *store, const struct hx_derive *derive,
                  struct hx_err *err);

#endif
