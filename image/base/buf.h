/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A byte buffer that grows, and never past the bound it was given.
 *
 *     struct hx_buf body = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
 *     r = hx_buf_add(&body, data, len);      -> -1 and errno EFBIG or ENOMEM
 *     ...
 *     hx_buf_release(&body);
 *
 * `data` always ends in a NUL that `len` does not count, once anything was
 * added; before that it is NULL.
 */
#ifndef HX_BUF_H
#define HX_BUF_H

#include <stddef.h>

#include "image/base/cleanup.h"

struct hx_buf {
    char *data;
    size_t len;
    size_t size; /* allocated */
    size_t max;  /* bound for len; 0 is 1 MiB */
};

/* clang-format off */
#define HX_BUF_INIT(max_bytes) { .max = (max_bytes) }
/* clang-format on */

/* All return 0, or -1 with errno EFBIG (bound reached) or ENOMEM. */
int hx_buf_add(struct hx_buf *buf, const void *data, size_t len);
int hx_buf_adds(struct hx_buf *buf, const char *text);
int hx_buf_addf(struct hx_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets the content, keeps the memory. */
void hx_buf_clear(struct hx_buf *buf);
void hx_buf_release(struct hx_buf *buf);
/* The content, NUL-terminated, now the caller's to free; "" when empty. */
char *hx_buf_detach(struct hx_buf *buf);

#define _cleanup_buf_ _cleanup_(hx_buf_release)

#endif
