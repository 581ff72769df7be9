/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layer's blob without its compression, through libarchive's filters.
 */
#ifndef HX_PULL_UNPACK_H
#define HX_PULL_UNPACK_H

#include "image/base/err.h"
#include "image/digest.h"

/*
 * Writes the bytes of `from`, unpacked when they are gzip or zstd, to `to`.
 * `what` names the blob in errors: HX_ERR_CORRUPT, HX_ERR_LIMIT.  What comes
 * out is for the caller to check.
 */
int hx_unpack(int from, int to, const char *what, struct hx_err *err);

/* The same, and nothing is kept but the digest: of a layer, its diff_id. */
int hx_unpack_digest(int from, const char *what,
                     char digest_r[HX_DIGEST_TEXT_MAX], struct hx_err *err);

#endif
