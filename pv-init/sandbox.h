/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container sees: its own mount namespace with its root, and /proc,
 * /sys, /dev and the files of /etc as Docker gives them.
 *
 * Runs in the container's first process, which is PID 1 of a new PID
 * namespace and has a mount namespace of its own; hx_init_sandbox_enter_vm() in
 * a process of pv-init's PID namespace.
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

/*
 * The domain as a whole: a mount namespace of this process's own, with the
 * mounted `root` for its programs, and /proc, /dev, /sys and the cgroups as
 * pv-init has them, nothing hidden and all writable.
 */
int hx_init_sandbox_enter_vm(const char *root, struct hx_init_err *err);

#endif
