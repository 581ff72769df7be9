/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PAX extended header: records "LENGTH KEY=VALUE\n".  Pure.
 *
 * The last record of a key counts, and one with an empty value takes the key
 * away, so that the tar's own header speaks again.  Unknown keys are ignored.
 * A record that does not read is HX_ERR_CORRUPT: what it would have said must
 * not be lost without a word.
 */
#ifndef HX_MKROOT_PAX_H
#define HX_MKROOT_PAX_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/sparse.h"
#include "image/mkroot/xattr.h"

struct hx_pax_number {
    int given;
    int64_t value;
};

/* Zeroed is empty; the texts point into the parsed bytes. */
struct hx_pax {
    const char *path;
    const char *linkpath;
    struct hx_pax_number uid;
    struct hx_pax_number gid;
    struct hx_pax_number size;
    struct hx_pax_number mtime; /* whole seconds, towards zero */
    struct hx_xattr_set xattrs;

    /* GNU tar's: */
    const char *sparse_name;
    struct hx_pax_number sparse_size; /* with its holes */
    struct hx_pax_number sparse_major;
    struct hx_pax_number sparse_minor;
    struct hx_pax_number sparse_count;
    struct hx_sparse sparse; /* of the formats 0.0 and 0.1 */
};

/*
 * Replaces what *pax had.  `text` is changed, and must live as long as *pax
 * is used.
 */
int hx_pax_parse(struct hx_pax *pax, char *text, size_t len,
                 struct hx_err *err);

/* Forgets all, keeps the memory. */
void hx_pax_clear(struct hx_pax *pax);
void hx_pax_release(struct hx_pax *pax);

#endif
