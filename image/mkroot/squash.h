/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root disk: a squashfs written through libsquashfs.
 *
 * File data is written first, as it comes, in any number of files one after
 * the other; then the tree, which names them, all at once:
 *
 *     r = hx_squash_open(fd, &options, &squash, err);
 *     r = hx_squash_write(squash, bytes, n, err);  for each file with content
 *     r = hx_squash_zeros(squash, n, err);
 *     r = hx_squash_end(squash, &inode->data, err);
 *     r = hx_squash_finish(squash, &tree, &xattrs, &result, err);
 *     hx_squash_free(squash);
 *
 * The same calls give the same bytes on every machine.
 */
#ifndef HX_MKROOT_SQUASH_H
#define HX_MKROOT_SQUASH_H

#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/tree.h"
#include "image/mkroot/xattr.h"

struct hx_squash;

struct hx_squash_options {
    const char *compressor; /* "lz4", "zstd" or "gzip" */
    unsigned level;         /* of zstd or gzip; 0 is their default */
    uint32_t block_bytes;   /* a power of two, 4 KiB to 1 MiB */
    unsigned threads;       /* that compress; at least 1 */
};

struct hx_squash_result {
    uint64_t bytes; /* of the disk, a multiple of 4096 */
    uint64_t files; /* inodes in it */
};

/* `fd` is borrowed, an empty file open for reading and writing. */
int hx_squash_open(int fd, const struct hx_squash_options *options,
                   struct hx_squash **squash_r, struct hx_err *err);

int hx_squash_write(struct hx_squash *squash, const void *data, size_t len,
                    struct hx_err *err);
int hx_squash_zeros(struct hx_squash *squash, uint64_t len, struct hx_err *err);
/* *data_r is the number under which an inode names the file's content. */
int hx_squash_end(struct hx_squash *squash, uint32_t *data_r,
                  struct hx_err *err);

/* The tree is used up: its inodes get numbers of the disk. */
int hx_squash_finish(struct hx_squash *squash, struct hx_tree *tree,
                     const struct hx_xattr_table *xattrs,
                     struct hx_squash_result *result_r, struct hx_err *err);

/* Stops the threads, whatever they are doing.  NULL is fine. */
void hx_squash_free(struct hx_squash *squash);

#endif
