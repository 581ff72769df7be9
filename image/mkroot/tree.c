/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "image/mkroot/limits.h"
#include "image/mkroot/siphash.h"
#include "image/mkroot/tree_private.h"

#define BUCKETS_FIRST 1024

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "keeping the file tree");
}

/* -- nodes --------------------------------------------------------------- */

static uint32_t bucket_of(const struct hx_tree *tree, uint32_t parent,
                          const char *name, size_t len)
{
    unsigned char key[sizeof(parent) + HX_MKROOT_NAME_MAX];

    memcpy(key, &parent, sizeof(parent));
    memcpy(key + sizeof(parent), name, len);
    return (uint32_t)hx_siphash(tree->hash_key, key, sizeof(parent) + len) &
           (tree->bucket_count - 1);
}

uint32_t hx_tree_find(const struct hx_tree *tree, uint32_t parent,
                      const char *name, size_t len)
{
    uint32_t ref = tree->buckets[bucket_of(tree, parent, name, len)];

    while (ref) {
        const struct hx_node *node = hx_tree_node(tree, ref);

        if (node->parent == parent && node->name_len == len &&
            !memcmp(node->name, name, len))
            break;
        ref = node->chain;
    }
    return ref;
}

static int grow_buckets(struct hx_tree *tree)
{
    uint32_t old_count = tree->bucket_count;
    uint32_t *old = tree->buckets;
    uint32_t *buckets = calloc((size_t)old_count * 2, sizeof(*buckets));

    if (!buckets)
        return -1;
    tree->buckets = buckets;
    tree->bucket_count = old_count * 2;
    for (uint32_t i = 0; i < old_count; i++) {
        uint32_t ref = old[i];

        while (ref) {
            struct hx_node *node = hx_tree_node(tree, ref);
            uint32_t next = node->chain;
            uint32_t at =
                bucket_of(tree, node->parent, node->name, node->name_len);

            node->chain = buckets[at];
            buckets[at] = ref;
            ref = next;
        }
    }
    free(old);
    return 0;
}

static int add_node(struct hx_tree *tree, uint32_t parent, const char *name,
                    size_t len, uint32_t *ref_r, struct hx_err *err)
{
    struct hx_node *node, *up = hx_tree_node(tree, parent);
    uint32_t at;

    if (up->depth >= HX_MKROOT_DEPTH_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the file tree is deeper than %d folders",
                          HX_MKROOT_DEPTH_MAX);
    if (tree->node_count >= HX_MKROOT_ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the image has more than %d files and folders",
                          HX_MKROOT_ENTRIES_MAX);
    if (tree->node_count >= tree->bucket_count && grow_buckets(tree) < 0)
        return no_memory(err);
    node = hx_arena_alloc(&tree->nodes, sizeof(*node) + len, ref_r);
    if (!node)
        return no_memory(err);
    node->parent = parent;
    node->depth = (uint16_t)(up->depth + 1);
    node->state = HX_NODE_ABSENT;
    node->name_len = (uint8_t)len;
    memcpy(node->name, name, len);
    node->sibling = up->child;
    up->child = *ref_r;
    at = bucket_of(tree, parent, name, len);
    node->chain = tree->buckets[at];
    tree->buckets[at] = *ref_r;
    tree->node_count++;
    return 0;
}

static void unchain(struct hx_tree *tree, uint32_t ref)
{
    const struct hx_node *node = hx_tree_node(tree, ref);
    uint32_t *link = &tree->buckets[bucket_of(tree, node->parent, node->name,
                                              node->name_len)];

    while (*link != ref)
        link = &hx_tree_node(tree, *link)->chain;
    *link = node->chain;
}

struct hx_inode *hx_tree_inode(struct hx_tree *tree, uint32_t *ref_r)
{
    return hx_arena_alloc(&tree->inodes, sizeof(struct hx_inode), ref_r);
}

static void set_inode(struct hx_tree *tree, struct hx_node *node, uint32_t ref)
{
    if (ref)
        hx_tree_inode_ptr(tree, ref)->nlink++;
    if (node->inode)
        hx_tree_inode_ptr(tree, node->inode)->nlink--;
    node->inode = ref;
}

/* Forgets what is below; the depth, and so the recursion, is bounded. */
static void drop_children(struct hx_tree *tree, struct hx_node *node)
{
    uint32_t ref = node->child;

    node->child = 0;
    while (ref) {
        struct hx_node *child = hx_tree_node(tree, ref);
        uint32_t next = child->sibling;

        drop_children(tree, child);
        set_inode(tree, child, 0);
        child->state = HX_NODE_ABSENT;
        unchain(tree, ref);
        ref = next;
    }
}

int hx_tree_is_folder(const struct hx_tree *tree, const struct hx_node *node)
{
    return node->state == HX_NODE_LIVE &&
           S_ISDIR(hx_tree_inode_ptr(tree, node->inode)->mode);
}

/* The name now stands for this inode, whatever it stood for before. */
static void put(struct hx_tree *tree, struct hx_node *node, uint32_t inode)
{
    int folder = S_ISDIR(hx_tree_inode_ptr(tree, inode)->mode);

    if (!(folder && hx_tree_is_folder(tree, node)))
        drop_children(tree, node);
    set_inode(tree, node, inode);
    node->state = HX_NODE_LIVE;
}

static int put_folder(struct hx_tree *tree, struct hx_node *node,
                      struct hx_err *err)
{
    struct hx_inode *inode;
    uint32_t ref;

    inode = hx_tree_inode(tree, &ref);
    if (!inode)
        return no_memory(err);
    inode->mode = S_IFDIR | 0755;
    put(tree, node, ref);
    return 0;
}

int hx_tree_make_folder(struct hx_tree *tree, uint32_t parent, const char *name,
                        size_t len, uint32_t *ref_r, struct hx_err *err)
{
    int r;

    if (!*ref_r) {
        r = add_node(tree, parent, name, len, ref_r, err);
        if (r < 0)
            return r;
    }
    return put_folder(tree, hx_tree_node(tree, *ref_r), err);
}

/* -- applying a layer ---------------------------------------------------- */

static size_t parent_len(const struct hx_path *path)
{
    const char *slash = memrchr(path->text, '/', path->len);

    return slash ? (size_t)(slash - path->text) : 0;
}

static int add_entry(struct hx_tree *tree, const struct hx_path *path,
                     uint32_t inode, struct hx_err *err)
{
    size_t up = parent_len(path);
    const char *name = path->text + (up ? up + 1 : 0);
    size_t len = path->len - (size_t)(name - path->text);
    uint32_t parent, ref;
    int r;

    r = hx_tree_walk_making(tree, path->text, up, &parent, err);
    if (r < 0)
        return r;
    ref = hx_tree_find(tree, parent, name, len);
    if (!ref) {
        r = add_node(tree, parent, name, len, &ref, err);
        if (r < 0)
            return r;
    }
    put(tree, hx_tree_node(tree, ref), inode);
    return 0;
}

static int apply_entry(struct hx_tree *tree, const struct hx_note *note,
                       struct hx_err *err)
{
    if (note->path.len)
        return add_entry(tree, &note->path, note->inode, err);
    if (!S_ISDIR(hx_tree_inode_ptr(tree, note->inode)->mode))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "an entry replaces the root folder by a file");
    set_inode(tree, hx_tree_node(tree, tree->root), note->inode);
    return 0;
}

/*
 * A hard link's own entry speaks for the file it is a name of: the later word
 * wins, as with docker and umoci.  One without extended attributes leaves
 * them alone, as docker does: umoci would lose a capability here.
 */
static void set_attributes(struct hx_inode *inode, const struct hx_inode *from)
{
    inode->uid = from->uid;
    inode->gid = from->gid;
    inode->mtime = from->mtime;
    if (from->xattr)
        inode->xattr = from->xattr;
    if (!S_ISLNK(inode->mode))
        inode->mode = (uint16_t)((inode->mode & S_IFMT) | (from->mode & 07777));
}

static int apply_link(struct hx_tree *tree, const struct hx_note *note,
                      struct hx_err *err)
{
    struct hx_path target;
    uint32_t ref, inode;
    size_t up;

    if (!note->path.len)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "an entry replaces the root folder by a hard link");
    target.len = strlen(note->target);
    memcpy(target.text, note->target, target.len + 1);
    up = parent_len(&target);
    ref = hx_tree_look_up(tree, target.text, up, 1);
    if (ref)
        ref = hx_tree_find(tree, ref, target.text + (up ? up + 1 : 0),
                           target.len - (up ? up + 1 : 0));
    if (!target.len)
        ref = tree->root;
    if (!ref || hx_tree_node(tree, ref)->state == HX_NODE_ABSENT)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the hard link '%s' points to '%s', which is not in "
                          "the image",
                          note->path.text, target.text);
    if (S_ISDIR(hx_tree_inode_ptr(tree, hx_tree_node(tree, ref)->inode)->mode))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the hard link '%s' points to '%s', which is a "
                          "folder",
                          note->path.text, target.text);
    inode = hx_tree_node(tree, ref)->inode;
    set_attributes(hx_tree_inode_ptr(tree, inode),
                   hx_tree_inode_ptr(tree, note->inode));
    return add_entry(tree, &note->path, inode, err);
}

static int hide(struct hx_tree *tree, uint32_t ref, struct hx_err *err)
{
    struct hx_node *node = hx_tree_node(tree, ref);

    if (node->state != HX_NODE_LIVE)
        return 0;
    if (tree->gone_count == tree->gone_size) {
        uint32_t size = tree->gone_size ? tree->gone_size * 2 : 64;
        uint32_t *gone = realloc(tree->gone, size * sizeof(*gone));

        if (!gone)
            return no_memory(err);
        tree->gone = gone;
        tree->gone_size = size;
    }
    tree->gone[tree->gone_count++] = ref;
    node->state = HX_NODE_GONE;
    return 0;
}

/*
 * Hides all entries of a folder, and forgets slots that wait in vain.  Done
 * once in a layer: nothing comes to the folder before all whiteouts have
 * acted, so that a second mark has nothing to hide.
 */
static int hide_children(struct hx_tree *tree, uint32_t folder,
                         struct hx_err *err)
{
    struct hx_node *up = hx_tree_node(tree, folder);
    uint32_t *link = &up->child;
    int r;

    if (up->emptied == tree->layer)
        return 0;
    up->emptied = tree->layer;
    while (*link) {
        uint32_t ref = *link;
        struct hx_node *node = hx_tree_node(tree, ref);

        if (node->state == HX_NODE_ABSENT) {
            *link = node->sibling;
            unchain(tree, ref);
            continue;
        }
        r = hide(tree, ref, err);
        if (r < 0)
            return r;
        link = &node->sibling;
    }
    return 0;
}

static int apply_whiteout(struct hx_tree *tree, const struct hx_note *note,
                          struct hx_tree_explicit *layer, struct hx_err *err)
{
    size_t up = parent_len(&note->path);
    uint32_t ref;

    if (note->kind == HX_NOTE_OPAQUE) {
        ref = hx_tree_look_up_hiding(tree, note->path.text, note->path.len,
                                     layer);
        if (!ref || !hx_tree_is_folder(tree, hx_tree_node(tree, ref)))
            return 0;
        return hide_children(tree, ref, err);
    }
    ref = hx_tree_look_up_hiding(tree, note->path.text, up, layer);
    if (ref)
        ref = hx_tree_find(tree, ref, note->path.text + (up ? up + 1 : 0),
                           note->path.len - (up ? up + 1 : 0));
    return ref ? hide(tree, ref, err) : 0;
}

static void bury(struct hx_tree *tree)
{
    for (uint32_t i = 0; i < tree->gone_count; i++) {
        struct hx_node *node = hx_tree_node(tree, tree->gone[i]);

        if (node->state != HX_NODE_GONE)
            continue;
        drop_children(tree, node);
        set_inode(tree, node, 0);
        node->state = HX_NODE_ABSENT;
    }
    tree->gone_count = 0;
}

static int apply_whiteouts(struct hx_tree *tree,
                           const struct hx_journal *journal, struct hx_err *err)
{
    struct hx_tree_explicit layer = { .journal = journal };
    struct hx_note note;
    int r = 0;

    hx_note_first(&note);
    while (r == 0 && hx_note_next(journal, &note))
        if (note.kind == HX_NOTE_WHITEOUT || note.kind == HX_NOTE_OPAQUE)
            r = apply_whiteout(tree, &note, &layer, err);
    hx_pathset_release(&layer.paths);
    return r;
}

/* A look-up that gave up found nothing: that must not count as an answer. */
static int check_steps(const struct hx_tree *tree, int r, struct hx_err *err)
{
    if (tree->step_count <= HX_MKROOT_STEPS_MAX)
        return r;
    return hx_err_set(err, HX_ERR_LIMIT,
                      "the paths of the image lead through more than %llu "
                      "folders",
                      (unsigned long long)HX_MKROOT_STEPS_MAX);
}

int hx_tree_apply(struct hx_tree *tree, struct hx_journal *journal,
                  struct hx_err *err)
{
    struct hx_note note;
    int r = 0;

    tree->layer++;
    if (journal->whiteouts)
        r = apply_whiteouts(tree, journal, err);
    hx_note_first(&note);
    while (r == 0 && hx_note_take(journal, &note)) {
        if (note.kind == HX_NOTE_ENTRY)
            r = apply_entry(tree, &note, err);
        else if (note.kind == HX_NOTE_LINK)
            r = apply_link(tree, &note, err);
    }
    bury(tree);
    return check_steps(tree, r, err);
}

/* -- the whole ----------------------------------------------------------- */

int hx_tree_init(struct hx_tree *tree, struct hx_err *err)
{
    struct hx_node *root;

    memset(tree, 0, sizeof(*tree));
    if (getrandom(tree->hash_key, sizeof(tree->hash_key), 0) !=
        (ssize_t)sizeof(tree->hash_key))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "getting random bytes");
    tree->bucket_count = BUCKETS_FIRST;
    tree->buckets = calloc(tree->bucket_count, sizeof(*tree->buckets));
    root = hx_arena_alloc(&tree->nodes, sizeof(*root), &tree->root);
    if (root)
        root->state = HX_NODE_ABSENT;
    if (!tree->buckets || !root || put_folder(tree, root, err) < 0) {
        hx_tree_release(tree);
        return no_memory(err);
    }
    root->parent = tree->root;
    return 0;
}

void hx_tree_release(struct hx_tree *tree)
{
    if (!tree)
        return;
    hx_arena_release(&tree->nodes);
    hx_arena_release(&tree->inodes);
    hx_arena_release(&tree->targets);
    free(tree->buckets);
    free(tree->gone);
    memset(tree, 0, sizeof(*tree));
}
