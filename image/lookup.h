/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which stored image a command means: by a reference, by its id, or by what
 * begins the id.  Unlike hx_image_get() this asks nobody else, and takes
 * images of any platform.
 */
#ifndef HX_LOOKUP_H
#define HX_LOOKUP_H

#include "image/digest.h"
#include "image/record.h"

/*
 * HX_ERR_NOT_FOUND when no such image is stored, HX_ERR_USAGE when the digits
 * begin several ids.  *ref_r is the caller's to release; without a
 * `reference` when it was found by its id.
 */
int hx_image_lookup(const struct hx_store *store, const char *text,
                    char id_r[HX_DIGEST_TEXT_MAX], struct hx_ref_record *ref_r,
                    struct hx_err *err);

#endif
