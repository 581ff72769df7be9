/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/clock.h"
#include "xl-plugin/image-text.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"
#include "xl-plugin/store-cap.h"

struct pull_options {
    const char *platform;
    bool quiet;
    bool json;
};

enum { OPT_PLATFORM = HX_OPT_OWN };

static const struct hx_option options[] = {
    { OPT_PLATFORM, "platform", "OS/ARCH",
      "platform to pull (default: the host's)" },
    { 'q', "quiet", NULL, "no progress, only the image's name" },
    { HX_OPT_JSON, "json", NULL, "print the image as JSON, and no progress" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct pull_options *o = opaque;

    (void)err;
    if (key == 'q')
        o->quiet = true;
    else if (key == HX_OPT_JSON)
        o->json = true;
    else
        o->platform = value;
    return 0;
}

static int pull(const struct pull_options *o, const char *reference,
                struct hx_image *image_r, struct hx_err *err)
{
    struct hx_image_options options_of_image = { .pull = HX_PULL_ALWAYS,
                                                 .platform = o->platform };
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_progress_view view;
    bool silent = o->quiet || o->json;
    int64_t began_s = hx_clock_unix_ms() / 1000;
    int r;

    r = hx_session_store(&store, err);
    if (r < 0)
        return r;
    hx_progress_view_init(&view, stdout);
    r = hx_image_get(&store, reference, &options_of_image,
                     silent ? NULL : &view.progress, image_r, err);
    hx_progress_view_finish(&view);
    if (r == 0)
        hx_store_cap_apply(&store, image_r, began_s);
    return r;
}

static int pull_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_image_ struct hx_image image = { 0 };
    struct pull_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    if (pull(&o, argv[first], &image, &err) < 0)
        return hx_command_fail(command, &err);
    if (o.json) {
        if (hx_print_json(hx_image_json(&image), &err) < 0)
            return hx_command_fail(command, &err);
        return HX_STATUS_OK;
    }
    if (!o.quiet)
        printf("Digest: %s\n", *image.digest ? image.digest : image.id);
    hx_print_line(stdout, image.reference ? image.reference : image.familiar);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_pull = {
    .name = "pull",
    .operands = "IMAGE",
    .summary = "Pull an image, or read it from an archive",
    .details =
        "IMAGE is a reference as docker has it (nginx, nginx:1.25, "
        "host:5000/team/web@sha256:...), docker-archive:FILE[:REFERENCE], "
        "oci-archive:FILE[:TAG] or oci:FOLDER[:TAG].",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = pull_main,
};
