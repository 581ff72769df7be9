/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "image/reference.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"

struct push_options {
    bool quiet;
    bool json;
};

static const struct hx_option options[] = {
    { 'q', "quiet", NULL, "no progress, only the image's full name" },
    { HX_OPT_JSON, "json", NULL, "print the result as JSON, and no progress" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct push_options *o = opaque;

    (void)value;
    (void)err;
    if (key == 'q')
        o->quiet = true;
    else
        o->json = true;
    return 0;
}

/* What docker says first and last. */
static void print_result(const struct hx_reference *ref, const char *name,
                         const struct push_options *o,
                         const struct hx_pushed *pushed)
{
    if (o->quiet)
        hx_print_line(stdout, name);
    else
        printf("%s: digest: %s size: %" PRIu64 "\n", ref->tag, pushed->digest,
               pushed->size_bytes);
}

static json_t *as_json(const char *name, const struct hx_pushed *pushed)
{
    return json_pack("{s:o, s:s, s:I}", "reference", hx_json_text(name),
                     "digest", pushed->digest, "size_bytes",
                     (json_int_t)pushed->size_bytes);
}

static int push(const struct push_options *o, const char *text,
                struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_store_ struct hx_store store = { 0 };
    _cleanup_free_ char *name = NULL;
    struct hx_progress_view view;
    struct hx_pushed pushed;
    bool silent = o->quiet || o->json;
    int r = hx_reference_parse(text, &ref, err);

    if (r == 0)
        r = hx_session_store(&store, err);
    if (r < 0)
        return r;
    name = hx_reference_canonical(&ref);
    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "pushing %s", text);
    if (!silent)
        printf("The push refers to repository [%s/%s]\n", ref.domain, ref.path);
    hx_progress_view_init(&view, stdout);
    r = hx_image_push(&store, text, silent ? NULL : &view.progress, &pushed,
                      err);
    hx_progress_view_finish(&view);
    if (r < 0)
        return r;
    if (o->json)
        return hx_print_json(as_json(name, &pushed), err);
    print_result(&ref, name, o, &pushed);
    return 0;
}

static int push_main(const struct hx_command *command, int argc, char **argv)
{
    struct push_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    r = push(&o, argv[first], &err);
    return r < 0 ? hx_options_status(command, r, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_push = {
    .name = "push",
    .operands = "NAME[:TAG]",
    .summary = "Push an image to its registry",
    .details = "The name says the registry (host:5000/team/web:1.2); without "
               "one it is Docker Hub.",
    .min_operands = 1,
    .max_operands = 1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = push_main,
};
