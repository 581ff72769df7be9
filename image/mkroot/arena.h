/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that only grows, named by 32 bit references.
 *
 * The converter keeps some hundred bytes for each entry of an image and frees
 * them all at once; malloc's headers and 64 bit pointers would double that.
 * References stay valid, and so do the pointers, until release.  0 is no
 * reference.
 *
 *     struct hx_arena arena = { 0 };
 *     uint32_t ref;
 *     struct thing *thing = hx_arena_alloc(&arena, sizeof(*thing), &ref);
 *     ... hx_arena_ptr(&arena, ref) == thing ...
 *     hx_arena_release(&arena);
 */
#ifndef HX_MKROOT_ARENA_H
#define HX_MKROOT_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* A reference is a chunk's number and an offset in units of 4 bytes. */
#define HX_ARENA_UNIT        4
#define HX_ARENA_OFFSET_BITS 16
#define HX_ARENA_CHUNK_BYTES ((size_t)HX_ARENA_UNIT << HX_ARENA_OFFSET_BITS)

struct hx_arena_chunk {
    unsigned char *data;
    size_t used;
    size_t size;
};

struct hx_arena {
    struct hx_arena_chunk *chunks;
    uint32_t count;
    uint32_t size; /* allocated chunk headers */
};

/* `bytes` of zeroed memory, aligned to 4 bytes; NULL without memory. */
void *hx_arena_alloc(struct hx_arena *arena, size_t bytes, uint32_t *ref_r);

/* A NUL-terminated copy of `len` bytes; 0 without memory. */
uint32_t hx_arena_strndup(struct hx_arena *arena, const char *text, size_t len);

static inline void *hx_arena_ptr(const struct hx_arena *arena, uint32_t ref)
{
    uint32_t offset = ref & ((1U << HX_ARENA_OFFSET_BITS) - 1);

    return arena->chunks[ref >> HX_ARENA_OFFSET_BITS].data +
           (size_t)offset * HX_ARENA_UNIT;
}

/* Where the next small allocation would lie at the earliest: the start mark
 * of a walk with hx_arena_next. */
uint32_t hx_arena_mark(const struct hx_arena *arena);

/*
 * Walks what was allocated, in order: the reference of what follows the
 * allocation `ref` of `bytes`, or the mark given for "bytes 0"; 0 at the end.
 */
uint32_t hx_arena_next(const struct hx_arena *arena, uint32_t ref,
                       size_t bytes);

/* Frees what was allocated before `ref`, by and large: what still lies in a
 * chunk with it stays. */
void hx_arena_forget(struct hx_arena *arena, uint32_t ref);

void hx_arena_release(struct hx_arena *arena);

#endif
