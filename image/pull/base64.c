/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define ALPHABET                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

char *hx_base64_encode(const void *data, size_t len)
{
    unsigned char *text = malloc((len + 2) / 3 * 4 + 1);

    if (text)
        EVP_EncodeBlock(text, data, (int)len);
    return (char *)text;
}

char *hx_base64_decode(const char *text, size_t *len_r)
{
    size_t body = strspn(text, ALPHABET), len = strlen(text);
    size_t pad = len - body;
    unsigned char *data;

    /* EVP_DecodeBlock alone would take padding in the middle and blanks. */
    if (len % 4 != 0 || len > 65536 || pad > 2 ||
        strspn(text + body, "=") != pad)
        return NULL;
    data = malloc(len / 4 * 3 + 1);
    if (!data)
        return NULL;
    if (EVP_DecodeBlock(data, (const unsigned char *)text, (int)len) < 0) {
        free(data);
        return NULL;
    }
    *len_r = len / 4 * 3 - pad;
    data[*len_r] = '\0';
    return (char *)data;
}
