/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xl-plugin/copy-child.h"
#include "xl-plugin/copy-path.h"
#include "xl-plugin/guest.h"
#include "xl-plugin/options.h"
#include "xl-plugin/output.h"
#include "xl-plugin/sizes.h"

struct cp_options {
    bool archive, follow, quiet;
};

static const struct hx_option options[] = {
    { 'a', "archive", NULL,
      "keep owners, attributes and all bits of the mode" },
    { 'L', "follow-link", NULL, "copy what a link in SRC leads to" },
    { 'q', "quiet", NULL, "do not say how much was copied" },
    { 0 },
};

static int set_option(void *opaque, int key, const char *value,
                      struct hx_err *err)
{
    struct cp_options *o = opaque;

    (void)value;
    (void)err;
    if (key == 'a')
        o->archive = true;
    else if (key == 'L')
        o->follow = true;
    else
        o->quiet = true;
    return 0;
}

/* Both sides tell what went wrong; of a side that only lost the other one, the
 * other's words count. */
static int join(int guest, const struct hx_err *guest_err, int child,
                const struct hx_err *child_err, struct hx_err *err)
{
    bool guest_hung = guest == -HX_ERR_SYSTEM && guest_err->sys == EPIPE;
    bool child_hung = child == -HX_ERR_GUEST;

    if (guest < 0 && (!guest_hung || child == 0)) {
        *err = *guest_err;
        return guest;
    }
    if (child < 0 && !child_hung) {
        *err = *child_err;
        return child;
    }
    if (guest < 0 || child < 0)
        *err = guest < 0 ? *guest_err : *child_err;
    return guest < 0 ? guest : child;
}

/* -- out of a pod ---------------------------------------------------------- */

static int get_as_files(struct hx_guest *guest, const struct hx_exec_spec *spec,
                        const char *dest, uint64_t *bytes_r, struct hx_err *err)
{
    char top[NAME_MAX + 1] = "";
    char *args[] = { (char *)"extract", (char *)"--", (char *)dest, top, NULL };
    char *keeping[] = { args[0], (char *)"-a", args[1], args[2], top, NULL };
    struct hx_err guest_err = { 0 }, child_err = { 0 };
    struct hx_copy_child child = { 0 };
    int r = hx_copy_top(spec->get, top, err), finished;

    if (r == 0)
        r = hx_copy_child_start(spec->keep_owner ? keeping : args, true, &child,
                                err);
    if (r < 0)
        return r;
    r = hx_guest_ask(guest, spec, -1, child.tar, NULL, &guest_err);
    finished = hx_copy_child_finish(&child, bytes_r, &child_err);
    return join(r, &guest_err, finished, &child_err, err);
}

static int get(struct hx_guest *guest, const struct cp_options *o,
               const struct hx_copy_operand *from,
               const struct hx_copy_operand *to, uint64_t *bytes_r,
               struct hx_err *err)
{
    const struct hx_exec_spec spec = {
        .get = from->path,
        .follow = o->follow,
        .keep_owner = o->archive,
    };

    if (!to->is_pipe)
        return get_as_files(guest, &spec, to->path, bytes_r, err);
    if (isatty(STDOUT_FILENO))
        return hx_err_set(err, HX_ERR_USAGE,
                          "a tar is nothing for a terminal; send it into a "
                          "file or a pipe");
    return hx_guest_ask(guest, &spec, -1, STDOUT_FILENO, NULL, err);
}

/* -- into a pod ------------------------------------------------------------ */

static int put_files(struct hx_guest *guest, const struct cp_options *o,
                     const char *source, struct hx_exec_spec *spec,
                     uint64_t *bytes_r, struct hx_err *err)
{
    char top[NAME_MAX + 1] = "";
    char *args[] = { (char *)"create", (char *)"--", (char *)source, top,
                     NULL };
    char *following[] = { args[0], (char *)"-L", args[1], args[2], top, NULL };
    struct hx_err guest_err = { 0 }, child_err = { 0 };
    struct hx_copy_child child = { 0 };
    int r = hx_copy_top(source, top, err), finished;

    if (r == 0)
        r = hx_copy_child_start(o->follow ? following : args, false, &child,
                                err);
    if (r < 0)
        return r;
    spec->top = top;
    r = hx_guest_ask(guest, spec, child.tar, -1, bytes_r, &guest_err);
    spec->top = NULL;
    finished = hx_copy_child_finish(&child, NULL, &child_err);
    /* What the pod says of a tar that never came does not count. */
    if (finished < 0 && finished != -HX_ERR_GUEST)
        r = 0;
    return join(r, &guest_err, finished, &child_err, err);
}

static int put(struct hx_guest *guest, const struct cp_options *o,
               const struct hx_copy_operand *from,
               const struct hx_copy_operand *to, uint64_t *bytes_r,
               struct hx_err *err)
{
    struct hx_exec_spec spec = {
        .put = to->path,
        .with_stdin = true,
        .keep_owner = o->archive,
    };

    if (!from->is_pipe)
        return put_files(guest, o, from->path, &spec, bytes_r, err);
    if (isatty(STDIN_FILENO))
        return hx_err_set(err, HX_ERR_USAGE,
                          "a tar is expected on standard input, and that is a "
                          "terminal");
    return hx_guest_ask(guest, &spec, STDIN_FILENO, -1, bytes_r, err);
}

/* -- the command ----------------------------------------------------------- */

static int check(const struct hx_copy_operand *from,
                 const struct hx_copy_operand *to, struct hx_err *err)
{
    if (from->pod && to->pod)
        return hx_err_set(err, HX_ERR_USAGE,
                          "copying between pods is not possible; copy to a "
                          "folder of dom0, and from there");
    if (!from->pod && !to->pod)
        return hx_err_set(err, HX_ERR_USAGE,
                          "one of the two has to be of a pod, as in "
                          "web:/etc/hosts");
    return 0;
}

static void tell(const char *dest, uint64_t bytes)
{
    _cleanup_free_ char *line = NULL;
    char size[HX_SIZE_TEXT];

    hx_size_print(bytes, size);
    if (asprintf(&line, "Successfully copied %s to %s", size, dest) >= 0)
        hx_print_line(stderr, line);
}

static int copy(const struct cp_options *o, char *const *operands,
                struct hx_err *err)
{
    _cleanup_(hx_copy_operand_release) struct hx_copy_operand from = { 0 };
    _cleanup_(hx_copy_operand_release) struct hx_copy_operand to = { 0 };
    _cleanup_(hx_guest_release) struct hx_guest guest = { 0 };
    uint64_t bytes = 0;
    int r = hx_copy_operand_parse(operands[0], &from, err);

    if (r == 0)
        r = hx_copy_operand_parse(operands[1], &to, err);
    if (r == 0)
        r = check(&from, &to, err);
    if (r == 0)
        r = hx_guest_find(from.pod ? from.pod : to.pod, &guest, err);
    if (r == 0)
        r = (from.pod ? get : put)(&guest, o, &from, &to, &bytes, err);
    if (r == 0 && !to.is_pipe && !o->quiet)
        tell(operands[1], bytes);
    return r;
}

static int cp_main(const struct hx_command *command, int argc, char **argv)
{
    struct cp_options o = { .quiet = !isatty(STDERR_FILENO) };
    struct hx_err err = { 0 };
    int first = hx_options_parse(command, argc, argv, set_option, &o, &err);
    int r;

    if (first <= 0)
        return hx_options_status(command, first, &err);
    signal(SIGPIPE, SIG_IGN);
    r = copy(&o, argv + first, &err);
    return r < 0 ? hx_options_status(command, r, &err) : HX_STATUS_OK;
}

const struct hx_command hx_cmd_cp = {
    .name = "cp",
    .operands = "POD:PATH DEST | SRC POD:PATH",
    .summary = "Copy files out of or into a running pod",
    .details =
        "PATH, DEST and SRC mean what they mean to docker cp: a file or "
        "folder goes into a DEST that is a folder, else becomes it; SRC/. is "
        "the content of a folder. - is a tar on standard input or output.",
    .min_operands = 2,
    .max_operands = 2,
    .failure = HX_STATUS_FAILED,
    .options = options,
    .run = cp_main,
};
