/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "image/base/buf.h"
#include "image/image.h"
#include "image/lookup.h"
#include "image/record.h"

/* What is to be removed, and what the store says about it. */
struct removal {
    const struct hx_store *store;
    char id[HX_DIGEST_TEXT_MAX];
    const char *only_ref; /* canonical; NULL: named by id, all references */
    struct hx_ref_record *refs;
    size_t ref_count;
};

static int is_mine(const struct removal *removal, size_t i)
{
    return strcmp(removal->refs[i].id, removal->id) == 0;
}

static size_t count_refs(const struct removal *removal)
{
    size_t n = 0;

    for (size_t i = 0; i < removal->ref_count; i++)
        n += (size_t)is_mine(removal, i);
    return n;
}

static int refuse_many(const struct removal *removal, const char *text,
                       struct hx_err *err)
{
    struct hx_buf names = HX_BUF_INIT(300);

    for (size_t i = 0; i < removal->ref_count; i++) {
        if (is_mine(removal, i))
            (void)hx_buf_addf(&names, "%s%s", names.len ? ", " : "",
                              removal->refs[i].reference);
    }
    hx_err_set(err, HX_ERR_STATE,
               "removing %.80s: several references name it (%s); remove them "
               "one by one, or all with --force",
               text, names.len ? names.data : "a long list");
    hx_buf_release(&names);
    return -HX_ERR_STATE;
}

static int remove_refs(const struct removal *removal, struct hx_err *err)
{
    for (size_t i = 0; i < removal->ref_count; i++) {
        const char *name = removal->refs[i].reference;
        int rc;

        if (!is_mine(removal, i) ||
            (removal->only_ref && strcmp(removal->only_ref, name) != 0))
            continue;
        rc = hx_ref_record_remove(removal->store, name, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Under the store's lock. */
static int remove_locked(struct removal *removal, const char *text, int force,
                         int needed, struct hx_err *err)
{
    size_t refs;
    int last, rc;

    rc = hx_ref_record_list(removal->store, &removal->refs, &removal->ref_count,
                            err);
    if (rc < 0)
        return rc;
    refs = count_refs(removal);
    if (!removal->only_ref && refs > 1 && !force)
        return refuse_many(removal, text, err);
    last = !removal->only_ref || refs <= 1;
    if (last && needed && !force)
        return hx_err_set(err, HX_ERR_STATE,
                          "removing %.200s: a pod uses it; destroy the pod "
                          "first, or use --force to remove only the name",
                          text);
    rc = remove_refs(removal, err);
    if (rc == 0 && last && !needed)
        rc = hx_image_record_remove(removal->store, removal->id, err);
    return rc;
}

int hx_image_remove(struct hx_store *store, const char *reference, int force,
                    int (*in_use)(const char *id, void *opaque,
                                  struct hx_err *err),
                    void *opaque, struct hx_err *err)
{
    struct removal removal = { .store = store };
    _cleanup_ref_record_ struct hx_ref_record ref = { 0 };
    _cleanup_close_ int lock = -1;
    int needed = 0, rc;

    rc = hx_store_lock(store, &lock, err);
    if (rc == 0 && hx_image_lookup(store, reference, removal.id, &ref, err) < 0)
        rc = hx_err_prefix(err, "removing");
    removal.only_ref = ref.reference;
    if (rc == 0 && in_use)
        rc = needed = in_use(removal.id, opaque, err);
    if (rc < 0)
        return rc;
    rc = remove_locked(&removal, reference, force, needed, err);
    hx_ref_record_list_free(removal.refs, removal.ref_count);
    /* The sweeper takes the lock itself. */
    close(hx_steal_fd(&lock));
    return rc < 0 ? rc : hx_store_sweep(store, err);
}
