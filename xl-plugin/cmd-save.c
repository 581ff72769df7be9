/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "image/save-load.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/progress.h"
#include "xl-plugin/session.h"

struct save_options {
    const char *output; /* or NULL */
    bool oci;
    bool quiet;
};

enum { OPT_FORMAT = HX_OPT_OWN };

static const struct hx_option options[] = {
    { 'o', "output", "FILE", "write to FILE and not to standard output" },
    { OPT_FORMAT, "format", "FORMAT",
      "docker-archive, which is the default, or oci-archive" },
    { 'q', "quiet", NULL, "no progress" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct save_options *o = opaque;

    if (key == 'o')
        o->output = value;
    else if (key == 'q')
        o->quiet = true;
    else if (strcmp(value, "oci-archive") == 0)
        o->oci = true;
    else if (strcmp(value, "docker-archive") == 0)
        o->oci = false;
    else
        return hx_err_set(err, HX_ERR_USAGE,
                          "--format: '%.64s' is neither docker-archive nor "
                          "oci-archive",
                          value);
    return 0;
}

/* A file without a name in the folder of `path`, of which nothing is left
 * when we are killed; -1 where the file system has none. */
static int open_nameless(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder =
        slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = -1;

    if (folder)
        fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

/* The name of a file without one; EEXIST when there is a file of that name. */
static int give_name(int fd, const char *name)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* Nothing replaces a file by one without a name: it gets `temp` first. */
static int give_temp_name(int fd, char *temp)
{
    for (int tries = 0; tries < 100; tries++) {
        uint32_t random = 0;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return -1;
        snprintf(temp + strlen(temp) - 6, 7, "%06x", random & 0xffffff);
        if (give_name(fd, temp) == 0)
            return 0;
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

/* What the archive is written to: FILE itself when it is no plain file, else
 * a new one beside it, whose name comes in *temp_r; until that has been given
 * to it, its end is XXXXXX. */
static int open_output(const struct save_options *o, int *fd_r, char **temp_r,
                       struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    struct stat st;
    int fd;

    if (!o->output && isatty(STDOUT_FILENO))
        return hx_err_set(err, HX_ERR_USAGE,
                          "saving images: standard output is a terminal; name "
                          "a file with -o, or redirect it");
    if (!o->output) {
        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    } else if (stat(o->output, &st) == 0 && !S_ISREG(st.st_mode)) {
        fd = open(o->output, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else if (asprintf(&temp, "%s.XXXXXX", o->output) < 0) {
        temp = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "saving images");
    } else {
        fd = open_nameless(temp);
        if (fd < 0)
            fd = mkostemp(temp, O_CLOEXEC);
    }
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "saving images to %s",
                          o->output ? o->output : "standard output");
    *fd_r = fd;
    *temp_r = hx_steal_ptr(&temp);
    return 0;
}

static bool is_nameless(const char *temp)
{
    return strcmp(temp + strlen(temp) - 6, "XXXXXX") == 0;
}

/* FILE is the whole archive, or what it was.  Only where there was one does the
 * new one have a name of its own for a moment. */
static int put_in_place(const struct save_options *o, int fd, char *temp, int r,
                        struct hx_err *err)
{
    if (r == 0 && is_nameless(temp)) {
        if (give_name(fd, o->output) == 0)
            return 0;
        if (errno != EEXIST || give_temp_name(fd, temp) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "saving images to %s",
                              o->output);
    }
    if (r == 0 && rename(temp, o->output) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "saving images to %s",
                       o->output);
    if (r < 0 && !is_nameless(temp))
        unlink(temp);
    return r;
}

static int save(const struct save_options *o, char **names, struct hx_err *err)
{
    _cleanup_store_ struct hx_store store = { 0 };
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    struct hx_progress_view view;
    int r = hx_session_store(&store, err);

    if (r == 0)
        r = open_output(o, &fd, &temp, err);
    if (r < 0)
        return r;
    /* Docker's shows none; a bar is for who looks on. */
    hx_progress_view_init(&view, stderr);
    r = hx_image_save(
        &store, names, o->oci, fd,
        o->quiet || !hx_terminal_width(stderr) ? NULL : &view.progress, err);
    hx_progress_view_finish(&view);
    return temp ? put_in_place(o, fd, temp, r, err) : r;
}

static int save_main(const struct hx_command *command, int argc, char **argv)
{
    struct save_options o = { 0 };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);

    if (first <= 0)
        return hx_options_status(command, first, &err);
    return save(&o, argv + first, &err) < 0 ? hx_command_fail(command, &err)
                                            : HX_STATUS_OK;
}

const struct hx_command hx_cmd_save = {
    .name = "save",
    .operands = "IMAGE...",
    .summary = "Save images as an archive, as docker save does",
    .min_operands = 1,
    .max_operands = -1,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = save_main,
};
