/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/rest.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is smaller is not worth telling all processors of. */
#define LARGE_BYTES ((size_t)128 * 1024)

/* What nobody writes to is the same in the file: it can be forgotten. */
static int forget(struct dl_phdr_info *info, size_t size, void *opaque)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    (void)opaque;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        uintptr_t end = start + part->p_memsz;

        if (part->p_type != PT_LOAD || part->p_flags & PF_W ||
            part->p_memsz < LARGE_BYTES)
            continue;
        start &= ~(page - 1);
        end = (end + page - 1) & ~(page - 1);
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void hx_rest(void)
{
    malloc_trim(0);
    dl_iterate_phdr(forget, NULL);
}
