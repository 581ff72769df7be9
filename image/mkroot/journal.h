/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one layer says, noted down while its data streams by.
 *
 * Layers are read from the top down, because that is how each file's data is
 * written once; but what a layer means depends on the ones below it (a parent
 * can be a symbolic link there, a hard link's target can lie there).  So each
 * layer's entries are noted, and applied to the tree in the order of the
 * specification once the lowest layer was read (see tree.h).
 *
 * Notes are small: a path is stored as what differs from the path before it,
 * cut at a '/', so that a sorted tar costs little more than its file names.
 */
#ifndef HX_MKROOT_JOURNAL_H
#define HX_MKROOT_JOURNAL_H

#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"
#include "image/mkroot/arena.h"
#include "image/mkroot/path.h"

/* The attributes of one file, whatever its type: 32 bytes. */
struct hx_inode {
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime;
    uint32_t xattr;  /* id of its set of extended attributes; 0 is none */
    uint32_t nlink;  /* names it has in the tree */
    uint32_t number; /* in the finished disk; 0 until written */
    /* Regular file: number of its data (see squash.h), HX_DATA_EMPTY, or
     * HX_DATA_SKIPPED.  Symbolic link: reference of its target in the
     * tree's arena of targets.
     * Device: number as Linux encodes it in 32 bits. */
    uint32_t data;
    uint16_t mode; /* with the type, as st_mode; 0 of what only a hard link's
                      entry says, which goes to the inode it points to */
    uint16_t unused;
};

#define HX_DATA_EMPTY   0
#define HX_DATA_SKIPPED UINT32_MAX

enum hx_note_kind {
    HX_NOTE_ENTRY,    /* path and inode */
    HX_NOTE_LINK,     /* path, inode and target: a hard link */
    HX_NOTE_WHITEOUT, /* path: what is hidden */
    HX_NOTE_OPAQUE,   /* path: the folder whose old content is hidden */
};

/* Zeroed is empty. */
struct hx_journal {
    struct hx_arena notes;
    struct hx_path last;
    uint32_t count;
    uint32_t whiteouts; /* of them whiteouts and opaque folders */
};

/* `inode` is a reference into the caller's arena of inodes, `target` a clean
 * path; both only where the kind has them.  Fails without memory. */
int hx_journal_add(struct hx_journal *journal, enum hx_note_kind kind,
                   const struct hx_path *path, uint32_t inode,
                   const struct hx_path *target, struct hx_err *err);

/*
 * Reading, from the first note to the last:
 *
 *     struct hx_note note;
 *     hx_note_first(journal, &note);
 *     while (hx_note_next(journal, &note))
 *         ... note.kind, note.path, note.inode, note.target ...
 */
struct hx_note {
    enum hx_note_kind kind;
    struct hx_path path;
    uint32_t inode;
    const char *target; /* clean, NUL-terminated */

    uint32_t ref; /* private: where the walk is */
    size_t bytes;
};

void hx_note_first(struct hx_note *note);
int hx_note_next(const struct hx_journal *journal, struct hx_note *note);
/* The same, for the last time: notes before it may be gone. */
int hx_note_take(struct hx_journal *journal, struct hx_note *note);

void hx_journal_release(struct hx_journal *journal);

#endif
