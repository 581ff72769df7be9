/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of work:
 *
 *   1. Each layer is read, the top one first.  Its entries go to its journal;
 *      content that no upper layer hides goes straight to the disk.
 *   2. The journals are applied to the tree, the lowest first.
 *   3. A file can be in the tree although its content was passed over in 1: a
 *      hard link in an upper layer kept it, or the path that seemed to hide it
 *      led elsewhere through a symbolic link.  Layers with such files are read
 *      once more for them.
 *   4. The tree is written.
 *
 * What is hidden is guessed in 1 and known in 2, so a wrong guess costs time
 * or space, and never a file.
 */
#include "image/mkroot/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/mkroot/journal.h"
#include "image/mkroot/limits.h"
#include "image/mkroot/pathset.h"
#include "image/mkroot/tar.h"
#include "image/mkroot/tree.h"
#include "image/mkroot/xattr.h"

/* One layer, while all of them are being read. */
struct read_layer {
    struct hx_journal journal;
    uint32_t first_inode; /* mark in the arena of inodes */
    uint32_t skipped;     /* files whose content was passed over */
};

struct conversion {
    const struct hx_convert *convert;
    struct hx_squash *squash;
    struct hx_tree tree;
    struct hx_xattr_table xattrs;
    struct hx_pathset above; /* what layers above the current one put */
    struct read_layer *layers;
    size_t index; /* of the layer being read, and its tar */
    struct hx_stream *stream;
    unsigned char *room; /* the streams' */
    uint32_t entries;
    uint64_t tar_bytes;
    uint64_t data_bytes;
};

static int no_memory(struct hx_err *err)
{
    hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "converting the image");
    return -HX_ERR_SYSTEM;
}

/* -- what upper layers hide ----------------------------------------------- */

static int seems_hidden(const struct conversion *c, const struct hx_path *path)
{
    uint64_t hash = HX_PATHSET_ROOT;
    unsigned marks = hx_pathset_get(&c->above, hash);
    size_t at = 0, len;

    for (; at < path->len; at += len + 1) {
        if (marks & HX_PATHSET_OPAQUE)
            return 1;
        len = hx_path_component(path->text + at, path->len - at);
        hash = hx_pathset_step(hash, path->text + at, len);
        marks = hx_pathset_get(&c->above, hash);
        if (marks & HX_PATHSET_TAKEN)
            return 1;
    }
    /* A folder above takes the place of a file, and only of a file. */
    return (marks & HX_PATHSET_FOLDER) != 0;
}

static unsigned marks_of(const struct conversion *c, const struct hx_note *note)
{
    switch (note->kind) {
    case HX_NOTE_OPAQUE:
        return HX_PATHSET_OPAQUE;
    case HX_NOTE_ENTRY:
        if (S_ISDIR(hx_tree_inode_ptr(&c->tree, note->inode)->mode))
            return HX_PATHSET_FOLDER;
        return HX_PATHSET_TAKEN;
    case HX_NOTE_LINK:
    case HX_NOTE_WHITEOUT:
        break;
    }
    return HX_PATHSET_TAKEN;
}

/* The layer just read hides things from the ones below. */
static int note_hidden(struct conversion *c, const struct hx_journal *journal,
                       struct hx_err *err)
{
    struct hx_note note;

    hx_note_first(&note);
    while (hx_note_next(journal, &note)) {
        uint64_t hash = HX_PATHSET_ROOT;
        size_t at = 0, len;

        for (; at < note.path.len; at += len + 1) {
            len = hx_path_component(note.path.text + at, note.path.len - at);
            hash = hx_pathset_step(hash, note.path.text + at, len);
        }
        if (hx_pathset_add(&c->above, hash, marks_of(c, &note)) < 0)
            return no_memory(err);
    }
    return 0;
}

/* -- content -------------------------------------------------------------- */

static void report(const struct conversion *c)
{
    const struct hx_layer *layer = &c->convert->layers[c->index];

    if (c->convert->progress)
        c->convert->progress(c->index, hx_stream_blob_bytes(c->stream),
                             layer->blob_bytes, c->convert->opaque);
}

static int sink_write(void *opaque, const void *data, size_t len,
                      struct hx_err *err)
{
    const struct conversion *c = opaque;

    report(c);
    return hx_squash_write(c->squash, data, len, err);
}

static int sink_zeros(void *opaque, uint64_t len, struct hx_err *err)
{
    const struct conversion *c = opaque;

    return hx_squash_zeros(c->squash, len, err);
}

static int write_content(struct conversion *c, struct hx_tar *tar,
                         const struct hx_entry *entry, uint32_t *data_r,
                         struct hx_err *err)
{
    const struct hx_tar_sink sink = { sink_write, sink_zeros, c };
    int r;

    if (entry->size > HX_MKROOT_DATA_BYTES_MAX - c->data_bytes)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the files of the image are larger than %llu GiB "
                          "together",
                          (unsigned long long)(HX_MKROOT_DATA_BYTES_MAX >> 30));
    c->data_bytes += entry->size;
    r = hx_tar_content(tar, &sink, err);
    return r < 0 ? r : hx_squash_end(c->squash, data_r, err);
}

/* -- entries -------------------------------------------------------------- */

static int make_inode(struct conversion *c, const struct hx_entry *entry,
                      uint32_t *ref_r, struct hx_err *err)
{
    struct hx_inode *inode = hx_tree_inode(&c->tree, ref_r);
    int r;

    if (!inode)
        return no_memory(err);
    inode->uid = entry->uid;
    inode->gid = entry->gid;
    inode->mtime = entry->mtime;
    inode->mode = entry->mode;
    inode->data = entry->device;
    if (S_ISREG(entry->mode))
        inode->data = entry->size ? HX_DATA_SKIPPED : HX_DATA_EMPTY;
    if (S_ISLNK(entry->mode)) {
        inode->data = hx_arena_strndup(&c->tree.targets, entry->symlink,
                                       strlen(entry->symlink));
        if (!inode->data)
            return no_memory(err);
    }
    r = hx_xattr_table_intern(&c->xattrs, entry->xattrs, &inode->xattr, err);
    return r;
}

static int note_file(struct conversion *c, struct read_layer *layer,
                     struct hx_tar *tar, const struct hx_entry *entry,
                     struct hx_err *err)
{
    struct hx_inode *inode;
    uint32_t ref;
    int r;

    r = make_inode(c, entry, &ref, err);
    if (r < 0)
        return r;
    inode = hx_tree_inode_ptr(&c->tree, ref);
    if (S_ISREG(inode->mode) && inode->data == HX_DATA_SKIPPED) {
        if (seems_hidden(c, &entry->path))
            layer->skipped++;
        else
            r = write_content(c, tar, entry, &inode->data, err);
    }
    if (r < 0)
        return r;
    return hx_journal_add(&layer->journal, HX_NOTE_ENTRY, &entry->path, ref,
                          NULL, err);
}

static int note_entry(struct conversion *c, struct read_layer *layer,
                      struct hx_tar *tar, const struct hx_entry *entry,
                      struct hx_err *err)
{
    uint32_t ref;
    int r;

    if (++c->entries > HX_MKROOT_ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the image has more than %d entries",
                          HX_MKROOT_ENTRIES_MAX);
    switch (entry->kind) {
    case HX_ENTRY_FILE:
        return note_file(c, layer, tar, entry, err);
    case HX_ENTRY_LINK:
        r = make_inode(c, entry, &ref, err);
        if (r < 0)
            return r;
        return hx_journal_add(&layer->journal, HX_NOTE_LINK, &entry->path, ref,
                              &entry->target, err);
    case HX_ENTRY_WHITEOUT:
        return hx_journal_add(&layer->journal, HX_NOTE_WHITEOUT, &entry->path,
                              0, NULL, err);
    case HX_ENTRY_OPAQUE:
        return hx_journal_add(&layer->journal, HX_NOTE_OPAQUE, &entry->path, 0,
                              NULL, err);
    case HX_ENTRY_IGNORED:
        break;
    }
    return 0;
}

/* -- layers --------------------------------------------------------------- */

/* Notes all entries of a layer's tar. */
static int note_layer(struct conversion *c, struct hx_err *err)
{
    struct read_layer *layer = &c->layers[c->index];
    const struct hx_entry *entry;
    struct hx_tar *tar;
    int r;

    r = hx_tar_open(c->stream, &tar, err);
    if (r < 0)
        return r;
    while ((r = hx_tar_next(tar, &entry, err)) > 0) {
        r = note_entry(c, layer, tar, entry, err);
        if (r < 0)
            break;
        report(c);
    }
    hx_tar_free(tar);
    return r;
}

/* Reads again what was passed over and yet is in the tree. */
static int fetch_layer(struct conversion *c, struct hx_err *err)
{
    uint32_t ref = c->layers[c->index].first_inode;
    const struct hx_entry *entry;
    struct hx_tar *tar;
    size_t bytes = 0;
    int r;

    r = hx_tar_open(c->stream, &tar, err);
    if (r < 0)
        return r;
    while ((r = hx_tar_next(tar, &entry, err)) > 0) {
        struct hx_inode *inode;

        if (entry->kind != HX_ENTRY_FILE && entry->kind != HX_ENTRY_LINK)
            continue;
        /* Each made one inode, in this order. */
        ref = hx_arena_next(&c->tree.inodes, ref, bytes);
        bytes = sizeof(*inode);
        if (!ref) {
            r = hx_err_set(err, HX_ERR_CORRUPT,
                           "the blob has changed while it was read");
            break;
        }
        inode = hx_tree_inode_ptr(&c->tree, ref);
        if (!S_ISREG(inode->mode) || inode->data != HX_DATA_SKIPPED ||
            !inode->nlink)
            continue;
        r = write_content(c, tar, entry, &inode->data, err);
        if (r < 0)
            break;
    }
    hx_tar_free(tar);
    return r;
}

static int read_layer(struct conversion *c, size_t index,
                      int (*read)(struct conversion *c, struct hx_err *err),
                      struct hx_err *err)
{
    int r = -HX_ERR_SYSTEM;

    c->index = index;
    c->stream = hx_stream_open(&c->convert->layers[index], c->room,
                               HX_MKROOT_TAR_BYTES_MAX - c->tar_bytes, err);
    if (c->stream)
        r = read(c, err);
    if (r == 0)
        r = hx_stream_finish(c->stream, err);
    if (r == 0) {
        c->tar_bytes += hx_stream_tar_bytes(c->stream);
        report(c);
    }
    hx_stream_free(c->stream);
    c->stream = NULL;
    if (r < 0)
        return hx_err_prefix(err, "layer %zu of %zu", index + 1,
                             c->convert->layer_count);
    return 0;
}

static int read_layers(struct conversion *c, struct hx_err *err)
{
    int r = 0;

    for (size_t i = c->convert->layer_count; r == 0 && i-- > 0;) {
        c->layers[i].first_inode = hx_arena_mark(&c->tree.inodes);
        r = read_layer(c, i, note_layer, err);
        if (r == 0 && i > 0)
            r = note_hidden(c, &c->layers[i].journal, err);
    }
    hx_pathset_release(&c->above);
    return r;
}

static int apply_layers(struct conversion *c, struct hx_err *err)
{
    for (size_t i = 0; i < c->convert->layer_count; i++) {
        int r = hx_tree_apply(&c->tree, &c->layers[i].journal, err);

        if (r < 0)
            return hx_err_prefix(err, "layer %zu of %zu", i + 1,
                                 c->convert->layer_count);
        hx_journal_release(&c->layers[i].journal);
    }
    return 0;
}

/* Whether a file of this layer is in the tree without its content. */
static int lacks_content(const struct conversion *c, size_t index)
{
    uint32_t ref = c->layers[index].first_inode;
    uint32_t left = c->layers[index].skipped;
    size_t bytes = 0;

    while (left > 0 && (ref = hx_arena_next(&c->tree.inodes, ref, bytes))) {
        const struct hx_inode *inode = hx_tree_inode_ptr(&c->tree, ref);

        bytes = sizeof(*inode);
        if (!S_ISREG(inode->mode) || inode->data != HX_DATA_SKIPPED)
            continue;
        left--;
        if (inode->nlink)
            return 1;
    }
    return 0;
}

static int fetch_layers(struct conversion *c, struct hx_err *err)
{
    int r = 0;

    c->tar_bytes = 0;
    for (size_t i = c->convert->layer_count; r == 0 && i-- > 0;)
        if (lacks_content(c, i))
            r = read_layer(c, i, fetch_layer, err);
    return r;
}

/* -- the whole ------------------------------------------------------------ */

/* So much at once stays in the cache. */
#define HASH_BYTES (HX_STREAM_ROOM_BYTES / 4)

static int hash_disk(const struct conversion *c, char hex_r[HX_DIFF_ID_HEX + 1],
                     struct hx_err *err)
{
    EVP_MD_CTX *hash = hx_sha256_new();
    int fd = c->convert->output_fd, ok = hash != NULL;
    off_t at = 0;
    ssize_t n = -1;

    errno = ENOMEM;
    while (ok && (n = pread(fd, c->room, HASH_BYTES, at)) > 0) {
        ok = EVP_DigestUpdate(hash, c->room, (size_t)n) == 1;
        at += n;
    }
    ok = ok && n == 0 && hx_sha256_end(hash, hex_r) == 0;
    EVP_MD_CTX_free(hash);
    return ok ? 0
              : hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the root disk");
}

static int start(struct conversion *c, struct hx_err *err)
{
    int r;

    if (c->convert->layer_count > HX_MKROOT_LAYERS_MAX) {
        hx_err_set(err, HX_ERR_LIMIT, "the image has more than %d layers",
                   HX_MKROOT_LAYERS_MAX);
        return -HX_ERR_LIMIT;
    }
    c->layers = calloc(c->convert->layer_count + 1, sizeof(*c->layers));
    c->room = hx_stream_room_new();
    if (!c->layers || !c->room)
        return no_memory(err);
    r = hx_tree_init(&c->tree, err);
    if (r == 0)
        r = hx_xattr_table_init(&c->xattrs, err);
    if (r == 0)
        r = hx_squash_open(c->convert->output_fd, &c->convert->squash,
                           &c->squash, err);
    return r;
}

static void release(struct conversion *c)
{
    for (size_t i = 0; c->layers && i < c->convert->layer_count; i++)
        hx_journal_release(&c->layers[i].journal);
    free(c->layers);
    hx_stream_room_free(c->room);
    hx_pathset_release(&c->above);
    hx_squash_free(c->squash);
    hx_xattr_table_release(&c->xattrs);
    hx_tree_release(&c->tree);
}

int hx_convert_run(const struct hx_convert *convert,
                   struct hx_convert_result *result_r, struct hx_err *err)
{
    struct conversion c = { .convert = convert };
    struct hx_squash_result disk;
    int r;

    r = start(&c, err);
    if (r == 0)
        r = read_layers(&c, err);
    if (r == 0)
        r = apply_layers(&c, err);
    if (r == 0)
        r = fetch_layers(&c, err);
    if (r == 0)
        r = hx_squash_finish(c.squash, &c.tree, &c.xattrs, &disk, err);
    if (r == 0 && convert->written)
        convert->written(convert->opaque);
    if (r == 0)
        r = hash_disk(&c, result_r->sha256, err);
    if (r == 0) {
        result_r->bytes = disk.bytes;
        result_r->files = disk.files;
    }
    release(&c);
    return r;
}
