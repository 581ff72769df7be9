/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a token server answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/pull/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(const char *text, size_t len)
{
    struct hx_err err;
    char *token = NULL;
    uint64_t life = 0;

    if (hx_token_parse(text, len, "t", &token, &life, &err) == 0 &&
        (!*token || strpbrk(token, "\r\n ")))
        abort();
    free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);

    if (!text)
        return 0;
    try_token(text, strlen(text));
    free(text);
    return 0;
}
