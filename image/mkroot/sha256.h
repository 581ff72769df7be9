/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 as libcrypto has it, from its begin to hex. */
#ifndef HX_MKROOT_SHA256_H
#define HX_MKROOT_SHA256_H

#include <openssl/evp.h>

#define HX_SHA256_HEX 64

/* For EVP_DigestUpdate() and EVP_MD_CTX_free(); NULL when it cannot be had. */
EVP_MD_CTX *hx_sha256_new(void);

/* 0, or -1 when libcrypto fails. */
int hx_sha256_end(EVP_MD_CTX *hash, char hex_r[HX_SHA256_HEX + 1]);

#endif
