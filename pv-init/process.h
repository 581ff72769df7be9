/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last steps of a container's first process: identity, environment,
 * terminal, and then the image's own program.
 *
 * Exit codes are Docker's: 125 when pv-init could not, 126 when the program
 * cannot be executed, 127 when there is none.
 */
#ifndef HX_INIT_PROCESS_H
#define HX_INIT_PROCESS_H

#include "pv-init/base.h"
#include "pv-init/config.h"
#include "pv-init/user.h"

#define HX_INIT_EXIT_SETUP       125
#define HX_INIT_EXIT_NOT_RUNABLE 126
#define HX_INIT_EXIT_NOT_FOUND   127

#define HX_INIT_PATH_DEFAULT                                                   \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * The configured environment and what is missing of PATH, HOSTNAME, TERM
 * (with a tty) and HOME.  The list is the caller's; strings are borrowed or
 * never freed: an exec follows.  NULL without memory.
 */
char **hx_init_process_env(const struct hx_init_container_config *config,
                           const char *hostname, const char *home);

/*
 * Becomes the user, confined as the configuration says (confine.h), with a
 * working directory and a session of its own.  0 or -1.  Nothing but an exec
 * or an exit may follow: the seccomp filter is in force.
 */
int hx_init_process_become(const struct hx_init_container_config *config,
                           const struct hx_init_user *user,
                           struct hx_init_err *err);

/*
 * Replaces this process; returns only on failure: the exit code, and why.  A
 * name without a slash is looked for in env's PATH, as Docker does: what
 * cannot be executed there was not found.
 */
int hx_init_process_exec(const char *const *args, char *const *env,
                         struct hx_init_err *err);

#endif
