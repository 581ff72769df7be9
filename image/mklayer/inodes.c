/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mklayer/inodes.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 1024

struct hx_inodes_slot {
    uint32_t ino; /* 0: free */
    char *path;
};

/* Inodes are numbers of a file system that a guest may have laid out, but
 * linear steps in a table that is half free stay short for any of them only if
 * they are spread by more than their low bits (Knuth's multiplier). */
static size_t slot_of(const struct hx_inodes *inodes, uint32_t ino)
{
    size_t at = (ino * UINT32_C(2654435761)) & (inodes->size - 1);

    while (inodes->slots[at].ino && inodes->slots[at].ino != ino)
        at = (at + 1) & (inodes->size - 1);
    return at;
}

const char *hx_inodes_find(const struct hx_inodes *inodes, uint32_t ino)
{
    return inodes->size ? inodes->slots[slot_of(inodes, ino)].path : NULL;
}

static int grow(struct hx_inodes *inodes)
{
    struct hx_inodes more = { .size =
                                  inodes->size ? inodes->size * 2 : SIZE_FIRST,
                              .used = inodes->used };

    more.slots = calloc(more.size, sizeof(*more.slots));
    if (!more.slots)
        return -1;
    for (size_t i = 0; i < inodes->size; i++) {
        if (inodes->slots[i].ino)
            more.slots[slot_of(&more, inodes->slots[i].ino)] = inodes->slots[i];
    }
    free(inodes->slots);
    *inodes = more;
    return 0;
}

int hx_inodes_add(struct hx_inodes *inodes, uint32_t ino, const char *path)
{
    char *copy = strdup(path);
    size_t at;

    if (!copy || (inodes->used >= inodes->size / 2 && grow(inodes) < 0)) {
        free(copy);
        return -1;
    }
    at = slot_of(inodes, ino);
    inodes->slots[at].ino = ino;
    inodes->slots[at].path = copy;
    inodes->used++;
    return 0;
}

void hx_inodes_release(struct hx_inodes *inodes)
{
    for (size_t i = 0; i < inodes->size; i++)
        free(inodes->slots[i].path);
    free(inodes->slots);
    *inodes = (struct hx_inodes){ 0 };
}
