/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/launch.h"

#include <errno.h>
#include <sys/random.h>

#include "domain-builder/dry-run.h"
#include "domain-builder/xen_domains.h"
#include "image/base/clock.h"
#include "xl-plugin/foreground.h"
#include "xl-plugin/output.h"
#include "xl-plugin/plan.h"
#include "xl-plugin/pod-text.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/seccomp.h"
#include "xl-plugin/session.h"
#include "xl-plugin/store-cap.h"

static int get_image(const struct hx_create_options *o,
                     struct hx_image *image_r, int *hold_r, struct hx_err *err)
{
    struct hx_image_options options = { .pull = o->pull,
                                        .platform = o->platform };
    _cleanup_store_ struct hx_store store = { 0 };
    struct hx_progress_view view;
    int64_t began_s = hx_clock_unix_ms() / 1000;
    int r;

    if (o->dry_run)
        options.pull = HX_PULL_NEVER;
    r = hx_session_store(&store, err);
    if (r < 0)
        return r;
    /* stdout is for the pod's name, or for what its process prints. */
    hx_progress_view_init(&view, stderr);
    r = hx_image_get(&store, o->image, &options,
                     o->quiet ? NULL : &view.progress, image_r, err);
    hx_progress_view_finish(&view);
    if (r == 0 && !o->dry_run)
        hx_store_cap_apply(&store, image_r, began_s);
    if (r == 0 && !o->dry_run)
        r = hx_image_hold(&store, image_r, hold_r, err);
    return r;
}

static int check_xen(struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    int r = hx_domains_get(&domains, err);

    hx_domains_release(&domains);
    return r;
}

static int choose_seccomp(const struct hx_create_options *options,
                          struct hx_pod_spec *spec, struct hx_err *err)
{
    _cleanup_host_ struct hx_host *host = NULL;
    int r = hx_session_host(&host, err);

    if (r == 0)
        r = hx_seccomp_choose(&spec->containers[0].confine,
                              options->confine.profile,
                              hx_host_daemon_json(host), err);
    return r;
}

int hx_launch_plan(const struct hx_create_options *options,
                   struct hx_pod_spec *spec_r, int *hold_r, struct hx_err *err)
{
    _cleanup_image_ struct hx_image image = { 0 };
    uint32_t random = 0;
    int r;

    r = hx_create_options_check(options, err);
    /* Before a pull, which may take its time. */
    if (r == 0 && !options->dry_run)
        r = check_xen(err);
    if (r == 0)
        r = get_image(options, &image, hold_r, err);
    if (r < 0)
        return r;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "naming the pod");
    r = hx_plan_pod(options, &image, environ, random, spec_r, err);
    return r == 0 ? choose_seccomp(options, spec_r, err) : r;
}

static int print_config(const struct hx_pod_spec *spec, struct hx_err *err)
{
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_free_ char *json = NULL;
    int r;

    r = hx_session_host(&host, err);
    if (r == 0)
        r = hx_pod_dry_run(host, spec, &json, err);
    if (r == 0)
        fputs(json, stdout);
    return r;
}

static int create(struct hx_host *host, const struct hx_pod_spec *spec,
                  struct hx_pod *pod, struct hx_err *err)
{
    int r;

    r = hx_foreground_catch(err);
    if (r < 0)
        return r;
    r = hx_pod_create(host, spec, pod, err);
    if (r == 0 && hx_foreground_caught()) {
        r = hx_pod_destroy(host, pod, true, err);
        if (r == 0)
            r = hx_err_set(err, HX_ERR_INTERRUPTED,
                           "creating %s: interrupted, and undone", spec->name);
    }
    hx_foreground_uncatch();
    return r;
}

static int print_pod(struct hx_host *host,
                     const struct hx_create_options *options,
                     const struct hx_pod *pod, struct hx_err *err)
{
    const struct hx_health_record health = { .status = HX_HEALTH_STARTING };
    _cleanup_free_ char *log_path = NULL;
    int r;

    if (!options->json) {
        hx_print_line(stdout, pod->spec.name);
        return hx_finish_output(err);
    }
    r = hx_pod_log_path(host, pod, 0, &log_path, err);
    if (r < 0)
        return r;
    return hx_print_json(
        json_pack("[o]", hx_pod_inspect_json(pod, log_path, &health)), err);
}

int hx_launch_detached(const struct hx_create_options *options,
                       struct hx_pod *pod_r, struct hx_err *err)
{
    _cleanup_(hx_pod_spec_release) struct hx_pod_spec spec = { 0 };
    _cleanup_host_ struct hx_host *host = NULL;
    _cleanup_close_ int hold = -1;
    int r;

    r = hx_launch_plan(options, &spec, &hold, err);
    if (r == 0 && options->dry_run)
        return print_config(&spec, err);
    if (r == 0)
        r = hx_session_pods(&host, err);
    if (r == 0)
        r = create(host, &spec, pod_r, err);
    if (r < 0)
        return r;
    r = print_pod(host, options, pod_r, err);
    return r < 0 ? hx_err_prefix(err, "the pod %s runs", pod_r->spec.name) : 0;
}

int hx_launch_status(const struct hx_command *command, const struct hx_err *err)
{
    int status = hx_command_fail(command, err);
    int signum = hx_foreground_caught();

    return err->code == HX_ERR_INTERRUPTED && signum ? 128 + signum : status;
}
