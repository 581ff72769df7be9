/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between tree.c, which applies layers, and walk.c, which finds the folder a
 * path leads to.
 */
#ifndef HX_MKROOT_TREE_PRIVATE_H
#define HX_MKROOT_TREE_PRIVATE_H

#include "image/mkroot/pathset.h"
#include "image/mkroot/tree.h"

/* The paths a layer names itself, collected when first asked for. */
struct hx_tree_explicit {
    const struct hx_journal *journal;
    struct hx_pathset paths;
    int collected;
};

/* The node of a name, in whatever state; 0 when there never was one. */
uint32_t hx_tree_find(const struct hx_tree *tree, uint32_t parent,
                      const char *name, size_t len);

int hx_tree_is_folder(const struct hx_tree *tree, const struct hx_node *node);

/* Puts a 0755 folder of root's at *ref_r, or at a new node when that is 0. */
int hx_tree_make_folder(struct hx_tree *tree, uint32_t parent, const char *name,
                        size_t len, uint32_t *ref_r, struct hx_err *err);

/*
 * The folder that a clean path leads to, symbolic links followed; what is
 * missing or in the way becomes a folder.
 */
int hx_tree_walk_making(struct hx_tree *tree, const char *path, size_t len,
                        uint32_t *ref_r, struct hx_err *err);

/* The same without a change: 0 when there is no such folder.  With `gone`,
 * what this layer hides still counts. */
uint32_t hx_tree_look_up(struct hx_tree *tree, const char *path, size_t len,
                         int gone);

/* The same for a whiteout: a symbolic link that the layer itself replaces is
 * not followed, because what the whiteout means is the layer's own folder. */
uint32_t hx_tree_look_up_hiding(struct hx_tree *tree, const char *path,
                                size_t len, struct hx_tree_explicit *layer);

#endif
