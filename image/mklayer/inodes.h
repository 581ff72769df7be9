/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inodes that were met, and the path under which each was met first.
 */
#ifndef HX_MKLAYER_INODES_H
#define HX_MKLAYER_INODES_H

#include <stddef.h>
#include <stdint.h>

struct hx_inodes {
    struct hx_inodes_slot
        *slots; /* a power of two of them, half of them free */
    size_t size, used;
};

/* Its path, or NULL. */
const char *hx_inodes_find(const struct hx_inodes *inodes, uint32_t ino);
/* One that is not there yet; copies the path.  -1 without memory. */
int hx_inodes_add(struct hx_inodes *inodes, uint32_t ino, const char *path);
void hx_inodes_release(struct hx_inodes *inodes);

#endif
