/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/mkroot/decimal.h"
#include "image/mkroot/limits.h"

static int bad(struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "the tar is damaged: a sparse file's map is wrong");
}

int hx_sparse_add(struct hx_sparse *sparse, int64_t offset, int64_t len,
                  struct hx_err *err)
{
    if (sparse->count == HX_MKROOT_SPARSE_PARTS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "a sparse file has more than %d parts",
                          HX_MKROOT_SPARSE_PARTS_MAX);
    if (sparse->count == sparse->size) {
        size_t size = sparse->size ? sparse->size * 2 : 64;
        struct hx_sparse_part *parts =
            realloc(sparse->parts, size * sizeof(*parts));

        if (!parts)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "reading a sparse file");
        sparse->parts = parts;
        sparse->size = size;
    }
    sparse->used = 1;
    sparse->parts[sparse->count++] = (struct hx_sparse_part){ offset, len };
    return 0;
}

int hx_sparse_parse_map(struct hx_sparse *sparse, const char *map,
                        struct hx_err *err)
{
    int64_t pair[2];
    size_t i = 0;

    hx_sparse_clear(sparse);
    sparse->used = 1;
    for (;;) {
        size_t len = strcspn(map, ",");
        int r;

        if (hx_decimal(map, len, &pair[i % 2]) < 0)
            return bad(err);
        r = i % 2 ? hx_sparse_add(sparse, pair[0], pair[1], err) : 0;
        if (r < 0)
            return r;
        i++;
        if (!map[len])
            return i % 2 ? bad(err) : 0;
        map += len + 1;
    }
}

int hx_sparse_check(const struct hx_sparse *sparse, int64_t size,
                    int64_t stored, struct hx_err *err)
{
    int64_t end = 0, sum = 0;

    for (size_t i = 0; i < sparse->count; i++) {
        const struct hx_sparse_part *part = &sparse->parts[i];

        if (part->offset < end || part->len < 0 || part->offset > size ||
            part->len > size - part->offset)
            return bad(err);
        end = part->offset + part->len;
        sum += part->len; /* no more than `size`: they do not overlap */
    }
    return sum == stored && size >= 0 ? 0 : bad(err);
}

void hx_sparse_clear(struct hx_sparse *sparse)
{
    sparse->used = 0;
    sparse->count = 0;
}

void hx_sparse_release(struct hx_sparse *sparse)
{
    free(sparse->parts);
    memset(sparse, 0, sizeof(*sparse));
}
