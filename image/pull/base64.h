/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Base64 (RFC 4648) with padding, strictly.
 */
#ifndef HX_PULL_BASE64_H
#define HX_PULL_BASE64_H

#include <stddef.h>

/* NUL-terminated, the caller's to free; NULL without memory. */
char *hx_base64_encode(const void *data, size_t len);
/* The same with its length; NULL for what is no base64, or without memory. */
char *hx_base64_decode(const char *text, size_t *len_r);

#endif
