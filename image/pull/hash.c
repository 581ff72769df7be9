/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hx_hash_start(struct hx_hash *hash)
{
    if (!hash->ctx)
        hash->ctx = EVP_MD_CTX_new();
    if (!hash->ctx || EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) != 1) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

int hx_hash_add(struct hx_hash *hash, const void *data, size_t len)
{
    return EVP_DigestUpdate(hash->ctx, data, len) == 1 ? 0 : -1;
}

int hx_hash_digest(struct hx_hash *hash, char digest_r[HX_DIGEST_TEXT_MAX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char *at;

    if (EVP_DigestFinal_ex(hash->ctx, sum, &len) != 1 ||
        len * 2 != HX_DIGEST_HEX)
        return -1;
    memcpy(digest_r, "sha256:", sizeof("sha256:"));
    at = digest_r + strlen("sha256:");
    for (unsigned int i = 0; i < len; i++, at += 2)
        snprintf(at, 3, "%02x", sum[i]);
    return 0;
}

void hx_hash_release(struct hx_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->ctx);
    hash->ctx = NULL;
}

int hx_hash_bytes(const void *data, size_t len,
                  char digest_r[HX_DIGEST_TEXT_MAX])
{
    _cleanup_hash_ struct hx_hash hash = { 0 };

    if (hx_hash_start(&hash) < 0 || hx_hash_add(&hash, data, len) < 0)
        return -1;
    return hx_hash_digest(&hash, digest_r);
}

int hx_hash_add_file(struct hx_hash *hash, int fd, off_t *bytes_r)
{
    char chunk[65536]; /* not static: layers are hashed by threads at once */
    off_t at = 0;

    for (;;) {
        ssize_t n = pread(fd, chunk, sizeof(chunk), at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (n > 0 && hx_hash_add(hash, chunk, (size_t)n) < 0))
            return -1;
        if (n == 0) {
            *bytes_r = at;
            return 0;
        }
        at += n;
    }
}
