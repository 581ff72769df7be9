/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/pathset.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

uint64_t hx_pathset_step(uint64_t hash, const char *name, size_t len)
{
    const uint64_t prime = UINT64_C(0x100000001b3);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * prime;
    /* A component cannot contain '/': "a/b" and "ab" differ. */
    return (hash ^ '/') * prime;
}

/* FNV's low bits are weak, and the table's index and the marks use them.  The
 * key keeps paths from being made to lie close together. */
static uint64_t finish(const struct hx_pathset *set, uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= set->key;
    hash ^= hash >> 33;
    return hash & ~(uint64_t)HX_PATHSET_MARKS;
}

static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t key)
{
    size_t i = (size_t)(key >> 3) & (size - 1);

    while (slots[i] && (slots[i] & ~(uint64_t)HX_PATHSET_MARKS) != key)
        i = (i + 1) & (size - 1);
    return &slots[i];
}

static int grow(struct hx_pathset *set)
{
    size_t size = set->size ? set->size * 2 : 256;
    uint64_t *slots = calloc(size, sizeof(*slots));

    if (!slots)
        return -1;
    if (!set->size) {
        /* A short read leaves it weaker, and nothing wrong. */
        (void)!getrandom(&set->key, sizeof(set->key), 0);
        set->key |= 1;
    }
    for (size_t i = 0; i < set->size; i++)
        if (set->slots[i])
            *slot_of(slots, size, set->slots[i] & ~(uint64_t)HX_PATHSET_MARKS) =
                set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->size = size;
    return 0;
}

int hx_pathset_add(struct hx_pathset *set, uint64_t hash, unsigned marks)
{
    uint64_t key, *slot;

    if (set->used >= set->size / 4 * 3 && grow(set) < 0) {
        errno = ENOMEM;
        return -1;
    }
    key = finish(set, hash);
    slot = slot_of(set->slots, set->size, key);
    if (!*slot) {
        *slot = key;
        set->used++;
    }
    *slot |= marks & HX_PATHSET_MARKS;
    return 0;
}

unsigned hx_pathset_get(const struct hx_pathset *set, uint64_t hash)
{
    if (!set->size)
        return 0;
    return (unsigned)(*slot_of(set->slots, set->size, finish(set, hash)) &
                      HX_PATHSET_MARKS);
}

void hx_pathset_release(struct hx_pathset *set)
{
    free(set->slots);
    set->slots = NULL;
    set->size = set->used = 0;
}
