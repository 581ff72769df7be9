/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inode table and the directory table.
 *
 * A folder is written once everything in it was: first its subfolders, then
 * its other inodes side by side in the order of their names, then the listing,
 * then its own inode.  Where an inode was written is kept in its uid and gid,
 * which nothing needs any more by then.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image/mkroot/squash_private.h"

#define HEADER_ENTRIES_MAX 256
#define LISTING_BASIC_MAX  (UINT16_MAX - 3)

struct writer {
    struct hx_squash *squash;
    struct hx_tree *tree;
    sqfs_meta_writer_t *inodes;
    sqfs_meta_writer_t *listings;
    struct hx_spool spool; /* the listings, which come after the inodes */
    uint32_t last_number;
    struct hx_err *err;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing the root disk");
}

static int append(struct writer *w, sqfs_meta_writer_t *to, const void *data,
                  size_t len)
{
    int code = sqfs_meta_writer_append(to, data, len);

    if (code)
        return hx_squash_error(w->squash, code, "writing the file tree",
                               w->err);
    return 0;
}

static uint64_t position(const sqfs_meta_writer_t *writer)
{
    sqfs_u64 block;
    sqfs_u32 offset;

    sqfs_meta_writer_get_position(writer, &block, &offset);
    return (block << 16) | offset;
}

static void set_reference(struct hx_inode *inode, uint64_t ref)
{
    inode->uid = (uint32_t)ref;
    inode->gid = (uint32_t)(ref >> 32);
}

static uint64_t reference(const struct hx_inode *inode)
{
    return inode->uid | ((uint64_t)inode->gid << 32);
}

static int basic_type(uint16_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return SQFS_INODE_DIR;
    case S_IFREG:
        return SQFS_INODE_FILE;
    case S_IFLNK:
        return SQFS_INODE_SLINK;
    case S_IFBLK:
        return SQFS_INODE_BDEV;
    case S_IFCHR:
        return SQFS_INODE_CDEV;
    case S_IFIFO:
        return SQFS_INODE_FIFO;
    default:
        return SQFS_INODE_SOCKET;
    }
}

/* The part all inodes begin with.  The extended types follow the basic ones
 * in the same order. */
static int append_base(struct writer *w, struct hx_inode *inode, int extended)
{
    sqfs_inode_t base;
    uint16_t uid = 0, gid = 0;
    uint64_t ref = position(w->inodes);
    int r;

    r = hx_owners_index(w->squash, inode->uid, &uid, w->err);
    if (r == 0)
        r = hx_owners_index(w->squash, inode->gid, &gid, w->err);
    if (r < 0)
        return r;
    base.type = htole16(
        (uint16_t)(basic_type(inode->mode) +
                   (extended ? SQFS_INODE_EXT_DIR - SQFS_INODE_DIR : 0)));
    base.mode = htole16((uint16_t)(inode->mode & 07777));
    base.uid_idx = htole16(uid);
    base.gid_idx = htole16(gid);
    base.mod_time = htole32(inode->mtime);
    base.inode_number = htole32(inode->number);
    set_reference(inode, ref);
    return append(w, w->inodes, &base, sizeof(base));
}

/* -- what is not a folder ------------------------------------------------- */

static int write_file(struct writer *w, struct hx_inode *inode, uint32_t xattr)
{
    static const struct hx_data empty = { .fragment = HX_NO_FRAGMENT };
    const struct hx_data *data = &empty;
    uint64_t start = 0, sparse = 0;
    int r;

    if (inode->data != HX_DATA_EMPTY)
        data = hx_datas_get(w->squash->datas, inode->data);
    if (data->block_count) {
        start = hx_data_blocks(data)->start;
        sparse = hx_data_blocks(data)->sparse;
    }
    if (xattr == UINT32_MAX && inode->nlink == 1 && !sparse &&
        start <= UINT32_MAX && data->size <= UINT32_MAX) {
        sqfs_inode_file_t file = {
            .blocks_start = htole32((uint32_t)start),
            .fragment_index = htole32(data->fragment),
            .fragment_offset = htole32(data->fragment_offset),
            .file_size = htole32((uint32_t)data->size),
        };

        r = append_base(w, inode, 0);
        if (r == 0)
            r = append(w, w->inodes, &file, sizeof(file));
    } else {
        sqfs_inode_file_ext_t file = {
            .blocks_start = htole64(start),
            .file_size = htole64(data->size),
            .sparse = htole64(sparse),
            .nlink = htole32(inode->nlink),
            .fragment_idx = htole32(data->fragment),
            .fragment_offset = htole32(data->fragment_offset),
            .xattr_idx = htole32(xattr),
        };

        r = append_base(w, inode, 1);
        if (r == 0)
            r = append(w, w->inodes, &file, sizeof(file));
    }
    for (uint32_t i = 0; r == 0 && i < data->block_count; i++) {
        uint32_t size = htole32(hx_data_blocks(data)->sizes[i]);

        r = append(w, w->inodes, &size, sizeof(size));
    }
    return r;
}

static int write_symlink(struct writer *w, struct hx_inode *inode,
                         uint32_t xattr)
{
    const char *target = hx_tree_link_target(w->tree, inode);
    uint32_t len = (uint32_t)strlen(target);
    sqfs_inode_slink_t link = {
        .nlink = htole32(inode->nlink),
        .target_size = htole32(len),
    };
    int extended = xattr != UINT32_MAX;
    int r;

    r = append_base(w, inode, extended);
    if (r == 0)
        r = append(w, w->inodes, &link, sizeof(link));
    if (r == 0)
        r = append(w, w->inodes, target, len);
    xattr = htole32(xattr);
    if (r == 0 && extended)
        r = append(w, w->inodes, &xattr, sizeof(xattr));
    return r;
}

static int write_special(struct writer *w, struct hx_inode *inode,
                         uint32_t xattr)
{
    uint32_t words[3];
    size_t count = 0;
    int extended = xattr != UINT32_MAX;
    int r;

    words[count++] = htole32(inode->nlink);
    if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
        words[count++] = htole32(inode->data);
    if (extended)
        words[count++] = htole32(xattr);
    r = append_base(w, inode, extended);
    if (r == 0)
        r = append(w, w->inodes, words, count * sizeof(words[0]));
    return r;
}

static int write_leaf(struct writer *w, struct hx_inode *inode)
{
    uint32_t xattr;
    int r;

    r = hx_xattrs_index(w->squash, inode->xattr, &xattr, w->err);
    if (r < 0)
        return r;
    inode->number = ++w->last_number;
    if (S_ISREG(inode->mode))
        return write_file(w, inode, xattr);
    if (S_ISLNK(inode->mode))
        return write_symlink(w, inode, xattr);
    return write_special(w, inode, xattr);
}

/* -- folders -------------------------------------------------------------- */

/* A folder's entries, sorted by name. */
struct listing {
    const struct hx_node **nodes;
    uint32_t count;
    uint32_t folders;
    uint64_t start; /* of what was written */
    uint32_t bytes;
    sqfs_dir_index_t *index; /* packed, each with its name behind it */
    size_t index_bytes;
    size_t index_size;
    uint32_t index_count;
};

static int by_name(const void *a, const void *b)
{
    const struct hx_node *x = *(const struct hx_node *const *)a;
    const struct hx_node *y = *(const struct hx_node *const *)b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int r = memcmp(x->name, y->name, len);

    return r ? r : x->name_len - y->name_len;
}

static int collect(const struct hx_tree *tree, const struct hx_node *folder,
                   struct listing *listing)
{
    uint32_t count = 0, ref;

    for (ref = folder->child; ref; ref = hx_tree_node(tree, ref)->sibling)
        if (hx_tree_node(tree, ref)->state == HX_NODE_LIVE)
            count++;
    listing->nodes = malloc((count ? count : 1) * sizeof(struct hx_node *));
    if (!listing->nodes)
        return -1;
    for (ref = folder->child; ref; ref = hx_tree_node(tree, ref)->sibling) {
        const struct hx_node *node = hx_tree_node(tree, ref);

        if (node->state != HX_NODE_LIVE)
            continue;
        listing->nodes[listing->count++] = node;
        if (S_ISDIR(hx_tree_inode_ptr(tree, node->inode)->mode))
            listing->folders++;
    }
    qsort(listing->nodes, listing->count, sizeof(struct hx_node *), by_name);
    return 0;
}

static const struct hx_inode *inode_of(const struct writer *w,
                                       const struct hx_node *node)
{
    return hx_tree_inode_ptr(w->tree, node->inode);
}

/* How many entries from `first` on can share one header: their inodes lie in
 * one block, their numbers near each other; and the listing stays within a
 * block of its own, so that the index can point at each. */
static uint32_t run_length(const struct writer *w,
                           const struct listing *listing, uint32_t first)
{
    const struct hx_inode *head = inode_of(w, listing->nodes[first]);
    size_t bytes = (position(w->listings) & 0xffff) + sizeof(sqfs_dir_header_t);
    uint32_t n = 0;

    for (; first + n < listing->count && n < HEADER_ENTRIES_MAX; n++) {
        const struct hx_node *node = listing->nodes[first + n];
        const struct hx_inode *inode = inode_of(w, node);
        int64_t diff = (int64_t)inode->number - (int64_t)head->number;

        if (reference(inode) >> 16 != reference(head) >> 16 ||
            diff > INT16_MAX || diff < -INT16_MAX)
            break;
        bytes += sizeof(sqfs_dir_entry_t) + node->name_len;
        if (n > 0 && bytes > SQFS_META_BLOCK_SIZE)
            break;
    }
    return n;
}

static int add_index(struct listing *listing, uint64_t block,
                     const struct hx_node *node)
{
    sqfs_dir_index_t entry = {
        .index = htole32(listing->bytes),
        .start_block = htole32((uint32_t)block),
        .size = htole32((uint32_t)node->name_len - 1),
    };
    size_t bytes = sizeof(entry) + node->name_len;
    char *at;

    if (listing->index_count == UINT16_MAX)
        return 0; /* lookups walk on from the last one */
    if (listing->index_size - listing->index_bytes < bytes) {
        size_t size = listing->index_size * 2 + 4096;
        void *index = realloc(listing->index, size);

        if (!index)
            return -1;
        listing->index = index;
        listing->index_size = size;
    }
    at = (char *)listing->index + listing->index_bytes;
    memcpy(at, &entry, sizeof(entry));
    memcpy(at + sizeof(entry), node->name, node->name_len);
    listing->index_bytes += bytes;
    listing->index_count++;
    return 0;
}

static int write_run(struct writer *w, struct listing *listing, uint32_t first,
                     uint32_t count)
{
    const struct hx_inode *head = inode_of(w, listing->nodes[first]);
    sqfs_dir_header_t header = {
        .count = htole32(count - 1),
        .start_block = htole32((uint32_t)(reference(head) >> 16)),
        .inode_number = htole32(head->number),
    };
    int r;

    r = append(w, w->listings, &header, sizeof(header));
    listing->bytes += sizeof(header);
    for (uint32_t i = first; r == 0 && i < first + count; i++) {
        const struct hx_node *node = listing->nodes[i];
        const struct hx_inode *inode = inode_of(w, node);
        sqfs_dir_entry_t entry = {
            .offset = htole16((uint16_t)reference(inode)),
            .inode_diff =
                (sqfs_s16)htole16((uint16_t)(inode->number - head->number)),
            .type = htole16((uint16_t)basic_type(inode->mode)),
            .size = htole16((uint16_t)(node->name_len - 1)),
        };

        r = append(w, w->listings, &entry, sizeof(entry));
        if (r == 0)
            r = append(w, w->listings, node->name, node->name_len);
        listing->bytes += (uint32_t)(sizeof(entry) + node->name_len);
    }
    return r;
}

static int write_listing(struct writer *w, struct listing *listing)
{
    uint64_t last_block, block;
    uint32_t at = 0;
    int r = 0;

    listing->start = position(w->listings);
    last_block = listing->start >> 16;
    while (r == 0 && at < listing->count) {
        uint32_t count = run_length(w, listing, at);

        block = position(w->listings) >> 16;
        if (block != last_block) {
            if (add_index(listing, block, listing->nodes[at]) < 0)
                return no_memory(w->err);
            last_block = block;
        }
        r = write_run(w, listing, at, count);
        at += count;
    }
    return r;
}

static int write_folder_inode(struct writer *w, struct hx_inode *inode,
                              const struct listing *listing, uint32_t parent)
{
    uint32_t xattr;
    int r;

    r = hx_xattrs_index(w->squash, inode->xattr, &xattr, w->err);
    if (r < 0)
        return r;
    if (xattr == UINT32_MAX && !listing->index_count &&
        listing->bytes <= LISTING_BASIC_MAX) {
        sqfs_inode_dir_t dir = {
            .start_block = htole32((uint32_t)(listing->start >> 16)),
            .nlink = htole32(listing->folders + 2),
            .size = htole16((uint16_t)(listing->bytes + 3)),
            .offset = htole16((uint16_t)listing->start),
            .parent_inode = htole32(parent),
        };

        r = append_base(w, inode, 0);
        return r < 0 ? r : append(w, w->inodes, &dir, sizeof(dir));
    }
    sqfs_inode_dir_ext_t dir = {
        .nlink = htole32(listing->folders + 2),
        .size = htole32(listing->bytes + 3),
        .start_block = htole32((uint32_t)(listing->start >> 16)),
        .parent_inode = htole32(parent),
        .inodex_count = htole16((uint16_t)listing->index_count),
        .offset = htole16((uint16_t)listing->start),
        .xattr_idx = htole32(xattr),
    };

    r = append_base(w, inode, 1);
    if (r == 0)
        r = append(w, w->inodes, &dir, sizeof(dir));
    if (r == 0 && listing->index_bytes)
        r = append(w, w->inodes, listing->index, listing->index_bytes);
    return r;
}

static void listing_release(struct listing *listing)
{
    free(listing->nodes);
    free(listing->index);
}

/* Recursive; HX_MKROOT_DEPTH_MAX bounds it. */
static int write_folder(struct writer *w, const struct hx_node *folder,
                        uint32_t parent)
{
    struct hx_inode *inode = hx_tree_inode_ptr(w->tree, folder->inode);
    struct listing listing = { 0 };
    int r = 0;

    inode->number = ++w->last_number;
    if (collect(w->tree, folder, &listing) < 0)
        return no_memory(w->err);
    for (uint32_t i = 0; r == 0 && i < listing.count; i++)
        if (S_ISDIR(inode_of(w, listing.nodes[i])->mode))
            r = write_folder(w, listing.nodes[i], inode->number);
    for (uint32_t i = 0; r == 0 && i < listing.count; i++) {
        struct hx_inode *leaf =
            hx_tree_inode_ptr(w->tree, listing.nodes[i]->inode);

        /* One with several names was perhaps written for another. */
        if (!leaf->number)
            r = write_leaf(w, leaf);
    }
    if (r == 0)
        r = write_listing(w, &listing);
    if (r == 0)
        r = write_folder_inode(w, inode, &listing, parent);
    listing_release(&listing);
    return r;
}

static int flush(struct writer *w, uint64_t inodes_start)
{
    struct hx_squash *squash = w->squash;
    int code;

    code = sqfs_meta_writer_flush(w->inodes);
    if (!code)
        code = sqfs_meta_writer_flush(w->listings);
    squash->super.inode_table_start = inodes_start;
    squash->super.directory_table_start = squash->file.size;
    if (!code)
        code = hx_spool_copy(&w->spool, &squash->file.base);
    if (code)
        return hx_squash_error(squash, code, "writing the file tree", w->err);
    return 0;
}

int hx_inodes_write(struct hx_squash *squash, struct hx_err *err)
{
    const struct hx_node *root = hx_tree_node(squash->tree, squash->tree->root);
    uint64_t start = squash->file.size;
    struct writer w = {
        .squash = squash,
        .tree = squash->tree,
        .err = err,
    };
    int r;

    hx_spool_init(&w.spool);
    w.inodes =
        sqfs_meta_writer_create(&squash->file.base, squash->compressor, 0);
    w.listings = sqfs_meta_writer_create(&w.spool.base, squash->compressor, 0);
    if (!w.inodes || !w.listings)
        r = no_memory(err);
    else
        r = write_folder(&w, root, 0);
    if (r == 0)
        r = flush(&w, start);
    squash->super.inode_count = w.last_number;
    squash->super.root_inode_ref =
        reference(hx_tree_inode_ptr(squash->tree, root->inode));
    sqfs_destroy(w.inodes);
    sqfs_destroy(w.listings);
    hx_spool_release(&w.spool);
    return r;
}
