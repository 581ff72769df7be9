/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digests as text: "sha256:" and 64 lower-case hex digits (OCI image spec,
 * descriptor.md).  The grammar is checked before a digest becomes part of a
 * path or a URL; what has passed holds no '/', no '.' and no NUL.
 */
#ifndef HX_DIGEST_H
#define HX_DIGEST_H

#include "image/base/err.h"

#define HX_DIGEST_HEX      64
#define HX_DIGEST_TEXT_MAX 80 /* "sha256:" and 64 hex digits, with the NUL */

/* 1 or 0. */
int hx_digest_valid(const char *text);

/*
 * The same with a sentence: HX_ERR_CORRUPT when `text` is no digest at all,
 * HX_ERR_UNSUPPORTED for an algorithm other than sha256.  `what` names where
 * it stood.
 */
int hx_digest_check(const char *text, const char *what, struct hx_err *err);

/* The 64 hex digits of a valid digest; borrows. */
const char *hx_digest_hex(const char *digest);

/* Copies of a digest, or of the hex part alone; "" stays "".  Both must have
 * been checked: what is longer is cut. */
void hx_digest_copy(char to[HX_DIGEST_TEXT_MAX], const char *digest);
void hx_hex_copy(char to[HX_DIGEST_HEX + 1], const char *hex);

#endif
