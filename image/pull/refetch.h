/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers of a stored image that the store has not kept, from its registry.
 */
#ifndef HX_PULL_REFETCH_H
#define HX_PULL_REFETCH_H

#include "image/details.h"
#include "image/pull/http.h"

/*
 * Loads an image by its id; afterwards the store has all its compressed
 * layers, and the record names its manifest.  The caller has joined the pulls.
 * HX_ERR_UNSUPPORTED, or what the registry said, with a way out.
 */
int hx_refetch_load(const struct hx_store *store, const char *id,
                    const struct hx_http_times *times,
                    struct hx_image_details *details_r, struct hx_err *err);

/* Whether the store has all of them, by their names and sizes. */
int hx_refetch_has_layers(const struct hx_store *store,
                          const struct hx_image_details *details);

#endif
