/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writable disk of a pod, an ext4 that a guest has written, read through
 * libext2fs from a descriptor and never mounted.
 *
 *     r = hx_scratch_open(fd, bytes, &scratch, err);
 *     r = hx_scratch_find(scratch, "0/upper", &ino, err);
 *     r = hx_scratch_inode(scratch, ino, &inode, err);
 *
 * Of the format only what domain-builder/scratch.c makes and Linux writes into
 * it is taken: extents, no journal, no encryption, no inline data.  Whatever
 * contradicts itself is HX_ERR_CORRUPT.
 */
#ifndef HX_MKLAYER_DISK_H
#define HX_MKLAYER_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

struct hx_scratch;

/* Borrows `fd`, a file of `bytes`.  The result is freed with hx_scratch_free.
 */
int hx_scratch_open(int fd, uint64_t bytes, struct hx_scratch **scratch_r,
                    struct hx_err *err);
void hx_scratch_free(struct hx_scratch *scratch);

/* Whether it was unmounted when its guest ended. */
int hx_scratch_is_clean(const struct hx_scratch *scratch);

struct hx_scratch_inode {
    uint32_t ino;
    uint32_t mode; /* with the type */
    uint32_t uid, gid;
    uint32_t links;
    uint64_t bytes;
    int64_t mtime_s;
    uint32_t major, minor; /* of a device */
};

int hx_scratch_inode(struct hx_scratch *scratch, uint32_t ino,
                     struct hx_scratch_inode *inode_r, struct hx_err *err);

/* A part of a file that is there; between them are holes. */
struct hx_scratch_part {
    uint64_t offset; /* in the file */
    uint64_t bytes;
    uint64_t at; /* on the disk */
};

/*
 * The parts of a file or folder in their order, none beyond its size; the
 * caller frees the array.  HX_ERR_LIMIT for more than 262144.
 */
int hx_scratch_parts(struct hx_scratch *scratch,
                     const struct hx_scratch_inode *inode,
                     struct hx_scratch_part **parts_r, size_t *count_r,
                     struct hx_err *err);
int hx_scratch_read(const struct hx_scratch *scratch, uint64_t at, void *data,
                    size_t len, struct hx_err *err);

struct hx_scratch_entry {
    char *name; /* no '/', no NUL, neither "." nor ".." */
    uint32_t ino;
};

/* A folder's entries, sorted by name, none twice; freed with
 * hx_scratch_entries_free. */
int hx_scratch_entries(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *folder, size_t max,
                       struct hx_scratch_entry **entries_r, size_t *count_r,
                       struct hx_err *err);
void hx_scratch_entries_free(struct hx_scratch_entry *entries, size_t count);

/* The inode of a relative path of folders; HX_ERR_NOT_FOUND. */
int hx_scratch_find(struct hx_scratch *scratch, const char *path,
                    uint32_t *ino_r, struct hx_err *err);

/* At most 4095 bytes and no NUL; the caller frees. */
int hx_scratch_symlink(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *inode, char **target_r,
                       struct hx_err *err);

/* Each extended attribute; a negative answer ends it. */
int hx_scratch_xattrs(struct hx_scratch *scratch, uint32_t ino,
                      int (*take)(const char *name, const void *value,
                                  size_t len, void *opaque, struct hx_err *err),
                      void *opaque, struct hx_err *err);

#endif
