/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of paths, kept as 64 bit hashes: 8 bytes for each, whatever the path.
 *
 * Answers can be wrong once in 2^64, so it serves where a wrong answer costs
 * time and nothing else.
 */
#ifndef HX_MKROOT_PATHSET_H
#define HX_MKROOT_PATHSET_H

#include <stddef.h>
#include <stdint.h>

/* What a path can be marked with. */
#define HX_PATHSET_TAKEN  1U /* something stands here, or hides what stood */
#define HX_PATHSET_FOLDER 2U /* a folder stands here */
#define HX_PATHSET_OPAQUE 4U /* everything below is hidden */
#define HX_PATHSET_MARKS  7U

/* Zeroed is empty. */
struct hx_pathset {
    uint64_t *slots; /* 61 bits of hash, 3 of marks; 0 is free */
    size_t size;     /* a power of two */
    size_t used;
    uint64_t key; /* odd; where a hash lies is not to be foreseen */
};

/* The hash of a path, component by component: start with HX_PATHSET_ROOT. */
#define HX_PATHSET_ROOT UINT64_C(0xcbf29ce484222325)
uint64_t hx_pathset_step(uint64_t hash, const char *name, size_t len);

/* 0, or -1 with errno ENOMEM. */
int hx_pathset_add(struct hx_pathset *set, uint64_t hash, unsigned marks);

/* The marks of a path; 0 when it is not in the set. */
unsigned hx_pathset_get(const struct hx_pathset *set, uint64_t hash);

void hx_pathset_release(struct hx_pathset *set);

#endif
