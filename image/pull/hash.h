/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256 while the bytes go by, through libcrypto.
 */
#ifndef HX_PULL_HASH_H
#define HX_PULL_HASH_H

#include <stddef.h>
#include <sys/types.h>

#include "image/base/cleanup.h"
#include "image/base/err.h"
#include "image/digest.h"

struct hx_hash {
    struct evp_md_ctx_st *ctx;
};

/* Begins anew, also in the middle; -1 without memory. */
int hx_hash_start(struct hx_hash *hash);
int hx_hash_add(struct hx_hash *hash, const void *data, size_t len);
/* "sha256:HEX" of what was added; the hash must be started again then. */
int hx_hash_digest(struct hx_hash *hash, char digest_r[HX_DIGEST_TEXT_MAX]);
void hx_hash_release(struct hx_hash *hash);

int hx_hash_bytes(const void *data, size_t len,
                  char digest_r[HX_DIGEST_TEXT_MAX]);
/* Adds a file from its start; its size comes back in *bytes_r. */
int hx_hash_add_file(struct hx_hash *hash, int fd, off_t *bytes_r);

#define _cleanup_hash_ _cleanup_(hx_hash_release)

#endif
