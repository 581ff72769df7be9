/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which parts of a sparse file its tar holds.  Pure.
 */
#ifndef HX_MKROOT_SPARSE_H
#define HX_MKROOT_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

struct hx_sparse_part {
    int64_t offset;
    int64_t len;
};

/* Zeroed is empty, and not sparse. */
struct hx_sparse {
    int used; /* the file is sparse, with however many parts */
    struct hx_sparse_part *parts;
    size_t count;
    size_t size;
};

/* Appends; HX_ERR_LIMIT past HX_MKROOT_SPARSE_PARTS_MAX. */
int hx_sparse_add(struct hx_sparse *sparse, int64_t offset, int64_t len,
                  struct hx_err *err);

/* "offset,len,offset,len": what PAX calls GNU.sparse.map.  Replaces. */
int hx_sparse_parse_map(struct hx_sparse *sparse, const char *map,
                        struct hx_err *err);

/*
 * HX_ERR_CORRUPT unless the parts follow each other within `size` bytes, and
 * are as long together as the tar's `stored` bytes.
 */
int hx_sparse_check(const struct hx_sparse *sparse, int64_t size,
                    int64_t stored, struct hx_err *err);

/* Keeps the memory. */
void hx_sparse_clear(struct hx_sparse *sparse);
void hx_sparse_release(struct hx_sparse *sparse);

#endif
