/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fts.h>
#include <stdio.h>
#include <string.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/record.h"

#define RECORD_MAX_BYTES 65536
#define RECORD_VERSION   1

/* A folder of a reference's path never begins with '_'. */
#define TAGS    "_tags"
#define DIGESTS "_digests"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image references");
}

/* A digest is what a reference with both is about (docker's rule). */
char *hx_ref_record_path(const struct hx_store *store,
                         const struct hx_reference *ref)
{
    if (ref->digest)
        return hx_store_path(store, "refs/%s/%s/" DIGESTS "/%s", ref->domain,
                             ref->path, ref->digest);
    return hx_store_path(store, "refs/%s/%s/" TAGS "/%s", ref->domain,
                         ref->path, ref->tag);
}

static int load_path(const char *path, struct hx_ref_record *record_r,
                     struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_json_ json_t *doc = NULL;
    const char *reference = "", *id = "", *digest = "";
    struct hx_ref_record record = { 0 };
    uint64_t at = 0;
    int rc = hx_file_read(path, RECORD_MAX_BYTES, &text, err);

    if (rc == 0)
        rc = hx_json_parse(text.data ? text.data : "", text.len, path, &doc,
                           err);
    if (rc == 0)
        rc = hx_json_str(doc, "reference", path, HX_JSON_REQUIRED, &reference,
                         err);
    if (rc == 0)
        rc = hx_json_str(doc, "id", path, HX_JSON_REQUIRED, &id, err);
    if (rc == 0)
        rc = hx_json_str(doc, "digest", path, HX_JSON_OPTIONAL, &digest, err);
    if (rc == 0)
        rc = hx_json_u64(doc, "pulled_at_s", path, HX_JSON_OPTIONAL, &at, err);
    if (rc < 0)
        return rc;
    if (!hx_digest_valid(id) || (*digest && !hx_digest_valid(digest)))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: damaged; remove the file and pull again", path);
    hx_digest_copy(record.id, id);
    hx_digest_copy(record.digest, digest);
    record.pulled_at_s = (int64_t)at;
    record.reference = strdup(reference);
    if (!record.reference)
        return no_memory(err);
    *record_r = record;
    return 0;
}

int hx_ref_record_load(const struct hx_store *store,
                       const struct hx_reference *ref,
                       struct hx_ref_record *record_r, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_ref_record_path(store, ref);

    if (!path)
        return no_memory(err);
    return load_path(path, record_r, err);
}

int hx_ref_record_save(const struct hx_store *store,
                       const struct hx_reference *ref,
                       const struct hx_ref_record *record, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_ref_record_path(store, ref);
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *doc = json_pack(
        "{s:i, s:s, s:s, s:s, s:I}", "version", RECORD_VERSION, "reference",
        record->reference, "id", record->id, "digest", record->digest,
        "pulled_at_s", (json_int_t)record->pulled_at_s);

    if (doc)
        text = json_dumps(doc, JSON_INDENT(2));
    if (!path || !text)
        return no_memory(err);
    return hx_store_write(store, path, text, strlen(text), err);
}

int hx_ref_record_remove(const struct hx_store *store, const char *canonical,
                         struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *path = NULL;
    size_t keep = strlen(store->root) + strlen("/refs");
    int rc = hx_reference_parse(canonical, &ref, err);

    if (rc < 0)
        return rc;
    path = hx_ref_record_path(store, &ref);
    if (!path)
        return no_memory(err);
    if (unlink(path) < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    for (;;) {
        *strrchr(path, '/') = '\0';
        if (strlen(path) <= keep || rmdir(path) < 0)
            return 0;
    }
}

void hx_ref_record_release(struct hx_ref_record *record)
{
    if (!record)
        return;
    free(record->reference);
    *record = (struct hx_ref_record){ 0 };
}

void hx_ref_record_list_free(struct hx_ref_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hx_ref_record_release(&records[i]);
    free(records);
}

/* Whether the file is where its own reference belongs. */
static int in_place(const struct hx_store *store, const char *path,
                    const struct hx_ref_record *record)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *expected = NULL;

    if (hx_reference_parse(record->reference, &ref, NULL) < 0)
        return 0;
    expected = hx_ref_record_path(store, &ref);
    return expected && strcmp(expected, path) == 0;
}

static int add_record(struct hx_ref_record **records, size_t *count,
                      struct hx_ref_record *record)
{
    struct hx_ref_record *more = *records;

    if ((*count & (*count - 1)) == 0) {
        more = realloc(more, (*count ? *count * 2 : 1) * sizeof(*more));
        if (!more)
            return -1;
        *records = more;
    }
    more[(*count)++] = *record;
    *record = (struct hx_ref_record){ 0 };
    return 0;
}

static int by_reference(const void *a, const void *b)
{
    const struct hx_ref_record *left = a, *right = b;

    return strcmp(left->reference, right->reference);
}

int hx_ref_record_walk(const struct hx_store *store, hx_ref_record_fn *each,
                       void *opaque, struct hx_err *err)
{
    _cleanup_free_ char *folder = hx_store_path(store, "refs");
    FTSENT *entry;
    FTS *walk;
    int rc = 0;

    if (!folder)
        return no_memory(err);
    walk =
        fts_open((char *[]){ folder, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", folder);
    while (rc == 0 && (entry = fts_read(walk))) {
        _cleanup_ref_record_ struct hx_ref_record record = { 0 };

        if (entry->fts_info == FTS_D || entry->fts_info == FTS_DP)
            continue;
        if (entry->fts_info == FTS_F &&
            load_path(entry->fts_path, &record, NULL) == 0 &&
            in_place(store, entry->fts_path, &record))
            rc = each(entry->fts_path, &record, opaque, err);
        else
            rc = each(entry->fts_path, NULL, opaque, err);
    }
    fts_close(walk);
    return rc;
}

struct list {
    struct hx_ref_record *records;
    size_t count;
};

static int add_to_list(const char *path, struct hx_ref_record *record,
                       void *opaque, struct hx_err *err)
{
    struct list *list = opaque;

    (void)path;
    if (record && add_record(&list->records, &list->count, record) < 0)
        return no_memory(err);
    return 0;
}

int hx_ref_record_list(const struct hx_store *store,
                       struct hx_ref_record **records_r, size_t *count_r,
                       struct hx_err *err)
{
    struct list list = { 0 };
    int rc = hx_ref_record_walk(store, add_to_list, &list, err);

    if (rc < 0) {
        hx_ref_record_list_free(list.records, list.count);
        return rc;
    }
    if (list.count)
        qsort(list.records, list.count, sizeof(*list.records), by_reference);
    *records_r = list.records;
    *count_r = list.count;
    return 0;
}
