/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a tar, one after the other: written as POSIX ustar with pax
 * records, read from that and from GNU's long names.
 *
 *     while ((r = hx_init_tar_next(&reader, &member, err)) > 0)
 *         while ((n = hx_init_tar_read(&reader, data, size, err)) > 0) ...
 *     hx_init_tar_release(&member);
 *
 * A header block, all numbers octal (POSIX.1-2017, pax, ustar):
 *
 *       0 name       100 mode   108 uid   116 gid     124 size    136 mtime
 *     148 checksum   156 type   157 link  257 magic   265 owners' names
 *     329 major      337 minor  345 prefix
 *
 * What does not fit into it is in pax records before it: path, linkpath,
 * size, mtime, uid, gid, and SCHILY.xattr.NAME for extended attributes.
 */
#ifndef HX_INIT_TAR_H
#define HX_INIT_TAR_H

#include <stdbool.h>
#include <stdint.h>

#include "pv-init/base.h"

#define HX_INIT_TAR_BLOCK    512u
#define HX_INIT_TAR_PATH_MAX 4096u
/* Bytes of the pax records, or of a GNU long name, of one member. */
#define HX_INIT_TAR_RECORDS_MAX (256u << 10)

#define HX_INIT_TAR_FILE     '0'
#define HX_INIT_TAR_HARDLINK '1'
#define HX_INIT_TAR_SYMLINK  '2'
#define HX_INIT_TAR_CHAR     '3'
#define HX_INIT_TAR_BLOCKDEV '4'
#define HX_INIT_TAR_FOLDER   '5'
#define HX_INIT_TAR_FIFO     '6'

struct hx_init_tar_member {
    char path[HX_INIT_TAR_PATH_MAX]; /* without a slash at its end */
    char link[HX_INIT_TAR_PATH_MAX]; /* target; "" unless it is a link */
    char type;                       /* HX_INIT_TAR_... */
    uint32_t mode;                   /* 0 to 07777 */
    uint32_t uid, gid;
    uint32_t major, minor; /* of devices */
    uint64_t size;         /* of files, else 0 */
    int64_t mtime_s;
    uint32_t mtime_ns;
    /* Pax records of the extended attributes alone, "LEN
     * SCHILY.xattr.NAME=VALUE\n" each; owned. */
    char *xattrs;
    size_t xattrs_len;
};

/* Frees what a member owns; it can be used again. */
void hx_init_tar_release(struct hx_init_tar_member *member);

/* Adds an attribute: 0, or -1 with errno; E2BIG past the bound of all. */
int hx_init_tar_add_xattr(struct hx_init_tar_member *member, const char *name,
                          const void *value, size_t len);

/*
 * Goes through the attributes: *at starts as 0; true and one of them, name
 * (without "SCHILY.xattr.", not terminated) and value within the member.
 */
struct hx_init_tar_xattr {
    const char *name, *value;
    size_t name_len, value_len;
};
bool hx_init_tar_xattr(const struct hx_init_tar_member *member, size_t *at,
                       struct hx_init_tar_xattr *xattr_r);

/* -- writing: 0, or -1 with errno -- */

/* The header.  `size` bytes of content and the padding are to follow. */
int hx_init_tar_put_header(int out, const struct hx_init_tar_member *member);
/* Zeros up to the next block, behind a content of `size` bytes. */
int hx_init_tar_put_padding(int out, uint64_t size);
/* The two blocks at the end. */
int hx_init_tar_put_end(int out);

/* -- reading -- */

struct hx_init_tar_reader {
    int in;
    uint64_t left;    /* bytes of the member's content, not read yet */
    unsigned padding; /* bytes behind it */
};

/*
 * 1 and the next member; 0 at the end, when all input was read; -1 and a
 * sentence for what is damaged, cut off, or of a kind that is not known.
 * What is left of the previous content is skipped.
 */
int hx_init_tar_next(struct hx_init_tar_reader *reader,
                     struct hx_init_tar_member *member,
                     struct hx_init_err *err);

/* At most `max` bytes of the content; 0 at its end; -1 and a sentence. */
ssize_t hx_init_tar_read(struct hx_init_tar_reader *reader, void *data,
                         size_t max, struct hx_init_err *err);

#endif
