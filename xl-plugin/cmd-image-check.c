/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/json.h"
#include "image/check.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"

struct check_options {
    bool repair;
    bool quiet;
    bool json;
    json_t *findings; /* with --json */
};

enum { OPT_REPAIR = HX_OPT_OWN };

static const struct hx_option options[] = {
    { OPT_REPAIR, "repair", NULL,
      "remove what is wrong, so that the next pull makes it anew" },
    { 'q', "quiet", NULL, "print nothing when nothing is wrong" },
    { HX_OPT_JSON, "json", NULL, "print JSON" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct check_options *o = opaque;

    (void)value;
    (void)err;
    if (key == OPT_REPAIR)
        o->repair = true;
    else if (key == 'q')
        o->quiet = true;
    else
        o->json = true;
    return 0;
}

static const char *state_of(const struct hx_check_finding *finding)
{
    switch (finding->state) {
    case HX_CHECK_REPAIRED:
        return "removed";
    case HX_CHECK_LEFT_OVER:
        return "left over";
    default:
        return "wrong";
    }
}

static void show(const struct hx_check_finding *finding, void *opaque)
{
    struct check_options *o = opaque;

    if (o->json)
        json_array_append_new(o->findings,
                              json_pack("{s:o, s:o, s:s}", "File",
                                        hx_json_text(finding->file), "What",
                                        hx_json_text(finding->what), "State",
                                        state_of(finding)));
    else if (finding->state == HX_CHECK_WRONG)
        printf("%s: %s\n", finding->file, finding->what);
    else
        printf("%s: %s (%s)\n", finding->file, finding->what,
               state_of(finding));
}

static void print_sum(const struct check_options *o,
                      const struct hx_check_result *r)
{
    if (o->quiet && !r->wrong)
        return;
    printf("%llu images, %llu names, %llu root disks, %llu blobs: ",
           (unsigned long long)r->images, (unsigned long long)r->names,
           (unsigned long long)r->disks, (unsigned long long)r->blobs);
    if (r->wrong)
        printf("%llu wrong; '%simage-check --repair' removes what is wrong, "
               "and the next pull makes it anew\n",
               (unsigned long long)r->wrong, hx_command_prefix());
    else if (r->repaired)
        printf("%llu repaired\n", (unsigned long long)r->repaired);
    else
        puts("nothing is wrong");
}

static int print_json(struct check_options *o, const struct hx_check_result *r,
                      struct hx_err *err)
{
    return hx_print_json(
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "Images",
                  (json_int_t)r->images, "Names", (json_int_t)r->names, "Disks",
                  (json_int_t)r->disks, "Blobs", (json_int_t)r->blobs, "Wrong",
                  (json_int_t)r->wrong, "Repaired", (json_int_t)r->repaired,
                  "LeftOver", (json_int_t)r->left_over, "Findings",
                  o->findings),
        err);
}

static int check(struct check_options *o, struct hx_check_result *result,
                 struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_progress_view view;
    bool bar = !o->quiet && !o->json && hx_terminal_width(stderr) > 0;
    int r = hx_session_store(&store, err);

    if (r < 0)
        return r;
    hx_progress_view_init(&view, stderr);
    r = hx_image_check(&store, o->repair, bar ? &view.progress : NULL, show, o,
                       result, err);
    hx_progress_view_finish(&view);
    return r;
}

static int image_check_main(const struct hx_command *command, int argc,
                            char **argv)
{
    struct check_options o = { 0 };
    struct hx_check_result result = { 0 };
    _cleanup_json_ json_t *findings = json_array();
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    o.findings = findings;
    if (check(&o, &result, &err) < 0)
        return hx_command_fail(command, &err);
    if (!o.json)
        print_sum(&o, &result);
    else if (print_json(&o, &result, &err) < 0)
        return hx_command_fail(command, &err);
    return result.wrong ? HX_STATUS_FAILED : HX_STATUS_OK;
}

const struct hx_command hx_cmd_image_check = {
    .name = "image-check",
    .operands = "",
    .summary = "Check every file of the image store",
    .details = "The exit status is 1 when something is wrong and was not "
               "repaired.",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = image_check_main,
};
