/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operands of hyper-cp.  Pure. */
#ifndef HX_COPY_PATH_H
#define HX_COPY_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "image/base/err.h"

/* What an operand means: "POD:PATH", "-", or a path of dom0. */
struct hx_copy_operand {
    char *pod;    /* NULL: none */
    bool is_pipe; /* "-" */
    char *path;   /* NULL with is_pipe.  A pod's is absolute and clean */
};

/*
 * As docker cp: what begins with "/" or "." is of dom0, and so is what has no
 * colon.  HX_ERR_USAGE for an empty one.  *operand_r is the caller's.
 */
int hx_copy_operand_parse(const char *text, struct hx_copy_operand *operand_r,
                          struct hx_err *err);
void hx_copy_operand_release(struct hx_copy_operand *operand);

/*
 * The name that stands for a path in a tar: its last component, without
 * slashes behind it; "." for "/", ".", and what ends in "/.".  With ".." at
 * the end it is that of the folder which is meant (of dom0's).  HX_ERR_USAGE.
 */
int hx_copy_top(const char *path, char top_r[NAME_MAX + 1], struct hx_err *err);

#endif
