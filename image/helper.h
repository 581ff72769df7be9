/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running `pull` and `mkroot`: one child, its answer as lines of JSON on its
 * standard output, one object each:
 *
 *     {"progress": {...}}                          any number
 *     {"error": {"code": "corrupt", "message": "..."}}   at most one, last
 *     {anything else: ...}                         the result
 *
 * The child dies with its caller (PR_SET_PDEATHSIG) and inherits no
 * descriptor but those named.
 */
#ifndef HX_HELPER_H
#define HX_HELPER_H

#include <jansson.h>
#include <stddef.h>

#include "image/base/err.h"

struct hx_helper {
    const char *program; /* "pull" */
    char *const *args;   /* those after argv[0], ends in NULL */
    const int *fds;      /* kept open in the child under the same numbers */
    size_t fd_count;
    const char *input; /* its standard input, at most 4096 bytes, or NULL */
    /* Each line but an error; borrowed.  May be NULL. */
    void (*line)(const json_t *line, void *opaque);
    /* Asked a few times a second: when it answers 1 the child is ended, by
     * SIGTERM.  May be NULL. */
    int (*is_over)(void *opaque);
    void *opaque;
};

/*
 * Runs it to its end.  0 when it exited with 0; else its own error, or one
 * that says how it ended: HX_ERR_INTERRUPTED for SIGINT and SIGTERM.
 */
int hx_helper_run(const struct hx_helper *helper, struct hx_err *err);

/* The helper's file, the caller's to free: in $HX_LIBEXEC, else beside the
 * running program when all helpers are there, else in the installed folder. */
char *hx_helper_path(const char *program);

/* The code of a name as hx_err_name gives it; HX_ERR_SYSTEM for others. */
enum hx_err_code hx_err_code_of_name(const char *name);

#endif
