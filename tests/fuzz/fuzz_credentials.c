/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A credentials file: ours, or docker's config.json. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/pull/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_credentials(const char *text, size_t len)
{
    static const char *const registries[] = { "docker.io", "h:5000" };

    for (size_t i = 0; i < 2; i++) {
        struct hx_credentials found = { 0 };
        struct hx_err err;

        if (hx_credentials_parse(text, len, "c", registries[i], &found, &err) ==
                0 &&
            !found.user != !found.password)
            abort();
        hx_credentials_release(&found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);

    if (!text)
        return 0;
    try_credentials(text, strlen(text));
    free(text);
    return 0;
}
