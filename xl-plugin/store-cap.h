/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The size that the image store may have: "image-store-max-size" of
 * daemon.json.
 */
#ifndef HX_STORE_CAP_H
#define HX_STORE_CAP_H

#include <stdint.h>

#include "image/image.h"

/* *bytes_r is 0 when there is no limit.  HX_ERR_USAGE. */
int hx_store_cap_read(const char *daemon_json, uint64_t *bytes_r,
                      struct hx_err *err);

/*
 * To be called when an image may have come into the store since `since_s`
 * (Unix time).  Removes the images used longest ago until the store is no
 * larger than it may be, and says so on stderr; `image` itself stays.  What
 * fails is complained about: the image is there all the same.  Not to be
 * called by who holds an image.
 */
void hx_store_cap_apply(struct hx_store *store, const struct hx_image *image,
                        int64_t since_s);

#endif
