/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/mkroot/limits.h"
#include "image/mkroot/tree_private.h"

/* What is still to be walked: the rest of the path, put behind the targets of
 * links.  A chain of links may make it longer than any one path. */
#define REST_MAX ((size_t)4 * (HX_MKROOT_PATH_MAX + 1))

struct walk {
    struct hx_tree *tree;
    int making; /* missing folders */
    int gone;   /* hidden nodes count */
    struct hx_tree_explicit *layer;
    uint64_t hash; /* of the path's components so far; for `layer` */
    int links;
    uint32_t at;
    size_t from; /* the rest is rest[from..REST_MAX) */
    char rest[REST_MAX];
};

static int put_before(struct walk *walk, const char *text, size_t len)
{
    if (len + 1 > walk->from)
        return -1;
    walk->rest[--walk->from] = '/';
    walk->from -= len;
    memcpy(walk->rest + walk->from, text, len);
    return 0;
}

static int follow(struct walk *walk, const struct hx_inode *inode,
                  struct hx_err *err)
{
    const char *target = hx_tree_link_target(walk->tree, inode);

    if (++walk->links > HX_MKROOT_SYMLINKS_MAX)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "a path leads through more than %d symbolic links",
                          HX_MKROOT_SYMLINKS_MAX);
    if (put_before(walk, target, strlen(target)) < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "a path leads through symbolic links that are too "
                          "long together");
    if (target[0] == '/')
        walk->at = walk->tree->root;
    return 0;
}

/* Does the layer itself put something at the path walked so far? */
static int layer_replaces(struct hx_tree_explicit *layer, uint64_t hash)
{
    struct hx_note note;

    if (!layer->collected) {
        hx_note_first(&note);
        while (hx_note_next(layer->journal, &note)) {
            uint64_t each = HX_PATHSET_ROOT;
            size_t at = 0, len;

            if (note.kind != HX_NOTE_ENTRY && note.kind != HX_NOTE_LINK)
                continue;
            for (; at < note.path.len; at += len + 1) {
                len =
                    hx_path_component(note.path.text + at, note.path.len - at);
                each = hx_pathset_step(each, note.path.text + at, len);
            }
            /* Without memory the link is followed, as docker would. */
            (void)hx_pathset_add(&layer->paths, each, HX_PATHSET_TAKEN);
        }
        layer->collected = 1;
    }
    return hx_pathset_get(&layer->paths, hash) != 0;
}

/* One component: 1 to go on, 0 when there is no such folder. */
static int step(struct walk *walk, const char *name, size_t len,
                struct hx_err *err)
{
    struct hx_tree *tree = walk->tree;
    const struct hx_inode *inode = NULL;
    uint32_t ref;
    int r;

    if (len == 0 || (len == 1 && name[0] == '.'))
        return 1;
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        walk->at = hx_tree_node(tree, walk->at)->parent;
        return 1;
    }
    if (len > HX_MKROOT_NAME_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "a symbolic link names a folder with more than %d "
                          "bytes",
                          HX_MKROOT_NAME_MAX);
    walk->hash = hx_pathset_step(walk->hash, name, len);
    ref = hx_tree_find(tree, walk->at, name, len);
    if (ref) {
        const struct hx_node *node = hx_tree_node(tree, ref);

        if (node->state == HX_NODE_LIVE ||
            (walk->gone && node->state == HX_NODE_GONE))
            inode = hx_tree_inode_ptr(tree, node->inode);
    }
    if (inode && S_ISDIR(inode->mode)) {
        walk->at = ref;
        return 1;
    }
    if (inode && S_ISLNK(inode->mode)) {
        if (walk->layer && !walk->links &&
            layer_replaces(walk->layer, walk->hash))
            return 0;
        r = follow(walk, inode, err);
        return r < 0 ? r : 1;
    }
    if (!walk->making)
        return 0;
    if (len >= 4 && memcmp(name, ".wh.", 4) == 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "a symbolic link leads through a folder with a "
                          "whiteout's name");
    r = hx_tree_make_folder(tree, walk->at, name, len, &ref, err);
    walk->at = ref;
    return r < 0 ? r : 1;
}

/* 1 when the folder was reached, 0 when there is none. */
static int run(struct walk *walk, const char *path, size_t len,
               struct hx_err *err)
{
    int r = 1;

    walk->hash = HX_PATHSET_ROOT;
    walk->links = 0;
    walk->at = walk->tree->root;
    walk->from = REST_MAX;
    put_before(walk, path, len);
    while (r == 1 && walk->from < REST_MAX) {
        const char *name;
        size_t n;

        /* hx_tree_apply() says so. */
        if (++walk->tree->step_count > HX_MKROOT_STEPS_MAX)
            return -HX_ERR_LIMIT;
        name = walk->rest + walk->from;
        n = hx_path_component(name, REST_MAX - walk->from);
        walk->from += n + 1;
        r = step(walk, name, n, err);
    }
    return r;
}

int hx_tree_walk_making(struct hx_tree *tree, const char *path, size_t len,
                        uint32_t *ref_r, struct hx_err *err)
{
    struct walk walk;
    int r;

    walk.tree = tree;
    walk.making = 1;
    walk.gone = 0;
    walk.layer = NULL;
    r = run(&walk, path, len, err);
    if (r < 0)
        return r;
    *ref_r = walk.at;
    return 0;
}

uint32_t hx_tree_look_up(struct hx_tree *tree, const char *path, size_t len,
                         int gone)
{
    struct walk walk;

    walk.tree = tree;
    walk.making = 0;
    walk.gone = gone;
    walk.layer = NULL;
    return run(&walk, path, len, NULL) == 1 ? walk.at : 0;
}

uint32_t hx_tree_look_up_hiding(struct hx_tree *tree, const char *path,
                                size_t len, struct hx_tree_explicit *layer)
{
    struct walk walk;

    walk.tree = tree;
    walk.making = 0;
    walk.gone = 0;
    walk.layer = layer;
    return run(&walk, path, len, NULL) == 1 ? walk.at : 0;
}
