/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/check.h"

#include <string.h>

#include "image/base/json.h"
#include "image/fill.h"
#include "image/helper.h"

struct reader {
    const struct hx_progress *progress;
    void (*found)(const struct hx_check_finding *finding, void *opaque);
    void *opaque;
    struct hx_check_result *result;
    int ended;
};

static void take_finding(const json_t *line, const struct reader *reader)
{
    struct hx_check_finding finding = { 0 };
    const char *state = "";

    if (hx_json_str(line, "file", "pull", HX_JSON_REQUIRED, &finding.file,
                    NULL) < 0 ||
        hx_json_str(line, "what", "pull", HX_JSON_REQUIRED, &finding.what,
                    NULL) < 0 ||
        hx_json_str(line, "state", "pull", HX_JSON_REQUIRED, &state, NULL) < 0)
        return;
    if (strcmp(state, "removed") == 0) {
        finding.state = HX_CHECK_REPAIRED;
        reader->result->repaired++;
    } else if (strcmp(state, "left over") == 0) {
        finding.state = HX_CHECK_LEFT_OVER;
        reader->result->left_over++;
    } else {
        finding.state = HX_CHECK_WRONG;
        reader->result->wrong++;
    }
    reader->found(&finding, reader->opaque);
}

static void take_line(const json_t *line, void *opaque)
{
    struct reader *reader = opaque;
    struct hx_check_result *result = reader->result;
    const json_t *finding = json_object_get(line, "found");
    const json_t *counts = json_object_get(line, "checked");

    hx_fill_progress(json_object_get(line, "progress"), reader->progress);
    if (json_is_object(finding))
        take_finding(finding, reader);
    if (!json_is_object(counts))
        return;
    reader->ended = hx_json_u64(counts, "blobs", "pull", HX_JSON_REQUIRED,
                                &result->blobs, NULL) == 0 &&
                    hx_json_u64(counts, "disks", "pull", HX_JSON_REQUIRED,
                                &result->disks, NULL) == 0 &&
                    hx_json_u64(counts, "images", "pull", HX_JSON_REQUIRED,
                                &result->images, NULL) == 0 &&
                    hx_json_u64(counts, "names", "pull", HX_JSON_REQUIRED,
                                &result->names, NULL) == 0;
}

int hx_image_check(
    struct hx_store *store, int repair, const struct hx_progress *progress,
    void (*found)(const struct hx_check_finding *finding, void *opaque),
    void *opaque, struct hx_check_result *result_r, struct hx_err *err)
{
    struct hx_check_result result = { 0 };
    struct reader reader = { progress, found, opaque, &result, 0 };
    char *args[] = { (char *)"--store", store->root, (char *)"--check",
                     repair ? (char *)"--repair" : NULL, NULL };
    const struct hx_helper helper = {
        .program = "pull", .args = args, .line = take_line, .opaque = &reader
    };
    int rc = hx_helper_run(&helper, err);

    if (rc == 0 && !reader.ended)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'pull' did not end its check");
    if (rc == 0)
        *result_r = result;
    return rc;
}
