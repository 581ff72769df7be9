/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program `copy` as a child of hyper-cp. */
#ifndef HX_COPY_CHILD_H
#define HX_COPY_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"

struct hx_copy_child {
    pid_t pid; /* 0: none */
    int tar;   /* our end of its pipe: written to for "extract", read from for
                  "create" */
    int words; /* what it prints beside that */
};

/* `args` are those behind argv[0], and end in NULL. */
int hx_copy_child_start(char *const *args, bool reads,
                        struct hx_copy_child *child_r, struct hx_err *err);

/*
 * Closes our end and waits.  0 and, for "extract", the size of the tar; or its
 * own sentence (HX_ERR_SYSTEM; HX_ERR_GUEST: the tar was not taken to its
 * end, and the other side knows why).
 */
int hx_copy_child_finish(struct hx_copy_child *child, uint64_t *bytes_r,
                         struct hx_err *err);

#endif
