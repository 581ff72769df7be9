/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file tree of an image: layers applied one on the other, in memory.
 *
 *     struct hx_tree tree;
 *     r = hx_tree_init(&tree, err);
 *     inode = hx_tree_inode(&tree, &ref);       while reading the layers
 *     r = hx_tree_apply(&tree, journal, err);   for each layer, lowest first
 *     ... walk from tree.root ...
 *     hx_tree_release(&tree);
 *
 * The rules are those of the OCI image specification; where it is silent,
 * what docker does.  docs/root-disk.md lists them all.  In short: the
 * whiteouts of a layer act before its entries do, in whatever order they
 * stand; then the entries act in their order.  A parent that is a symbolic
 * link is followed inside the tree and never leaves it; one that is missing
 * is made; one that is something else is replaced.  A folder over a folder
 * replaces its attributes; anything else replaces what was there.
 *
 * Pure: nothing here reads or writes a file.
 */
#ifndef HX_MKROOT_TREE_H
#define HX_MKROOT_TREE_H

#include <stdint.h>

#include "image/base/err.h"
#include "image/mkroot/arena.h"
#include "image/mkroot/journal.h"

struct hx_node {
    uint32_t parent; /* the root's is itself */
    uint32_t child;  /* of a folder: its first entry, in no order */
    uint32_t sibling;
    uint32_t chain; /* private: next in the hash bucket */
    uint32_t inode;
    uint16_t depth;
    uint16_t emptied; /* private: by which layer's opaque mark, or 0 */
    uint8_t state;    /* private; HX_NODE_LIVE is what the image shows */
    uint8_t name_len;
    char name[];
};

enum hx_node_state {
    HX_NODE_LIVE,
    HX_NODE_GONE,   /* hidden by a whiteout of the layer being applied */
    HX_NODE_ABSENT, /* not there; the slot waits for its name to come again */
};

struct hx_tree {
    struct hx_arena nodes;
    struct hx_arena inodes;  /* nothing else, in the order they were made */
    struct hx_arena targets; /* of symbolic links */
    uint32_t root;
    uint32_t *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t node_count;
    uint64_t hash_key[2];
    uint16_t layer;      /* being applied, from 1 */
    uint64_t step_count; /* folders walked to for paths */
    uint32_t *gone;      /* nodes hidden by the layer being applied */
    uint32_t gone_count;
    uint32_t gone_size;
};

int hx_tree_init(struct hx_tree *tree, struct hx_err *err);
void hx_tree_release(struct hx_tree *tree);

/* A fresh inode with nlink 0; NULL without memory. */
struct hx_inode *hx_tree_inode(struct hx_tree *tree, uint32_t *ref_r);

/* Uses the journal up.  HX_ERR_CORRUPT for what no layer may ask, HX_ERR_LIMIT
 * past a bound. */
int hx_tree_apply(struct hx_tree *tree, struct hx_journal *journal,
                  struct hx_err *err);

static inline struct hx_node *hx_tree_node(const struct hx_tree *tree,
                                           uint32_t ref)
{
    return hx_arena_ptr(&tree->nodes, ref);
}

static inline struct hx_inode *hx_tree_inode_ptr(const struct hx_tree *tree,
                                                 uint32_t ref)
{
    return hx_arena_ptr(&tree->inodes, ref);
}

/* The target of a symbolic link's inode, NUL-terminated. */
static inline const char *hx_tree_link_target(const struct hx_tree *tree,
                                              const struct hx_inode *inode)
{
    return hx_arena_ptr(&tree->targets, inode->data);
}

#endif
