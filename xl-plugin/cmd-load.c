/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "image/base/clock.h"
#include "image/reference.h"
#include "image/save-load.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"
#include "xl-plugin/store-cap.h"

struct load_options {
    const char *input; /* or NULL */
    const char *platform;
    bool quiet;
};

enum { OPT_PLATFORM = HX_OPT_OWN };

static const struct hx_option options[] = {
    { 'i', "input", "FILE", "read from FILE and not from standard input" },
    { OPT_PLATFORM, "platform", "OS/ARCH",
      "platform to load (default: the host's)" },
    { 'q', "quiet", NULL, "no progress, only the images' names" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct load_options *o = opaque;

    (void)err;
    if (key == 'i')
        o->input = value;
    else if (key == OPT_PLATFORM)
        o->platform = value;
    else
        o->quiet = true;
    return 0;
}

static int open_input(const struct load_options *o, int *fd_r,
                      struct hx_err *err)
{
    int fd;

    if (!o->input && isatty(STDIN_FILENO))
        return hx_err_set(err, HX_ERR_USAGE,
                          "loading images: standard input is a terminal; name "
                          "the archive with -i, or redirect it");
    fd = o->input ? open(o->input, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                  : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return hx_err_sys(
            err, errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM, errno,
            "loading images from %s", o->input ? o->input : "standard input");
    *fd_r = fd;
    return 0;
}

struct loaded {
    char id[HX_DIGEST_TEXT_MAX]; /* of the last one */
};

static void say_loaded(const char *id, const char *reference, void *opaque)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_free_ char *familiar = NULL;
    struct loaded *loaded = opaque;

    hx_digest_copy(loaded->id, id);
    if (reference && hx_reference_parse(reference, &ref, NULL) == 0)
        familiar = hx_reference_familiar(&ref);
    fputs(familiar ? "Loaded image: " : "Loaded image ID: ", stdout);
    hx_print_line(stdout, familiar ? familiar : id);
}

static int load(const struct load_options *o, struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    _cleanup_close_ int fd = -1;
    struct hx_progress_view view;
    struct loaded loaded = { 0 };
    struct hx_image image = { .pulled_at_s = hx_clock_unix_ms() / 1000 };
    int r = open_input(o, &fd, err);

    if (r == 0)
        r = hx_session_store(&store, err);
    if (r < 0)
        return r;
    hx_progress_view_init(&view, stderr);
    r = hx_image_load(&store, fd, o->input ? o->input : "standard input",
                      o->platform, o->quiet ? NULL : &view.progress, say_loaded,
                      &loaded, err);
    hx_progress_view_finish(&view);
    if (r < 0)
        return r;
    hx_digest_copy(image.id, loaded.id);
    hx_store_cap_apply(&store, &image, image.pulled_at_s);
    return 0;
}

static int load_main(const struct hx_command *command, int argc, char **argv)
{
    struct load_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return load(&o, &err) < 0 ? hx_command_fail(command, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_load = {
    .name = "load",
    .operands = "",
    .summary = "Load all images of an archive into the store",
    .details = "The archive is what docker save writes, or an OCI layout in a "
               "tar; either may be compressed.",
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = load_main,
};
