/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pod's configuration: any bytes are parsed or refused with a sentence
 * that a terminal can take.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pv-init/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hx_init_config config;
    struct hx_init_err err = { "" };
    int r = hx_init_config_parse((const char *)data, size, &config, &err);

    if (r == 0 && (config.container_count < 1 ||
                   config.container_count > HX_ABI_CONTAINERS_MAX ||
                   !config.containers[0].args[0]))
        abort();
    if (r < 0 && !err.msg[0])
        abort();
    for (const char *p = err.msg; *p; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            abort();
    }
    hx_init_config_release(&config);
    return 0;
}
