/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/sha256.h"

#include <stddef.h>

EVP_MD_CTX *hx_sha256_new(void)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1)
        return hash;
    EVP_MD_CTX_free(hash);
    return NULL;
}

int hx_sha256_end(EVP_MD_CTX *hash, char hex_r[HX_SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(hash, digest, NULL) != 1)
        return -1;
    for (size_t i = 0; i < HX_SHA256_HEX / 2; i++) {
        hex_r[2 * i] = digits[digest[i] >> 4];
        hex_r[2 * i + 1] = digits[digest[i] & 15];
    }
    hex_r[HX_SHA256_HEX] = '\0';
    return 0;
}
