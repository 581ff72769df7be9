/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/resolve.h"

#include <stdio.h>
#include <string.h>

#include "image/base/file.h"
#include "image/pull/blob.h"
#include "image/pull/hash.h"

#define DEPTH_MAX     4  /* of indexes in indexes */
#define DOCUMENTS_MAX 64 /* asked for in all */

struct walk {
    const struct hx_content *content;
    const struct hx_platform *wanted;
    int documents;
};

static int resolve_document(struct walk *walk, const struct hx_buf *body,
                            const char *type, const char *digest, int depth,
                            struct hx_found *found_r, struct hx_err *err);

static int read_config(const struct hx_store *store, const char *digest,
                       struct hx_buf *text, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, digest);

    if (!path)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "config");
    return hx_file_read(path, HX_MANIFEST_MAX_BYTES, text, err);
}

static int resolve_manifest(struct walk *walk, const struct hx_buf *body,
                            const char *digest, struct hx_found *found_r,
                            struct hx_err *err)
{
    _cleanup_found_ struct hx_found found = { 0 };
    _cleanup_buf_ struct hx_buf config = HX_BUF_INIT(0);
    const struct hx_store *store = walk->content->store;
    char what[40];
    int rc;

    snprintf(what, sizeof(what), "manifest %.19s", digest);
    rc = hx_manifest_parse(body->data, body->len, what, &found.layers, err);
    if (rc == 0)
        rc =
            walk->content->blob(walk->content->self, &found.layers.config, err);
    if (rc == 0)
        rc = read_config(store, found.layers.config.digest, &config, err);
    if (rc == 0)
        rc = hx_found_set_config(&found, config.data ? config.data : "",
                                 config.len, found.layers.config.digest,
                                 walk->wanted, err);
    if (rc == 0)
        rc = hx_blob_put(store, digest, body->data, body->len, err);
    if (rc < 0)
        return rc;
    hx_digest_copy(found.manifest, digest);
    *found_r = found;
    found = (struct hx_found){ 0 };
    return 0;
}

static int resolve_entry(struct walk *walk, const struct hx_descriptor *entry,
                         int depth, struct hx_found *found_r,
                         struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf body = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    _cleanup_free_ char *type = NULL;
    int rc;

    if (++walk->documents > DOCUMENTS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "its indexes lead to more than %d documents",
                          DOCUMENTS_MAX);
    if (entry->size_bytes > HX_MANIFEST_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "manifest %.19s: larger than 4 MiB", entry->digest);
    rc = walk->content->document(walk->content->self, entry, &body, &type, err);
    return rc < 0 ? rc
                  : resolve_document(walk, &body, type, entry->digest,
                                     depth + 1, found_r, err);
}

static int resolve_index(struct walk *walk, const struct hx_buf *body,
                         const char *digest, int depth,
                         struct hx_found *found_r, struct hx_err *err)
{
    _cleanup_free_ struct hx_descriptor *entries = NULL;
    size_t count = 0;
    char what[40];
    int rc;

    if (depth >= DEPTH_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "its indexes are nested deeper than %d", DEPTH_MAX);
    snprintf(what, sizeof(what), "index %.19s", digest);
    rc = hx_index_choose(body->data, body->len, what, walk->wanted, &entries,
                         &count, err);
    if (rc < 0)
        return rc;
    /* An entry that names no platform may turn out to be for another. */
    for (size_t i = 0; i < count; i++) {
        rc = resolve_entry(walk, &entries[i], depth, found_r, err);
        if (rc != -HX_ERR_NOT_FOUND)
            return rc;
    }
    return rc;
}

static int resolve_document(struct walk *walk, const struct hx_buf *body,
                            const char *type, const char *digest, int depth,
                            struct hx_found *found_r, struct hx_err *err)
{
    enum hx_media media;
    char what[40];
    int rc;

    snprintf(what, sizeof(what), "manifest %.19s", digest);
    rc = hx_manifest_kind(body->data ? body->data : "", body->len, type, what,
                          &media, err);
    if (rc < 0)
        return rc;
    return media == HX_MEDIA_INDEX
               ? resolve_index(walk, body, digest, depth, found_r, err)
               : resolve_manifest(walk, body, digest, found_r, err);
}

int hx_resolve(const struct hx_content *content, const struct hx_buf *body,
               const char *type, const char *digest,
               const struct hx_platform *wanted, struct hx_found *found_r,
               struct hx_err *err)
{
    struct walk walk = { .content = content, .wanted = wanted };
    int rc = resolve_document(&walk, body, type, digest, 0, found_r, err);

    if (rc == 0)
        hx_digest_copy(found_r->root, digest);
    return rc;
}
