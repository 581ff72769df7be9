/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers of a stored image that the store has not kept, from its registry.
 */
#ifndef HX_PULL_REFETCH_H
#define HX_PULL_REFETCH_H

#include "image/details.h"
#include "image/pull/http.h"

/*
 * Afterwards the store has all compressed layers of the image, and the record
 * names its manifest.  The caller has joined the pulls, and loads `details`
 * anew.  HX_ERR_UNSUPPORTED, or what the registry said, with a way out.
 */
int hx_refetch(const struct hx_store *store,
               const struct hx_image_details *details,
               const struct hx_http_times *times, struct hx_err *err);

#endif
