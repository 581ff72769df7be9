/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/commit.h"

#include <string.h>
#include <time.h>

#include "image/base/strv.h"
#include "image/record.h"

static int commit_ref(const struct hx_store *store,
                      const struct hx_found *found, char *canonical,
                      int64_t now_s, struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    struct hx_ref_record record = { .reference = canonical,
                                    .pulled_at_s = now_s };
    int rc = hx_reference_parse(canonical, &ref, err);

    if (rc < 0)
        return rc;
    /* Who asks for a digest gets that image, or none. */
    if (ref.digest && strcmp(ref.digest, found->root) != 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%.200s: the image that was found is another one",
                          canonical);
    hx_digest_copy(record.id, found->id);
    hx_digest_copy(record.digest, found->root);
    return hx_ref_record_save(store, &ref, &record, err);
}

int hx_commit(const struct hx_store *store, const struct hx_found *found,
              const struct hx_disk *disk, struct hx_err *err)
{
    struct hx_image_record record = { .disk_bytes = disk->bytes };
    _cleanup_close_ int lock = -1;
    int rc = hx_store_lock(store, &lock, err);

    if (rc < 0)
        return rc;
    record.pulled_at_s = (int64_t)time(NULL);
    hx_digest_copy(record.id, found->id);
    hx_digest_copy(record.manifest, found->manifest);
    hx_hex_copy(record.disk, disk->key);
    hx_hex_copy(record.disk_sha256, disk->sha256);
    memcpy(record.disk_stamp, disk->stamp, sizeof(record.disk_stamp));
    rc = hx_image_record_save(store, &record, err);
    for (size_t i = 0; rc == 0 && found->references && found->references[i];
         i++)
        rc = commit_ref(store, found, found->references[i], record.pulled_at_s,
                        err);
    return rc;
}
