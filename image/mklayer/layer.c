/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mklayer/layer.h"

#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "image/base/cleanup.h"
#include "image/mklayer/inodes.h"

#define PATH_BYTES   4095
#define DEPTH_MAX    1000
#define COPY_BYTES   65536
#define NAME_MAX_EA  255
#define VALUE_MAX_EA 65536
#define OVERLAY      "trusted.overlay."
#define WHITEOUT     ".wh."
#define OPAQUE_ENTRY ".wh..wh..opq"

struct layer {
    struct hx_scratch *scratch;
    struct hx_output *output;
    struct archive_entry *entry; /* the one that is being made */
    struct hx_inodes seen;       /* folders, and files of several names */
    uint64_t content_left;
    uint64_t entries;
    char path[PATH_BYTES + 1];
    size_t path_len;
    unsigned depth;
    int opaque; /* of the inode whose attributes were read last */
    char copy[COPY_BYTES];
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "the layer");
}

static int corrupt(const struct layer *layer, const char *what,
                   struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "the pod's disk is damaged: /%.200s: %s", layer->path,
                      what);
}

/* Appends a component; its start comes back, for leave(). */
static int enter(struct layer *layer, const char *prefix, const char *name,
                 size_t *before_r, struct hx_err *err)
{
    size_t room = sizeof(layer->path) - layer->path_len;
    int n = snprintf(layer->path + layer->path_len, room, "%s%s%s",
                     layer->path_len ? "/" : "", prefix, name);

    if (n < 0 || (size_t)n >= room) {
        layer->path[layer->path_len] = '\0';
        return hx_err_set(err, HX_ERR_LIMIT,
                          "/%.100s...: a path of more than %d bytes",
                          layer->path, PATH_BYTES);
    }
    *before_r = layer->path_len;
    layer->path_len += (size_t)n;
    return 0;
}

static void leave(struct layer *layer, size_t before)
{
    layer->path_len = before;
    layer->path[before] = '\0';
}

/* -- attributes ------------------------------------------------------------ */

static int take_overlay(struct layer *layer, const char *name,
                        const void *value, size_t len, struct hx_err *err)
{
    if (strcmp(name, "redirect") == 0 || strcmp(name, "metacopy") == 0 ||
        strcmp(name, "whiteout") == 0)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "/%.200s: it is only a hint of a lower layer's file "
                          "(overlayfs %s), which our guests do not write",
                          layer->path, name);
    if (strcmp(name, "opaque") == 0)
        layer->opaque = len == 1 && memcmp(value, "y", 1) == 0;
    return 0;
}

static int is_kept(const char *name)
{
    static const char *const classes[] = { "user.", "trusted.", "security." };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(name, classes[i], strlen(classes[i])) == 0)
            return strcmp(name, "security.selinux") != 0;
    }
    return 0;
}

static int take_xattr(const char *name, const void *value, size_t len,
                      void *opaque, struct hx_err *err)
{
    struct layer *layer = opaque;

    if (strncmp(name, OVERLAY, strlen(OVERLAY)) == 0)
        return take_overlay(layer, name + strlen(OVERLAY), value, len, err);
    if (!is_kept(name))
        return 0;
    /* '=' ends a key in a tar. */
    if (len > VALUE_MAX_EA || strchr(name, '=') || strlen(name) > NAME_MAX_EA)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "/%.200s: it has an attribute that a layer cannot "
                          "hold",
                          layer->path);
    archive_entry_xattr_add_entry(layer->entry, name, value, len);
    return 0;
}

/* -- entries --------------------------------------------------------------- */

/* A new entry at the path, with what the inode says; it has no content yet. */
static void begin_entry(struct layer *layer,
                        const struct hx_scratch_inode *inode)
{
    struct archive_entry *entry = layer->entry;

    archive_entry_clear(entry);
    archive_entry_copy_pathname(entry, layer->path);
    archive_entry_set_mode(entry, inode->mode);
    archive_entry_set_uid(entry, inode->uid);
    archive_entry_set_gid(entry, inode->gid);
    archive_entry_set_mtime(entry, inode->mtime_s, 0);
    archive_entry_set_size(entry, 0);
}

static int put_entry(struct layer *layer, struct hx_err *err)
{
    if (++layer->entries > HX_LAYER_ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the pod has changed more than %d files",
                          HX_LAYER_ENTRIES_MAX);
    return archive_write_header(layer->output->tar, layer->entry) < ARCHIVE_OK
               ? hx_output_failed(layer->output, err)
               : 0;
}

/* An empty file that means something by its name. */
static int put_mark(struct layer *layer, const char *prefix, const char *name,
                    struct hx_err *err)
{
    static const struct hx_scratch_inode mark = { .mode = S_IFREG };
    size_t before;
    int rc = enter(layer, prefix, name, &before, err);

    if (rc < 0)
        return rc;
    begin_entry(layer, &mark);
    rc = put_entry(layer, err);
    leave(layer, before);
    return rc;
}

/* -- files ----------------------------------------------------------------- */

static int put_data(struct layer *layer, size_t len, struct hx_err *err)
{
    return archive_write_data(layer->output->tar, layer->copy, len) ==
                   (la_ssize_t)len
               ? 0
               : hx_output_failed(layer->output, err);
}

/* libarchive wants holes, too, and throws them away. */
static int put_hole(struct layer *layer, uint64_t bytes, struct hx_err *err)
{
    int rc = 0;

    memset(layer->copy, 0, sizeof(layer->copy));
    while (rc == 0 && bytes) {
        size_t len = bytes < COPY_BYTES ? (size_t)bytes : COPY_BYTES;

        rc = put_data(layer, len, err);
        bytes -= len;
    }
    return rc;
}

static int put_part(struct layer *layer, const struct hx_scratch_part *part,
                    struct hx_err *err)
{
    int rc = 0;

    for (uint64_t done = 0; rc == 0 && done < part->bytes;) {
        size_t len = part->bytes - done < COPY_BYTES
                         ? (size_t)(part->bytes - done)
                         : COPY_BYTES;

        rc = hx_scratch_read(layer->scratch, part->at + done, layer->copy, len,
                             err);
        if (rc == 0)
            rc = put_data(layer, len, err);
        done += len;
    }
    return rc;
}

static int put_content(struct layer *layer,
                       const struct hx_scratch_inode *inode,
                       const struct hx_scratch_part *parts, size_t count,
                       struct hx_err *err)
{
    uint64_t end = 0;
    int rc;

    archive_entry_set_size(layer->entry, (int64_t)inode->bytes);
    for (size_t i = 0; i < count; i++)
        archive_entry_sparse_add_entry(layer->entry, (int64_t)parts[i].offset,
                                       (int64_t)parts[i].bytes);
    if (inode->bytes && !count) /* all of it is a hole */
        archive_entry_sparse_add_entry(layer->entry, 0, 0);
    rc = put_entry(layer, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_hole(layer, parts[i].offset - end, err);
        if (rc == 0)
            rc = put_part(layer, &parts[i], err);
        end = parts[i].offset + parts[i].bytes;
    }
    return rc == 0 ? put_hole(layer, inode->bytes - end, err) : rc;
}

static int put_file(struct layer *layer, const struct hx_scratch_inode *inode,
                    struct hx_err *err)
{
    _cleanup_free_ struct hx_scratch_part *parts = NULL;
    size_t count = 0;
    int rc = 0;

    if (inode->bytes > layer->content_left)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "/%.200s: with it the files that the pod has written "
                          "have more than %llu GiB, holes included",
                          layer->path,
                          (unsigned long long)(HX_LAYER_CONTENT_MAX >> 30));
    layer->content_left -= inode->bytes;
    if (inode->bytes)
        rc = hx_scratch_parts(layer->scratch, inode, &parts, &count, err);
    return rc < 0 ? rc : put_content(layer, inode, parts, count, err);
}

static int put_symlink(struct layer *layer,
                       const struct hx_scratch_inode *inode, struct hx_err *err)
{
    _cleanup_free_ char *target = NULL;
    int rc = hx_scratch_symlink(layer->scratch, inode, &target, err);

    if (rc < 0)
        return rc;
    archive_entry_copy_symlink(layer->entry, target);
    return put_entry(layer, err);
}

/* Another name of what was written already. */
static int put_link(struct layer *layer, const char *first, struct hx_err *err)
{
    archive_entry_set_filetype(layer->entry, AE_IFREG);
    archive_entry_copy_hardlink(layer->entry, first);
    return put_entry(layer, err);
}

/* What is no folder. */
static int put_other(struct layer *layer, const struct hx_scratch_inode *inode,
                     struct hx_err *err)
{
    const char *first = NULL;
    int rc;

    begin_entry(layer, inode);
    if (inode->links > 1)
        first = hx_inodes_find(&layer->seen, inode->ino);
    if (first)
        return put_link(layer, first, err);
    if (inode->links > 1 &&
        hx_inodes_add(&layer->seen, inode->ino, layer->path) < 0)
        return no_memory(err);
    rc = hx_scratch_xattrs(layer->scratch, inode->ino, take_xattr, layer, err);
    if (rc < 0)
        return rc;
    if (S_ISREG(inode->mode))
        return put_file(layer, inode, err);
    if (S_ISLNK(inode->mode))
        return put_symlink(layer, inode, err);
    if (!S_ISCHR(inode->mode) && !S_ISBLK(inode->mode) &&
        !S_ISFIFO(inode->mode))
        return corrupt(layer, "of no known type", err);
    if (!S_ISFIFO(inode->mode))
        archive_entry_set_rdev(layer->entry,
                               makedev(inode->major, inode->minor));
    return put_entry(layer, err);
}

/* -- folders --------------------------------------------------------------- */

static int put_folder(struct layer *layer, const struct hx_scratch_inode *inode,
                      struct hx_err *err);

static int put_one(struct layer *layer, const struct hx_scratch_entry *found,
                   struct hx_err *err)
{
    struct hx_scratch_inode inode;
    size_t before;
    int rc = hx_scratch_inode(layer->scratch, found->ino, &inode, err);

    if (rc < 0 || S_ISSOCK(inode.mode))
        return rc;
    if (S_ISCHR(inode.mode) && inode.major == 0 && inode.minor == 0)
        return put_mark(layer, WHITEOUT, found->name, err);
    rc = enter(layer, "", found->name, &before, err);
    if (rc < 0)
        return rc;
    if (strncmp(found->name, WHITEOUT, strlen(WHITEOUT)) == 0)
        rc = hx_err_set(err, HX_ERR_UNSUPPORTED,
                        "/%.200s: in a layer such a name removes a file; "
                        "rename it",
                        layer->path);
    else if (S_ISDIR(inode.mode))
        rc = put_folder(layer, &inode, err);
    else
        rc = put_other(layer, &inode, err);
    leave(layer, before);
    return rc;
}

static int put_content_of(struct layer *layer,
                          const struct hx_scratch_inode *inode,
                          struct hx_err *err)
{
    struct hx_scratch_entry *entries = NULL;
    size_t count = 0;
    int rc = hx_scratch_entries(layer->scratch, inode, HX_LAYER_ENTRIES_MAX,
                                &entries, &count, err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = put_one(layer, &entries[i], err);
    hx_scratch_entries_free(entries, count);
    return rc;
}

static int put_folder(struct layer *layer, const struct hx_scratch_inode *inode,
                      struct hx_err *err)
{
    int rc;

    if (hx_inodes_find(&layer->seen, inode->ino))
        return corrupt(layer, "a folder that is in two places", err);
    if (hx_inodes_add(&layer->seen, inode->ino, "") < 0)
        return no_memory(err);
    if (layer->depth >= DEPTH_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "/%.100s...: folders deeper than %d", layer->path,
                          DEPTH_MAX);
    begin_entry(layer, inode);
    layer->opaque = 0;
    rc = hx_scratch_xattrs(layer->scratch, inode->ino, take_xattr, layer, err);
    if (rc == 0)
        rc = put_entry(layer, err);
    if (rc == 0 && layer->opaque)
        rc = put_mark(layer, "", OPAQUE_ENTRY, err);
    if (rc < 0)
        return rc;
    layer->depth++;
    rc = put_content_of(layer, inode, err);
    layer->depth--;
    return rc;
}

/* The folder itself is the image's own, as the guest copied it. */
static int put_upper(struct layer *layer, const char *path, struct hx_err *err)
{
    struct hx_scratch_inode root;
    uint32_t ino = 0;
    int rc = hx_scratch_find(layer->scratch, path, &ino, err);

    if (rc == -HX_ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = hx_scratch_inode(layer->scratch, ino, &root, err);
    if (rc == 0 && hx_inodes_add(&layer->seen, ino, "") < 0)
        rc = no_memory(err);
    return rc == 0 ? put_content_of(layer, &root, err) : rc;
}

int hx_layer_write(struct hx_scratch *scratch, const char *path, int fd,
                   struct hx_layer_result *result_r, struct hx_err *err)
{
    struct layer *layer = calloc(1, sizeof(*layer));
    struct hx_layer_result result = { 0 };
    int rc;

    if (!layer)
        return no_memory(err);
    layer->scratch = scratch;
    layer->content_left = HX_LAYER_CONTENT_MAX;
    layer->entry = archive_entry_new();
    rc =
        layer->entry ? hx_output_open(fd, &layer->output, err) : no_memory(err);
    if (rc == 0)
        rc = put_upper(layer, path, err);
    if (rc == 0)
        rc = hx_output_finish(layer->output, result.diff_id, err);
    if (rc == 0) {
        result.entries = layer->entries;
        *result_r = result;
    }
    hx_output_free(layer->output);
    archive_entry_free(layer->entry);
    hx_inodes_release(&layer->seen);
    free(layer);
    return rc;
}
