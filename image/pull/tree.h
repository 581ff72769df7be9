/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OCI image layouts (image-layout.md): a tree of files, in a folder or in an
 * archive.
 *
 *     oci-layout          {"imageLayoutVersion": "1.0.0"}
 *     index.json          the index that tags name
 *     blobs/sha256/HEX
 */
#ifndef HX_PULL_TREE_H
#define HX_PULL_TREE_H

#include <stddef.h>

#include "image/base/err.h"
#include "image/pull/found.h"

struct hx_tree {
    /* The file of a fixed or checked name: a descriptor at offset 0, the
     * caller's; HX_ERR_NOT_FOUND. */
    int (*open)(struct hx_tree *tree, const char *name, int *fd_r,
                struct hx_err *err);
    void (*free)(struct hx_tree *tree);
    const char *what; /* names it in errors */
};

/* Takes over `tree`, also on failure. */
int hx_layout_new(const struct hx_store *store, struct hx_tree *tree,
                  const char *tag, struct hx_supply **supply_r,
                  struct hx_err *err);

#endif
