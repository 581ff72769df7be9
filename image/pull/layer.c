/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/base/json.h"
#include "image/helper.h"
#include "image/pull/hash.h"

struct reader {
    struct hx_written_layer *layer;
    int has_result;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "a layer");
}

static void take_line(const json_t *line, void *opaque)
{
    struct reader *reader = opaque;
    struct hx_written_layer *layer = reader->layer;
    const char *diff_id = NULL;

    if (hx_json_str(line, "diff_id", "", HX_JSON_REQUIRED, &diff_id, NULL) <
            0 ||
        hx_json_u64(line, "entries", "", HX_JSON_REQUIRED, &layer->entries,
                    NULL) < 0 ||
        hx_json_bool(line, "clean", "", HX_JSON_REQUIRED, &layer->clean, NULL) <
            0 ||
        !hx_digest_valid(diff_id))
        return;
    hx_digest_copy(layer->diff_id, diff_id);
    reader->has_result = 1;
}

static int run_mklayer(int disk_fd, const char *folder, int output,
                       struct hx_written_layer *layer, struct hx_err *err)
{
    struct reader reader = { .layer = layer };
    const int fds[] = { disk_fd, output };
    char disk_text[16], output_text[16];
    char *args[] = { (char *)"--disk-fd",
                     disk_text,
                     (char *)"--output-fd",
                     output_text,
                     (char *)"--folder",
                     (char *)folder,
                     NULL };
    const struct hx_helper helper = { .program = "mklayer",
                                      .args = args,
                                      .fds = fds,
                                      .fd_count = 2,
                                      .line = take_line,
                                      .opaque = &reader };
    int rc;

    snprintf(disk_text, sizeof(disk_text), "%d", disk_fd);
    snprintf(output_text, sizeof(output_text), "%d", output);
    rc = hx_helper_run(&helper, err);
    if (rc == 0 && !reader.has_result)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'mklayer' gave no result");
    return rc;
}

/* It gets its name when its bytes are on the disk. */
static int keep(const struct hx_store *store, int fd, const char *temp,
                struct hx_written_layer *layer, struct hx_err *err)
{
    _cleanup_hash_ struct hx_hash hash = { 0 };
    _cleanup_free_ char *path = NULL;
    off_t bytes = 0;

    if (hx_hash_start(&hash) < 0 || hx_hash_add_file(&hash, fd, &bytes) < 0 ||
        hx_hash_digest(&hash, layer->blob.digest) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", temp);
    layer->blob.media = HX_MEDIA_LAYER_GZIP;
    layer->blob.size_bytes = (uint64_t)bytes;
    path = hx_store_blob_path(store, layer->blob.digest);
    if (!path)
        return no_memory(err);
    if (fdatasync(fd) < 0 || rename(temp, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", path);
    return 0;
}

int hx_layer_make(const struct hx_store *store, int disk_fd, const char *folder,
                  struct hx_written_layer *layer_r, struct hx_err *err)
{
    struct hx_written_layer layer = { .clean = 0 };
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int rc = hx_store_temp(store, "layer", &fd, &temp, err);

    if (rc < 0)
        return rc;
    rc = run_mklayer(disk_fd, folder, fd, &layer, err);
    if (rc == 0)
        rc = keep(store, fd, temp, &layer, err);
    if (rc < 0)
        unlink(temp);
    else
        *layer_r = layer;
    return rc;
}
