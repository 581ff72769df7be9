/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pushing: the library's side of `pull --push`.
 */
#include <string.h>

#include "image/base/json.h"
#include "image/fill.h"
#include "image/helper.h"

struct reader {
    const struct hx_progress *progress;
    struct hx_pushed *result;
};

static void take_result(const json_t *line, struct hx_pushed *result)
{
    const char *digest = NULL;
    uint64_t bytes = 0;

    if (hx_json_str(line, "digest", "pull", HX_JSON_REQUIRED, &digest, NULL) <
            0 ||
        hx_json_u64(line, "size_bytes", "pull", HX_JSON_REQUIRED, &bytes,
                    NULL) < 0 ||
        !hx_digest_valid(digest))
        return;
    hx_digest_copy(result->digest, digest);
    result->size_bytes = bytes;
}

static void take_line(const json_t *line, void *opaque)
{
    struct reader *reader = opaque;
    json_t *progress = json_object_get(line, "progress");
    json_t *pushed = json_object_get(line, "pushed");

    if (json_is_object(progress))
        hx_fill_progress(progress, reader->progress);
    if (json_is_object(pushed))
        take_result(pushed, reader->result);
}

int hx_image_push(struct hx_store *store, const char *reference,
                  const struct hx_progress *progress,
                  struct hx_pushed *pushed_r, struct hx_err *err)
{
    struct hx_pushed result = { 0 };
    struct reader reader = { progress, &result };
    char *const args[] = { (char *)"--store", store->root, (char *)"--push",
                           (char *)reference, NULL };
    struct hx_helper helper = {
        .program = "pull", .args = args, .line = take_line, .opaque = &reader
    };
    int rc = hx_helper_run(&helper, err);

    if (rc == 0 && !*result.digest)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'pull' named no digest");
    if (rc < 0)
        return hx_err_prefix(err, "pushing %s", reference);
    *pushed_r = result;
    return 0;
}
