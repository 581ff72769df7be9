/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the parts of the squashfs writer: squash.c (the whole), outfile.c
 * (the file), spool.c (a file in memory), data.c (file content), inodes.c
 * (inodes and folders) and tables.c (owners and extended attributes).
 */
#ifndef HX_MKROOT_SQUASH_PRIVATE_H
#define HX_MKROOT_SQUASH_PRIVATE_H

#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_writer.h>
#include <sqfs/super.h>
#include <sqfs/table.h>
#include <sqfs/xattr.h>

#include "image/mkroot/arena.h"
#include "image/mkroot/squash.h"

/* Turns libsquashfs's return code into an error; a failed write says what the
 * system said. */
int hx_squash_error(struct hx_squash *squash, int code, const char *doing,
                    struct hx_err *err);

/* -- outfile.c: the disk's file as libsquashfs wants it ------------------- */

/* What is written is collected in a window of the file: the system takes large
 * aligned pieces at half the cost of small ones.  Reading and cutting write it
 * out first. */
#define HX_OUTFILE_WINDOW_BYTES ((size_t)256 * 1024)

struct hx_outfile {
    sqfs_file_t base;
    int fd; /* borrowed */
    uint64_t size;
    unsigned char *window;
    uint64_t window_start;
    size_t window_len;
    int errnum; /* of the first failure */
};

/* 0, or -1 without memory. */
int hx_outfile_init(struct hx_outfile *file, int fd);
void hx_outfile_release(struct hx_outfile *file);

/* -- spool.c: what is written before its place is free -------------------- */

struct hx_spool {
    sqfs_file_t base;
    unsigned char **pieces;
    uint64_t size;
};

void hx_spool_init(struct hx_spool *spool);
/* Appends all of it; 0 or libsquashfs's code. */
int hx_spool_copy(const struct hx_spool *spool, sqfs_file_t *to);
void hx_spool_release(struct hx_spool *spool);

/* -- compressor.c --------------------------------------------------------- */

/* 0 and the caller's compressor, or libsquashfs's code. */
int hx_compressor_new(const sqfs_compressor_config_t *config,
                      sqfs_compressor_t **compressor_r);

/* -- data.c --------------------------------------------------------------- */

/* Where a file's content lies in the disk; struct hx_data_blocks follows in
 * memory when there are any.  Packed: the arena aligns to 4 bytes. */
struct hx_data {
    uint64_t size;
    uint32_t fragment; /* HX_NO_FRAGMENT when there is none */
    uint32_t fragment_offset;
    uint32_t block_count;
} __attribute__((packed, aligned(4)));

struct hx_data_blocks {
    uint64_t start;
    uint64_t sparse;
    uint32_t sizes[]; /* as an inode has them */
} __attribute__((packed, aligned(4)));

#define HX_NO_FRAGMENT 0xffffffffU

static inline struct hx_data_blocks *hx_data_blocks(const struct hx_data *data)
{
    return (struct hx_data_blocks *)(data + 1);
}

struct hx_datas;

int hx_datas_new(struct hx_squash *squash, const sqfs_compressor_config_t *cmp,
                 unsigned threads, struct hx_datas **datas_r,
                 struct hx_err *err);
void hx_datas_free(struct hx_datas *datas);
int hx_datas_write(struct hx_datas *datas, const void *data, size_t len,
                   struct hx_err *err);
int hx_datas_zeros(struct hx_datas *datas, uint64_t len, struct hx_err *err);
int hx_datas_end(struct hx_datas *datas, uint32_t *data_r, struct hx_err *err);
/* Writes what is still held back; then the records can be had. */
int hx_datas_finish(struct hx_datas *datas, struct hx_err *err);
const struct hx_data *hx_datas_get(const struct hx_datas *datas, uint32_t data);
/* Writes the fragment table and notes it in the super block. */
int hx_datas_write_table(struct hx_datas *datas, struct hx_err *err);

/* -- tables.c ------------------------------------------------------------- */

/* The 16 bit index of an owner or group. */
int hx_owners_index(struct hx_squash *squash, uint32_t id, uint16_t *index_r,
                    struct hx_err *err);
int hx_owners_write(struct hx_squash *squash, struct hx_err *err);
/* The disk's number of a set of extended attributes; all bits set for 0. */
int hx_xattrs_index(struct hx_squash *squash, uint32_t set, uint32_t *index_r,
                    struct hx_err *err);
int hx_xattrs_write(struct hx_squash *squash, struct hx_err *err);

/* -- inodes.c ------------------------------------------------------------- */

/* Writes the inode and directory tables. */
int hx_inodes_write(struct hx_squash *squash, struct hx_err *err);

/* -- squash.c ------------------------------------------------------------- */

struct hx_squash {
    struct hx_outfile file;
    sqfs_super_t super;
    sqfs_compressor_t *compressor; /* of metadata */
    struct hx_datas *datas;

    /* While finishing: */
    struct hx_tree *tree;
    const struct hx_xattr_table *xattrs;

    uint32_t *owners; /* in order of their indices */
    uint32_t owner_count;
    uint32_t *owner_slots; /* hash table of index + 1 */
    uint64_t owner_key[2];
    uint32_t *xattr_index; /* by set: disk's number + 1 */
    uint32_t *xattr_sets;  /* by disk's number: set */
    uint32_t xattr_count;
};

#endif
