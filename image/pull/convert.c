/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/convert.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "image/base/json.h"
#include "image/base/rest.h"
#include "image/base/strv.h"
#include "image/helper.h"
#include "image/pull/blob.h"
#include "image/pull/report.h"
#include "image/pull/stop.h"

#define SPARE_FDS 64 /* beside one for each layer */

/* One run of mkroot. */
struct run {
    const struct hx_layers *layers;
    int output;
    int sync_errno; /* of bringing it to the disk */
    struct hx_converted converted;
    int has_result;
    /* Of a run beside the downloads; else NULL. */
    struct downloads *downloads;
};

/* All layers' downloads, in a thread: mkroot dies with the thread that started
 * it, so that is the main one. */
struct downloads {
    const struct hx_layers *layers;
    int grown[2]; /* pipe: read by mkroot, written here */
    pthread_t thread;
    atomic_int failed;
    int rc;
    struct hx_err err;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "root disk");
}

/* -- what mkroot says ----------------------------------------------------- */

/* Of a layer that still comes its download is told. */
static int still_comes(const struct run *run, uint64_t layer, uint64_t total)
{
    struct stat st;

    return run->downloads && fstat(run->layers->fds[layer], &st) == 0 &&
           (uint64_t)st.st_size < total;
}

static void take_progress(const json_t *line, const struct run *run)
{
    const struct hx_found *found = run->layers->found;
    uint64_t layer = 0, done = 0, total = 0;
    char object[HX_SHORT_DIGEST];

    if (hx_json_u64(line, "layer", "", HX_JSON_REQUIRED, &layer, NULL) < 0 ||
        hx_json_u64(line, "done_bytes", "", HX_JSON_REQUIRED, &done, NULL) <
            0 ||
        hx_json_u64(line, "total_bytes", "", HX_JSON_REQUIRED, &total, NULL) <
            0 ||
        layer >= found->rootfs.count || still_comes(run, layer, total))
        return;
    /* It is called as while it was downloaded. */
    hx_report_progress(
        "converting",
        hx_short_digest(found->layers.layers[layer].digest, object), done,
        total);
}

static void take_line(const json_t *line, void *opaque)
{
    struct run *run = opaque;
    json_t *progress = json_object_get(line, "progress");
    const char *sha256 = NULL;

    if (json_is_object(progress)) {
        /* What there is begins to go to the disk now, not in the end. */
        sync_file_range(run->output, 0, 0, SYNC_FILE_RANGE_WRITE);
        take_progress(progress, run);
        return;
    }
    if (json_is_true(json_object_get(line, "written"))) {
        /* While mkroot reads it once more. */
        run->sync_errno = fdatasync(run->output) < 0 ? errno : 0;
        return;
    }
    if (hx_json_str(line, "sha256", "", HX_JSON_REQUIRED, &sha256, NULL) < 0 ||
        hx_json_u64(line, "bytes", "", HX_JSON_REQUIRED, &run->converted.bytes,
                    NULL) < 0 ||
        strlen(sha256) != HX_DIGEST_HEX ||
        strspn(sha256, "0123456789abcdef") != HX_DIGEST_HEX)
        return;
    hx_hex_copy(run->converted.sha256, sha256);
    run->has_result = 1;
}

/* -- running it ----------------------------------------------------------- */

/* FD:MEDIATYPE:DIFFID, and of a blob that comes its size. */
static char *layer_arg(const struct run *run, size_t index)
{
    const struct hx_layers *layers = run->layers;
    const struct hx_descriptor *layer = &layers->found->layers.layers[index];
    char bytes[24] = "", *text = NULL;

    if (run->downloads)
        snprintf(bytes, sizeof(bytes), ":%llu",
                 (unsigned long long)layer->size_bytes);
    return asprintf(&text, "%d:%s:%s%s", layers->fds[index],
                    hx_media_layer_type(layer->media),
                    layers->found->rootfs.diff_ids[index], bytes) < 0
               ? NULL
               : text;
}

static int add_fd_arg(char ***args, const char *option, int fd)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", fd);
    return hx_strv_add(args, option) < 0 || hx_strv_add(args, text) < 0 ? -1
                                                                        : 0;
}

static int make_args(char ***args, const struct run *run, int output)
{
    if (add_fd_arg(args, "--output-fd", output) < 0 ||
        (run->downloads &&
         add_fd_arg(args, "--grown-fd", run->downloads->grown[0]) < 0))
        return -1;
    for (size_t i = 0; i < run->layers->found->rootfs.count; i++) {
        _cleanup_free_ char *layer = layer_arg(run, i);

        if (!layer || hx_strv_add(args, "--layer") < 0 ||
            hx_strv_add(args, layer) < 0)
            return -1;
    }
    return 0;
}

/* Without all layers the disk is of no use. */
static int downloads_failed(void *opaque)
{
    const struct run *run = opaque;

    return run->downloads && atomic_load(&run->downloads->failed);
}

static int run_mkroot(struct run *run, int output, struct hx_err *err)
{
    size_t count = run->layers->found->rootfs.count;
    struct hx_helper helper = { .program = "mkroot",
                                .fds = run->layers->fds,
                                .fd_count = count + 1,
                                .line = take_line,
                                .is_over =
                                    run->downloads ? downloads_failed : NULL,
                                .opaque = run };
    _cleanup_strv_ char **args = NULL;
    int rc;

    /* What was there before is of no use. */
    run->output = output;
    if (ftruncate(output, 0) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "root disk");
    run->layers->fds[count] = output;
    if (run->downloads)
        run->layers->fds[helper.fd_count++] = run->downloads->grown[0];
    if (make_args(&args, run, output) < 0)
        return no_memory(err);
    helper.args = args;
    rc = hx_helper_run(&helper, err);
    if (rc == 0 && !run->has_result)
        rc = hx_err_set(err, HX_ERR_SYSTEM, "'mkroot' gave no result");
    if (rc == 0 && run->sync_errno)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, run->sync_errno, "root disk");
    return rc;
}

/* -- layers that are all there -------------------------------------------- */

/* One descriptor for each layer must fit. */
static void raise_fd_limit(size_t layers)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur >= layers + SPARE_FDS)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* All closed; room for the layers, the output and the pipe. */
static int make_room(struct hx_layers *layers, struct hx_err *err)
{
    size_t count = layers->found->rootfs.count;

    hx_layers_release(layers);
    layers->fds = calloc(count + 2, sizeof(*layers->fds));
    if (!layers->fds)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        layers->fds[i] = -1;
    raise_fd_limit(count);
    return 0;
}

int hx_layers_get(struct hx_layers *layers, struct hx_err *err)
{
    struct hx_supply *supply = layers->supply;
    int rc = make_room(layers, err);

    if (rc == 0 && supply->prepare)
        rc = supply->prepare(supply, layers->found, layers->object, -1, err);
    for (size_t i = 0; rc == 0 && i < layers->found->rootfs.count; i++)
        rc = supply->layer(supply, layers->found, i, &layers->fds[i], err);
    layers->are_whole = rc == 0;
    return rc;
}

void hx_layers_release(struct hx_layers *layers)
{
    for (size_t i = 0; layers->fds && i < layers->found->rootfs.count; i++)
        hx_cleanup_close(&layers->fds[i]);
    free(hx_steal_ptr(&layers->fds));
    layers->are_whole = 0;
}

static int convert_whole(struct hx_layers *layers, int output,
                         struct hx_converted *converted_r, struct hx_err *err)
{
    struct run run = { .layers = layers };
    int rc = layers->are_whole ? 0 : hx_layers_get(layers, err);

    if (rc < 0)
        return rc;
    hx_report_progress("converting", layers->object, 0, 0);
    hx_rest();
    rc = run_mkroot(&run, output, err);
    *converted_r = run.converted;
    return rc;
}

/* -- layers that come meanwhile ------------------------------------------- */

/* Opens what there is of each blob: 1 when some are still to come. */
static int open_growing(struct hx_layers *layers, struct hx_err *err)
{
    int rc = make_room(layers, err), some = 0;

    for (size_t i = 0; rc == 0 && i < layers->found->rootfs.count; i++) {
        rc = hx_blob_open_growing(layers->supply->store,
                                  &layers->found->layers.layers[i],
                                  &layers->fds[i], err);
        some |= rc > 0;
        rc = rc < 0 ? rc : 0;
    }
    return rc < 0 ? rc : some;
}

static void *download(void *opaque)
{
    struct downloads *d = opaque;
    struct hx_supply *supply = d->layers->supply;

    d->rc = supply->prepare(supply, d->layers->found, d->layers->object,
                            d->grown[1], &d->err);
    atomic_store(&d->failed, d->rc < 0);
    hx_cleanup_close(&d->grown[1]);
    d->grown[1] = -1;
    if (d->rc == 0)
        hx_report_progress("converting", d->layers->object, 0, 0);
    hx_rest();
    return NULL;
}

/* Both ends are ours, so that nobody who writes is ever without a reader. */
static int start_downloads(struct downloads *d, struct hx_err *err)
{
    int r = pipe2(d->grown, O_CLOEXEC) < 0 ||
                    fcntl(d->grown[1], F_SETFL, O_NONBLOCK) < 0
                ? errno
                : pthread_create(&d->thread, NULL, download, d);

    if (r == 0)
        return 0;
    hx_cleanup_close(&d->grown[0]);
    hx_cleanup_close(&d->grown[1]);
    return hx_err_sys(err, HX_ERR_SYSTEM, r, "starting the downloads");
}

/* 1 when it is to be done again with whole blobs. */
static int convert_growing(struct hx_layers *layers, int output,
                           struct hx_converted *converted_r, struct hx_err *err)
{
    struct downloads downloads = { .layers = layers, .grown = { -1, -1 } };
    struct run run = { .layers = layers, .downloads = &downloads };
    int rc = start_downloads(&downloads, err), hopeless;

    if (rc < 0)
        return rc;
    rc = run_mkroot(&run, output, err);
    /* Whole blobs may still be right; for a disk that cannot be made at all no
     * more is downloaded. */
    hopeless = rc < 0 && rc != -HX_ERR_CORRUPT && rc != -HX_ERR_LIMIT &&
               !downloads_failed(&run);
    if (hopeless)
        hx_stop_set();
    pthread_join(downloads.thread, NULL);
    hx_stop_clear();
    hx_cleanup_close(&downloads.grown[0]);
    if (hopeless)
        return rc;
    if (downloads.rc < 0) {
        *err = downloads.err;
        return downloads.rc;
    }
    *converted_r = run.converted;
    return rc < 0 ? 1 : 0;
}

int hx_convert(struct hx_layers *layers, int output,
               struct hx_converted *converted_r, struct hx_err *err)
{
    int rc = 1;

    if (!layers->are_whole && layers->supply->prepare) {
        rc = open_growing(layers, err);
        if (rc > 0)
            rc = convert_growing(layers, output, converted_r, err);
        else if (rc == 0)
            rc = 1;
    }
    return rc > 0 ? convert_whole(layers, output, converted_r, err) : rc;
}
