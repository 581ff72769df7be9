/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "domain-builder/pod-disk.h"
#include "domain-builder/pod-event.h"
#include "image/base/json.h"
#include "image/commit.h"
#include "image/details.h"
#include "xl-plugin/commit-config.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"

struct commit_options {
    const char *author, *message; /* or NULL */
    char **changes;
    bool quiet;
    bool json;
};

static const struct hx_option options[] = {
    { 'a', "author", "NAME", "who made the image" },
    { 'c', "change", "LINE",
      "change its configuration by a line of a Dockerfile: CMD, ENTRYPOINT, "
      "ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR or STOPSIGNAL; can be given "
      "again" },
    { 'm', "message", "TEXT", "what was changed, for its history" },
    { 'q', "quiet", NULL, "no progress, only the image's id" },
    { HX_OPT_JSON, "json", NULL, "print the result as JSON, and no progress" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct commit_options *o = opaque;

    switch (key) {
    case 'a':
        o->author = value;
        return 0;
    case 'm':
        o->message = value;
        return 0;
    case 'c':
        return hx_strv_add(&o->changes, value) < 0
                   ? hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "--change")
                   : 0;
    case 'q':
        o->quiet = true;
        return 0;
    default:
        o->json = true;
        return 0;
    }
}

static int print_result(const struct commit_options *o,
                        const struct hx_committed *committed,
                        const char *reference, struct hx_err *err)
{
    if (o->json)
        return hx_print_json(json_pack("{s:s, s:o, s:b}", "id", committed->id,
                                       "reference", hx_json_text(reference),
                                       "clean", committed->clean),
                             err);
    puts(committed->id);
    return hx_finish_output(err);
}

static int pod_config(const struct hx_store *store, const struct hx_pod *pod,
                      json_t **config_r, struct hx_err *err)
{
    const struct hx_container_spec *container = &pod->spec.containers[0];
    _cleanup_details_ struct hx_image_details details = { 0 };
    int r = hx_image_details_load(store, container->image_id, &details, err);

    return r < 0 ? r
                 : hx_commit_config(container, &details.config, config_r, err);
}

static int commit_disk(const struct commit_options *o, const struct hx_pod *pod,
                       const char *reference, const struct hx_pod_disk *disk,
                       struct hx_committed *committed, struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    _cleanup_free_ char *made_by = NULL;
    _cleanup_json_ json_t *config = NULL;
    struct hx_commit_request request = {
        .base = pod->spec.containers[0].image_id,
        .disk_fd = disk->fd,
        .folder = disk->folder,
        .reference = reference,
        .author = o->author,
        .message = o->message,
        .changes = o->changes,
    };
    struct hx_progress_view view;
    bool shown = !o->quiet && !o->json && hx_terminal_width(stderr);
    int r = hx_session_store(&store, err);

    if (r == 0)
        r = pod_config(&store, pod, &config, err);
    if (r < 0)
        return r;
    request.config = config;
    if (asprintf(&made_by, "xl hyper-commit %s", pod->spec.name) < 0) {
        made_by = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "committing");
    }
    request.made_by = made_by;
    hx_progress_view_init(&view, stderr);
    r = hx_image_commit(&store, &request, shown ? &view.progress : NULL,
                        committed, err);
    hx_progress_view_finish(&view);
    return r;
}

static int commit(struct hx_host *host, const struct commit_options *o,
                  const struct hx_pod *pod, const char *reference,
                  struct hx_err *err)
{
    struct hx_pod_disk disk = HX_POD_DISK_INIT;
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_event_attribute more[] = { { "imageID", NULL }, { NULL, NULL } };
    struct hx_committed committed = { .clean = 0 };
    int r = hx_pod_disk_open(host, pod, 0, &disk, err);

    if (r == 0)
        r = commit_disk(o, pod, reference, &disk, &committed, err);
    hx_pod_disk_close(&disk);
    if (r < 0)
        return hx_err_prefix(err, "committing %s", pod->spec.name);
    more[0].value = committed.id;
    hx_event_record(&dirs, pod, "commit", more);
    if (!committed.clean)
        hx_complain("the pod %s was ended before it could unmount its disk: "
                    "what it had not written yet is not in the image",
                    pod->spec.name);
    return print_result(o, &committed, reference, err);
}

static int commit_main(const struct hx_command *command, int argc, char **argv)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_pod_ struct hx_pod pod = { 0 };
    struct commit_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r = first;

    if (first > 0)
        r = hx_session_pods(&host, &err);
    if (first > 0 && r == 0)
        r = hx_pod_find(host, argv[first], &pod, &err);
    if (first > 0 && r == 0)
        r = commit(host, &o, &pod, argv[first + 1], &err);
    hx_strv_free(&o.changes);
    if (first <= 0 || r < 0)
        return hx_options_status(command, first > 0 ? r : first, &err);
    return HX_STATUS_OK;
}

const struct hx_command hx_cmd_commit = {
    .name = "commit",
    .operands = "POD [NAME[:TAG]]",
    .summary = "Make an image of a stopped pod and what it has written",
    .details = "The image's configuration is the pod's: that of its image, "
               "with what the pod was given at its start, and the changes of "
               "-c.\n"
               "The pod has to be stopped first, with 'hyper-stop'.",
    .min_operands = 1,
    .max_operands = 2,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = commit_main,
};
