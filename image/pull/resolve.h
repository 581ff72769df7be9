/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the document that a tag names to one image: through indexes, also
 * nested ones, to the first manifest whose platform is the wanted one.
 */
#ifndef HX_PULL_RESOLVE_H
#define HX_PULL_RESOLVE_H

#include "image/pull/found.h"

/* Where documents come from. */
struct hx_content {
    const struct hx_store *store;
    /* A manifest or index by its descriptor; size and digest are checked
     * here.  *type_r is the caller's to free, NULL when none is known. */
    int (*document)(void *self, const struct hx_descriptor *descriptor,
                    struct hx_buf *body, char **type_r, struct hx_err *err);
    /* Puts a blob into the store, verified. */
    int (*blob)(void *self, const struct hx_descriptor *descriptor,
                struct hx_err *err);
    void *self;
};

/*
 * Resolves `body`, of `type` (or NULL), whose digest is `digest`.  The
 * manifest and the config are in the store afterwards.
 */
int hx_resolve(const struct hx_content *content, const struct hx_buf *body,
               const char *type, const char *digest,
               const struct hx_platform *wanted, struct hx_found *found_r,
               struct hx_err *err);

#endif
