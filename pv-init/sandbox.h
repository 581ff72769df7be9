/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container sees: its own mount namespace with its root, and /proc,
 * /sys, /dev and the files of /etc as Docker gives them.
 *
 * Runs in the container's first process, which is PID 1 of a new PID
 * namespace and has a mount namespace of its own.
 */
#ifndef HX_INIT_SANDBOX_H
#define HX_INIT_SANDBOX_H

#include <stdbool.h>

#include "pv-init/base.h"

struct hx_init_sandbox {
    const char *root; /* folder of pv-init's tree: the mounted root */
    const char *etc;  /* folder with the three files (etcfiles.h) */
    const char *cwd;  /* made when missing, before the root is read-only */
    bool read_only;
    bool unmasked;   /* all of /proc and /sys can be seen and written */
    bool privileged; /* all devices; /sys and the cgroups can be written */
};

/* Builds the view and makes it this process's root; /cwd is not entered. */
int hx_init_sandbox_enter(const struct hx_init_sandbox *sandbox,
                          struct hx_init_err *err);

#endif
