/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/prune.h"

#include <string.h>

#include "image/base/file.h"
#include "image/record.h"
#include "image/sweep.h"

/* What the store holds; read under its lock, which lives as long. */
struct content {
    struct hx_store *store;
    struct hx_image_record *records;
    size_t count;
    struct hx_ref_record *refs;
    size_t ref_count;
    int lock;
};

static int open_content(struct content *content, struct hx_err *err)
{
    int rc = hx_store_lock(content->store, &content->lock, err);

    if (rc == 0)
        rc = hx_image_record_list(content->store, &content->records,
                                  &content->count, err);
    if (rc == 0)
        rc = hx_ref_record_list(content->store, &content->refs,
                                &content->ref_count, err);
    return rc;
}

static void close_content(struct content *content)
{
    hx_cleanup_close(&content->lock);
    free(content->records);
    hx_ref_record_list_free(content->refs, content->ref_count);
}

#define _cleanup_content_ _cleanup_(close_content)

static int is_named(const struct content *content, const char *id)
{
    for (size_t i = 0; i < content->ref_count; i++) {
        if (strcmp(content->refs[i].id, id) == 0)
            return 1;
    }
    return 0;
}

typedef void removed_fn(const char *name, const char *id, void *opaque);

/* The names first: a name without an image is what must not be left. */
static int remove_image(const struct content *content, const char *id,
                        removed_fn *removed, void *opaque, struct hx_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < content->ref_count; i++) {
        const char *name = content->refs[i].reference;

        if (strcmp(content->refs[i].id, id) != 0)
            continue;
        rc = hx_ref_record_remove(content->store, name, err);
        if (rc == 0)
            removed(name, id, opaque);
    }
    if (rc == 0)
        rc = hx_image_record_remove(content->store, id, err);
    if (rc == 0)
        removed(NULL, id, opaque);
    return rc;
}

/* One whose config cannot be read is for the check, and no filter's. */
static int is_wanted(const struct content *content,
                     const struct hx_prune *prune, const char *id)
{
    _cleanup_free_ char *path = hx_store_blob_path(content->store, id);
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_config_ struct hx_image_config config = { 0 };

    if (!prune->wanted)
        return 1;
    return path &&
           hx_file_read(path, HX_MANIFEST_MAX_BYTES, &text, NULL) == 0 &&
           hx_config_parse(text.data ? text.data : "", text.len, path, &config,
                           NULL, NULL) == 0 &&
           prune->wanted(&config, prune->opaque);
}

static int prune_content(struct content *content, const struct hx_prune *prune,
                         struct hx_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < content->count; i++) {
        const char *id = content->records[i].id;

        if ((!prune->all && is_named(content, id)) ||
            !is_wanted(content, prune, id))
            continue;
        rc = prune->in_use(id, prune->opaque, err);
        if (rc == 0)
            rc = remove_image(content, id, prune->removed, prune->opaque, err);
        else if (rc > 0)
            rc = 0;
    }
    return rc;
}

int hx_image_prune(struct hx_store *store, const struct hx_prune *prune,
                   uint64_t *freed_bytes_r, struct hx_err *err)
{
    _cleanup_content_ struct content content = { .store = store, .lock = -1 };
    uint64_t freed_bytes = 0;
    int rc = open_content(&content, err);

    if (rc == 0)
        rc = prune_content(&content, prune, err);
    if (rc < 0)
        return rc;
    /* The sweeper takes the lock itself. */
    close(hx_steal_fd(&content.lock));
    rc = hx_store_sweep_freed(store, &freed_bytes, err);
    if (rc == 0)
        *freed_bytes_r = freed_bytes;
    return rc;
}

/* -- the cap ----------------------------------------------------------------
 */

struct capping {
    const struct hx_store_cap *cap;
    int64_t used_at_s;
};

static void cap_removed(const char *name, const char *id, void *opaque)
{
    const struct capping *capping = opaque;

    capping->cap->removed(name, id, capping->used_at_s, capping->cap->opaque);
}

/*
 * The image used longest ago that may go: its number, or -1 when there is
 * none.  `stays` marks those that were found to be needed.
 */
static long choose(const struct content *content, const char *stays)
{
    int64_t oldest_s = 0;
    long chosen = -1;

    for (size_t i = 0; i < content->count; i++) {
        int64_t used_s;

        if (stays[i])
            continue;
        used_s =
            hx_image_record_used_at_s(content->store, content->records[i].id);
        if (chosen < 0 || used_s < oldest_s) {
            oldest_s = used_s;
            chosen = (long)i;
        }
    }
    return chosen;
}

/* Removes one, and closes the gap in both lists. */
static int drop(struct content *content, char *stays, size_t at,
                const struct hx_store_cap *cap, struct hx_err *err)
{
    const char *id = content->records[at].id;
    struct capping capping = { cap,
                               hx_image_record_used_at_s(content->store, id) };
    int rc = remove_image(content, id, cap_removed, &capping, err);

    if (rc < 0)
        return rc;
    content->count--;
    memmove(&content->records[at], &content->records[at + 1],
            (content->count - at) * sizeof(*content->records));
    memmove(&stays[at], &stays[at + 1], content->count - at);
    return 0;
}

static int cap_content(struct content *content, const struct hx_store_cap *cap,
                       uint64_t *needed_bytes, struct hx_err *err)
{
    _cleanup_free_ char *stays = calloc(content->count + 1, 1);
    int rc;

    if (!stays)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image store");
    for (;;) {
        const char *id;
        long at = -1;

        rc = hx_store_needed_bytes(content->store, content->records,
                                   content->count, needed_bytes, err);
        if (rc < 0 || *needed_bytes <= cap->max_bytes)
            return rc;
        do {
            at = choose(content, stays);
            if (at < 0)
                return 0;
            id = content->records[at].id;
            rc = cap->keep_id && strcmp(id, cap->keep_id) == 0
                     ? 1
                     : cap->in_use(id, cap->opaque, err);
            if (rc < 0)
                return rc;
            stays[at] = (char)rc;
        } while (rc);
        rc = drop(content, stays, (size_t)at, cap, err);
        if (rc < 0)
            return rc;
    }
}

int hx_image_cap(struct hx_store *store, const struct hx_store_cap *cap,
                 uint64_t *needed_bytes_r, struct hx_err *err)
{
    _cleanup_content_ struct content content = { .store = store, .lock = -1 };
    uint64_t stored_bytes = 0;
    int rc = open_content(&content, err);

    if (rc == 0)
        rc = cap_content(&content, cap, needed_bytes_r, err);
    if (rc < 0)
        return rc;
    close(hx_steal_fd(&content.lock));
    rc = hx_store_stored_bytes(store, &stored_bytes, err);
    if (rc < 0)
        return rc;
    return stored_bytes > cap->max_bytes ? hx_store_sweep(store, err)
                                         : hx_store_sweep_old(store, err);
}
