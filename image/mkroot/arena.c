/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS_MAX (1U << (32 - HX_ARENA_OFFSET_BITS))

static size_t round_up(size_t bytes)
{
    return (bytes + HX_ARENA_UNIT - 1) & ~(size_t)(HX_ARENA_UNIT - 1);
}

static struct hx_arena_chunk *add_chunk(struct hx_arena *arena, size_t bytes)
{
    struct hx_arena_chunk *chunk;

    if (arena->count == CHUNKS_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    if (!arena->chunks || arena->count == arena->size) {
        uint32_t size = arena->size ? arena->size * 2 : 8;
        struct hx_arena_chunk *more =
            realloc(arena->chunks, size * sizeof(*more));

        if (!more)
            return NULL;
        arena->chunks = more;
        arena->size = size;
    }
    chunk = &arena->chunks[arena->count];
    /* Fresh pages from calloc cost no memory before they are touched. */
    chunk->data = calloc(1, bytes);
    if (!chunk->data)
        return NULL;
    chunk->used = 0;
    chunk->size = bytes;
    arena->count++;
    return chunk;
}

void *hx_arena_alloc(struct hx_arena *arena, size_t bytes, uint32_t *ref_r)
{
    struct hx_arena_chunk *chunk =
        arena->count ? &arena->chunks[arena->count - 1] : NULL;
    void *data;

    bytes = round_up(bytes ? bytes : 1);
    if (!chunk || chunk->size - chunk->used < bytes) {
        /* Reference 0 means none: the very first unit stays unused.  What is
         * larger than a chunk gets one for itself, so that offsets reach. */
        size_t lead = arena->count ? 0 : HX_ARENA_UNIT;
        size_t size = bytes + lead;

        if (size < HX_ARENA_CHUNK_BYTES)
            size = HX_ARENA_CHUNK_BYTES;
        chunk = add_chunk(arena, size);
        if (!chunk)
            return NULL;
        chunk->used = lead;
    }
    data = chunk->data + chunk->used;
    *ref_r = ((arena->count - 1) << HX_ARENA_OFFSET_BITS) |
             (uint32_t)(chunk->used / HX_ARENA_UNIT);
    chunk->used += bytes;
    return data;
}

uint32_t hx_arena_strndup(struct hx_arena *arena, const char *text, size_t len)
{
    uint32_t ref;
    char *copy = hx_arena_alloc(arena, len + 1, &ref);

    if (!copy)
        return 0;
    memcpy(copy, text, len);
    return ref;
}

uint32_t hx_arena_mark(const struct hx_arena *arena)
{
    const struct hx_arena_chunk *chunk;

    if (!arena->count)
        return 0;
    chunk = &arena->chunks[arena->count - 1];
    if (chunk->used >= HX_ARENA_CHUNK_BYTES)
        return arena->count << HX_ARENA_OFFSET_BITS;
    return ((arena->count - 1) << HX_ARENA_OFFSET_BITS) |
           (uint32_t)(chunk->used / HX_ARENA_UNIT);
}

uint32_t hx_arena_next(const struct hx_arena *arena, uint32_t ref, size_t bytes)
{
    uint32_t index = ref >> HX_ARENA_OFFSET_BITS;
    size_t offset =
        (size_t)(ref & ((1U << HX_ARENA_OFFSET_BITS) - 1)) * HX_ARENA_UNIT +
        round_up(bytes);

    if (!ref && !bytes)
        offset = HX_ARENA_UNIT;
    while (index < arena->count && offset >= arena->chunks[index].used) {
        index++;
        offset = 0;
    }
    if (index >= arena->count)
        return 0;
    return (index << HX_ARENA_OFFSET_BITS) | (uint32_t)(offset / HX_ARENA_UNIT);
}

void hx_arena_forget(struct hx_arena *arena, uint32_t ref)
{
    uint32_t i = ref >> HX_ARENA_OFFSET_BITS;

    while (i > 0 && arena->chunks[--i].data) {
        free(arena->chunks[i].data);
        arena->chunks[i].data = NULL;
    }
}

void hx_arena_release(struct hx_arena *arena)
{
    if (!arena)
        return;
    for (uint32_t i = 0; i < arena->count; i++)
        free(arena->chunks[i].data);
    free(arena->chunks);
    memset(arena, 0, sizeof(*arena));
}
