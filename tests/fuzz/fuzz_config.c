/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The config of an image. */
#include <stdint.h>
#include <stdlib.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_config(const char *text, size_t len)
{
    struct hx_image_config config = { 0 };
    struct hx_rootfs rootfs = { 0 };
    struct hx_err err;

    if (hx_config_parse(text, len, "c", &config, &rootfs, &err) < 0)
        return;
    for (size_t i = 0; i < rootfs.count; i++) {
        if (!hx_digest_valid(rootfs.diff_ids[i]))
            abort();
    }
    hx_config_release(&config);
    hx_rootfs_release(&rootfs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_config((const char *)data, size);
    return 0;
}
