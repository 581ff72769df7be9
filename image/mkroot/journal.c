/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/journal.h"

#include <errno.h>
#include <string.h>

/*
 *     0       4        6        8        10     12
 *     | inode | shared | suffix | target | kind | suffix... target... NUL |
 *
 * `shared` counts the bytes kept of the path before, with their last '/';
 * `suffix` and `target` count the bytes that follow here.
 */
struct stored_note {
    uint32_t inode;
    uint16_t shared;
    uint16_t suffix;
    uint16_t target;
    uint16_t kind;
    char bytes[];
};

static size_t shared_len(const struct hx_path *a, const struct hx_path *b)
{
    size_t end = a->len < b->len ? a->len : b->len;
    size_t shared = 0;

    for (size_t i = 0; i < end && a->text[i] == b->text[i]; i++)
        if (a->text[i] == '/')
            shared = i + 1;
    return shared;
}

static size_t note_bytes(const struct stored_note *stored)
{
    return sizeof(*stored) + stored->suffix + stored->target;
}

int hx_journal_add(struct hx_journal *journal, enum hx_note_kind kind,
                   const struct hx_path *path, uint32_t inode,
                   const struct hx_path *target, struct hx_err *err)
{
    size_t shared = shared_len(&journal->last, path);
    size_t suffix = path->len - shared;
    size_t target_bytes = target ? target->len + 1 : 0;
    struct stored_note *stored;
    uint32_t ref;

    stored = hx_arena_alloc(&journal->notes,
                            sizeof(*stored) + suffix + target_bytes, &ref);
    if (!stored)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "keeping the layer's entries");
    stored->kind = (uint16_t)kind;
    stored->inode = inode;
    stored->shared = (uint16_t)shared;
    stored->suffix = (uint16_t)suffix;
    stored->target = (uint16_t)target_bytes;
    memcpy(stored->bytes, path->text + shared, suffix);
    if (target)
        memcpy(stored->bytes + suffix, target->text, target_bytes);
    memcpy(journal->last.text + shared, path->text + shared, suffix + 1);
    journal->last.len = path->len;
    journal->count++;
    if (kind == HX_NOTE_WHITEOUT || kind == HX_NOTE_OPAQUE)
        journal->whiteouts++;
    return 0;
}

void hx_note_first(struct hx_note *note)
{
    note->ref = 0;
    note->bytes = 0;
    note->path.len = 0;
    note->path.text[0] = '\0';
}

int hx_note_next(const struct hx_journal *journal, struct hx_note *note)
{
    const struct stored_note *stored;

    note->ref = hx_arena_next(&journal->notes, note->ref, note->bytes);
    if (!note->ref)
        return 0;
    stored = hx_arena_ptr(&journal->notes, note->ref);
    note->bytes = note_bytes(stored);
    note->kind = (enum hx_note_kind)stored->kind;
    note->inode = stored->inode;
    note->target = stored->target ? stored->bytes + stored->suffix : NULL;
    memcpy(note->path.text + stored->shared, stored->bytes, stored->suffix);
    note->path.len = (size_t)stored->shared + stored->suffix;
    note->path.text[note->path.len] = '\0';
    return 1;
}

int hx_note_take(struct hx_journal *journal, struct hx_note *note)
{
    if (!hx_note_next(journal, note))
        return 0;
    hx_arena_forget(&journal->notes, note->ref);
    return 1;
}

void hx_journal_release(struct hx_journal *journal)
{
    hx_arena_release(&journal->notes);
    memset(journal, 0, sizeof(*journal));
}
