/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One entry of a layer's tar, checked: what libarchive says, in our terms.
 */
#ifndef HX_MKROOT_ENTRY_H
#define HX_MKROOT_ENTRY_H

#include <archive_entry.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/path.h"
#include "image/mkroot/xattr.h"

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

    /* HX_ENTRY_FILE: */
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime;
    uint16_t mode;       /* as st_mode */
    uint32_t device;     /* as Linux encodes it in 32 bits */
    uint64_t size;       /* of a regular file */
    const char *symlink; /* libarchive's, until its next header; or NULL */
    struct hx_xattr_set xattrs; /* likewise */
};

/*
 * Fills *entry, which begins zeroed and is used again for each entry.  What
 * names the entry is put before the sentence of an error by the caller.
 * HX_ERR_CORRUPT for what no image can mean, HX_ERR_LIMIT past a bound,
 * HX_ERR_UNSUPPORTED for a device number that squashfs cannot hold.
 */
int hx_entry_read(struct archive_entry *from, struct hx_entry *entry,
                  struct hx_err *err);

void hx_entry_release(struct hx_entry *entry);

#endif
