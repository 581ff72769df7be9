/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/json.h"
#include "image/base/strv.h"
#include "image/pull/blob.h"
#include "image/pull/report.h"
#include "image/pull/resolve.h"
#include "image/pull/tree.h"

#define TAG_NOTE  "org.opencontainers.image.ref.name"
#define NAME_NOTE "io.containerd.image.name"

struct layout {
    struct hx_supply supply; /* first */
    struct hx_tree *tree;
    char *tag;    /* or NULL */
    char **names; /* with `next`: of all images; digests of those without */
    size_t number;
    int listed;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "OCI layout");
}

static int read_file(struct layout *layout, const char *name,
                     struct hx_buf *out, struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    char chunk[16384];
    ssize_t n;
    int rc = layout->tree->open(layout->tree, name, &fd, err);

    if (rc < 0)
        return rc;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        if (hx_buf_add(out, chunk, (size_t)n) < 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "%s: %.100s is larger than 4 MiB",
                              layout->tree->what, name);
    }
    if (n < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s: reading %.100s",
                          layout->tree->what, name);
    return 0;
}

static void blob_name(const char *digest, char name[96])
{
    snprintf(name, 96, "blobs/sha256/%s", hx_digest_hex(digest));
}

static int document(void *self, const struct hx_descriptor *descriptor,
                    struct hx_buf *body, char **type_r, struct hx_err *err)
{
    struct layout *layout = self;
    char name[96], digest[HX_DIGEST_TEXT_MAX];
    int rc;

    (void)type_r; /* a file has no Content-Type */
    blob_name(descriptor->digest, name);
    rc = read_file(layout, name, body, err);
    if (rc < 0)
        return rc;
    if (hx_hash_bytes(body->data ? body->data : "", body->len, digest) < 0)
        return no_memory(err);
    if (body->len != descriptor->size_bytes ||
        strcmp(digest, descriptor->digest) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: blob %.19s has not the size or digest that it "
                          "should have",
                          layout->tree->what, descriptor->digest);
    return 0;
}

static int copy(struct layout *layout, int fd, struct hx_blob *blob,
                struct hx_err *err)
{
    static char chunk[262144];
    char object[HX_SHORT_DIGEST];
    ssize_t n;
    int rc = hx_blob_restart(blob, err);

    hx_short_digest(blob->descriptor.digest, object);
    while (rc == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s: reading blob %s",
                              layout->tree->what, object);
        rc = hx_blob_write(blob, chunk, (size_t)n, err);
        hx_report_progress("reading", object, blob->have_bytes,
                           blob->descriptor.size_bytes);
    }
    return rc;
}

static int blob(void *self, const struct hx_descriptor *descriptor,
                struct hx_err *err)
{
    struct layout *layout = self;
    struct hx_blob blob;
    _cleanup_close_ int fd = -1;
    char name[96];
    int rc = hx_blob_begin(layout->supply.store, descriptor, &blob, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    blob_name(descriptor->digest, name);
    rc = layout->tree->open(layout->tree, name, &fd, err);
    if (rc == 0)
        rc = copy(layout, fd, &blob, err);
    if (rc < 0) {
        hx_blob_drop(&blob);
        return rc;
    }
    return hx_blob_finish(&blob, err);
}

static const char *note(const json_t *entry, const char *name)
{
    const json_t *notes = json_object_get(entry, "annotations");

    return json_string_value(json_object_get(notes, name));
}

/* A name that is a whole reference, as podman and docker write it; a bare
 * tag is none. */
static char *whole_reference(const json_t *entry)
{
    static const char *const names[] = { NAME_NOTE, TAG_NOTE };

    for (size_t i = 0; i < 2; i++) {
        _cleanup_reference_ struct hx_reference ref = { 0 };
        const char *text = note(entry, names[i]);

        if (text && strpbrk(text, "/:") &&
            hx_reference_parse(text, &ref, NULL) == 0)
            return hx_reference_canonical(&ref);
    }
    return NULL;
}

static const char *own_digest(const json_t *entry)
{
    return json_string_value(json_object_get(entry, "digest"));
}

static int is_named(const json_t *entry, const char *tag)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *whole = whole_reference(entry);
    _cleanup_free_ char *wanted = NULL;
    const char *text = note(entry, TAG_NOTE);

    if (text && strcmp(text, tag) == 0)
        return 1;
    if (hx_digest_valid(tag))
        return !text && own_digest(entry) &&
               strcmp(own_digest(entry), tag) == 0;
    if (!whole || hx_reference_parse(tag, &ref, NULL) < 0)
        return 0;
    wanted = hx_reference_canonical(&ref);
    return wanted && strcmp(wanted, whole) == 0;
}

static const char *any_name(const json_t *entry)
{
    const char *text = note(entry, NAME_NOTE);

    return text ? text : note(entry, TAG_NOTE);
}

static int ambiguous(const struct layout *layout, const json_t *all,
                     struct hx_err *err)
{
    struct hx_buf names = HX_BUF_INIT(400);
    enum hx_err_code code = layout->tag ? HX_ERR_NOT_FOUND : HX_ERR_USAGE;
    json_t *entry;
    size_t i;

    json_array_foreach (all, i, entry) {
        if (any_name(entry))
            (void)hx_buf_addf(&names, "%s%.100s", names.len ? ", " : "",
                              any_name(entry));
    }
    hx_err_set(err, code, "%s: %s; it holds %s", layout->tree->what,
               layout->tag ? "no image of that name is in it"
                           : "several images are in it: name one of them "
                             "behind a ':'",
               names.len ? names.data : "no named image");
    hx_buf_release(&names);
    return -(int)code;
}

/*
 * The entries that are meant: those of the tag, else all when they are one
 * image, that is, when no two of them have different names.
 */
static int choose(const struct layout *layout, const json_t *all,
                  json_t *chosen, struct hx_err *err)
{
    const char *name = NULL;
    json_t *entry;
    size_t i;

    json_array_foreach (all, i, entry) {
        const char *own = any_name(entry);

        if (layout->tag && !is_named(entry, layout->tag))
            continue;
        if (!layout->tag && own && name && strcmp(own, name) != 0)
            return ambiguous(layout, all, err);
        name = own ? own : name;
        if (json_array_append(chosen, entry) < 0)
            return no_memory(err);
    }
    return json_array_size(chosen) ? 0 : ambiguous(layout, all, err);
}

static int read_index(struct layout *layout, json_t **doc_r, json_t **all_r,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    _cleanup_buf_ struct hx_buf mark = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    int rc = read_file(layout, "oci-layout", &mark, err);

    if (rc == -HX_ERR_NOT_FOUND)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: it is no OCI layout: it holds no file "
                          "oci-layout",
                          layout->tree->what);
    if (rc == 0)
        rc = read_file(layout, "index.json", &text, err);
    if (rc == 0)
        rc = hx_json_parse(text.data ? text.data : "", text.len,
                           layout->tree->what, doc_r, err);
    if (rc == 0)
        rc = hx_json_arr(*doc_r, "manifests", layout->tree->what,
                         HX_JSON_REQUIRED, all_r, err);
    if (rc == 0 && json_array_size(*all_r) > HX_INDEX_ENTRIES_MAX)
        rc = hx_err_set(err, HX_ERR_LIMIT, "%s: more than %d images",
                        layout->tree->what, HX_INDEX_ENTRIES_MAX);
    return rc;
}

/* One entry is followed by itself, so that its digest is the image's. */
static int resolve_one(struct layout *layout, const json_t *entry,
                       const struct hx_platform *wanted,
                       struct hx_found *found_r, struct hx_err *err)
{
    struct hx_content content = { layout->supply.store, document, blob,
                                  layout };
    _cleanup_buf_ struct hx_buf body = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    struct hx_descriptor descriptor = { 0 };
    const char *what = layout->tree->what, *digest = NULL, *type = NULL;
    char *unused = NULL;
    int rc = hx_json_str(entry, "digest", what, HX_JSON_REQUIRED, &digest, err);

    if (rc == 0)
        rc = hx_digest_check(digest, what, err);
    if (rc == 0)
        rc = hx_json_u64(entry, "size", what, HX_JSON_REQUIRED,
                         &descriptor.size_bytes, err);
    if (rc == 0)
        rc =
            hx_json_str(entry, "mediaType", what, HX_JSON_OPTIONAL, &type, err);
    if (rc < 0)
        return rc;
    hx_digest_copy(descriptor.digest, digest);
    rc = document(layout, &descriptor, &body, &unused, err);
    return rc < 0 ? rc
                  : hx_resolve(&content, &body, type, digest, wanted, found_r,
                               err);
}

/* Several entries are several platforms of one image: an index of them. */
static int resolve_many(struct layout *layout, json_t *chosen,
                        const struct hx_platform *wanted,
                        struct hx_found *found_r, struct hx_err *err)
{
    struct hx_content content = { layout->supply.store, document, blob,
                                  layout };
    _cleanup_json_ json_t *doc =
        json_pack("{s:i, s:O}", "schemaVersion", 2, "manifests", chosen);
    _cleanup_free_ char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    char digest[HX_DIGEST_TEXT_MAX];
    struct hx_buf body;
    int rc;

    if (!text || hx_hash_bytes(text, strlen(text), digest) < 0)
        return no_memory(err);
    body = (struct hx_buf){ .data = text, .len = strlen(text) };
    rc = hx_resolve(&content, &body, HX_TYPE_OCI_INDEX, digest, wanted, found_r,
                    err);
    /* Nobody else knows the index that we have just made. */
    if (rc == 0)
        hx_digest_copy(found_r->root, found_r->manifest);
    return rc;
}

/* A name with a digest that is not the image's own is a lie. */
static int name_it(const json_t *entry, struct hx_found *found,
                   struct hx_err *err)
{
    _cleanup_free_ char *name = whole_reference(entry);
    _cleanup_reference_ struct hx_reference ref = { 0 };

    if (!name || hx_reference_parse(name, &ref, NULL) < 0 ||
        (ref.digest && strcmp(ref.digest, found->root) != 0))
        return 0;
    return hx_strv_add(&found->references, name) < 0 ? no_memory(err) : 0;
}

static int find(struct hx_supply *supply, const struct hx_platform *wanted,
                struct hx_found *found_r, struct hx_err *err)
{
    struct layout *layout = (struct layout *)supply;
    _cleanup_json_ json_t *doc = NULL, *chosen = json_array();
    _cleanup_found_ struct hx_found found = { 0 };
    json_t *all = NULL;
    int rc;

    if (!chosen)
        return no_memory(err);
    rc = read_index(layout, &doc, &all, err);
    if (rc == 0)
        rc = choose(layout, all, chosen, err);
    if (rc == 0 && json_array_size(chosen) == 1)
        rc =
            resolve_one(layout, json_array_get(chosen, 0), wanted, &found, err);
    else if (rc == 0)
        rc = resolve_many(layout, chosen, wanted, &found, err);
    if (rc == 0)
        rc = name_it(json_array_get(chosen, 0), &found, err);
    if (rc < 0)
        return rc;
    *found_r = found;
    found = (struct hx_found){ 0 };
    return 0;
}

static int is_listed(const struct layout *layout, const char *name)
{
    for (size_t i = 0; layout->names && layout->names[i]; i++) {
        if (strcmp(layout->names[i], name) == 0)
            return 1;
    }
    return 0;
}

/* When no entry has a name, all are one image for several platforms. */
static int list_names(struct layout *layout, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    json_t *all = NULL, *entry;
    int named = 0, rc = read_index(layout, &doc, &all, err);
    size_t i;

    json_array_foreach (all, i, entry)
        named |= any_name(entry) != NULL;
    json_array_foreach (all, i, entry) {
        const char *name = any_name(entry);

        if (!name)
            name = own_digest(entry);
        if (rc == 0 && named && name && !is_listed(layout, name) &&
            hx_strv_add(&layout->names, name) < 0)
            rc = no_memory(err);
    }
    layout->listed = 1;
    return rc;
}

static int next(struct hx_supply *supply, struct hx_err *err)
{
    struct layout *layout = (struct layout *)supply;
    size_t number = layout->number++;
    int rc = layout->listed ? 0 : list_names(layout, err);

    if (rc < 0)
        return rc;
    if (!layout->names)
        return number == 0;
    if (number >= hx_strv_len(layout->names))
        return 0;
    free(layout->tag);
    layout->tag = strdup(layout->names[number]);
    return layout->tag ? 1 : no_memory(err);
}

static int layer(struct hx_supply *supply, const struct hx_found *found,
                 size_t index, int *fd_r, struct hx_err *err)
{
    const struct hx_descriptor *descriptor = &found->layers.layers[index];
    int rc = blob(supply, descriptor, err);

    return rc < 0 ? rc
                  : hx_blob_open(supply->store, descriptor->digest, fd_r, err);
}

static void release(struct hx_supply *supply)
{
    struct layout *layout = (struct layout *)supply;

    layout->tree->free(layout->tree);
    hx_strv_free(&layout->names);
    free(layout->tag);
    free(layout);
}

int hx_layout_new(const struct hx_store *store, struct hx_tree *tree,
                  const char *tag, struct hx_supply **supply_r,
                  struct hx_err *err)
{
    struct layout *layout = calloc(1, sizeof(*layout));

    if (!layout) {
        tree->free(tree);
        return no_memory(err);
    }
    layout->supply = (struct hx_supply){ .store = store,
                                         .find = find,
                                         .layer = layer,
                                         .free = release,
                                         .next = next };
    layout->tree = tree;
    if (tag)
        layout->tag = strdup(tag);
    if (tag && !layout->tag) {
        release(&layout->supply);
        return no_memory(err);
    }
    *supply_r = &layout->supply;
    return 0;
}
