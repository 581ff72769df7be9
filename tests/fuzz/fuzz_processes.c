/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of processes that hyper-top takes from a guest. */
#include <stdint.h>
#include <stdlib.h>

#include "domain-builder/guest-processes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hx_processes processes = { 0 };
    struct hx_err err;

    if (hx_processes_parse((const char *)data, size, &processes, &err) < 0)
        return 0;
    for (size_t i = 0; i < processes.count; i++) {
        const struct hx_process *p = &processes.list[i];

        if (p->pid == 0 || p->start_s < 0 || p->state < 'A')
            abort();
        for (const char *c = p->command; *c; c++) {
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                abort();
        }
    }
    hx_processes_release(&processes);
    return 0;
}
