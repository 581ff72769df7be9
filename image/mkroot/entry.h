/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One entry of a layer, checked: what the tar says, in our terms.  Pure.
 */
#ifndef HX_MKROOT_ENTRY_H
#define HX_MKROOT_ENTRY_H

#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/path.h"
#include "image/mkroot/xattr.h"

/* What the headers of one entry say together, as it stands there. */
struct hx_tar_meta {
    const char *name;
    const char *link; /* of symbolic and hard links */
    char type;        /* tar's letter */
    uint32_t mode;    /* permissions */
    int64_t uid;
    int64_t gid;
    int64_t size; /* with holes */
    int64_t mtime;
    int64_t major;
    int64_t minor;
    const struct hx_xattr_set *xattrs;
};

enum hx_entry_kind {
    HX_ENTRY_FILE, /* of any type but a hard link */
    HX_ENTRY_LINK,
    HX_ENTRY_WHITEOUT,
    HX_ENTRY_OPAQUE,
    HX_ENTRY_IGNORED,
};

struct hx_entry {
    enum hx_entry_kind kind;
    struct hx_path path;
    struct hx_path target; /* HX_ENTRY_LINK */

    /* HX_ENTRY_FILE and HX_ENTRY_LINK: */
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime;
    uint16_t mode; /* as st_mode; without a type for HX_ENTRY_LINK */
    const struct hx_xattr_set *xattrs; /* borrowed from the meta data */

    /* HX_ENTRY_FILE: */
    uint32_t device;     /* as Linux encodes it in 32 bits */
    uint64_t size;       /* of a regular file */
    const char *symlink; /* borrowed; or NULL */
};

/*
 * Fills *entry_r.  HX_ERR_CORRUPT for what no image can mean, HX_ERR_LIMIT
 * past a bound, HX_ERR_UNSUPPORTED for a device number that squashfs cannot
 * hold.  The caller puts the entry's name before the sentence.
 */
int hx_entry_read(const struct hx_tar_meta *meta, struct hx_entry *entry_r,
                  struct hx_err *err);

#endif
