/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Environments as `docker run` makes them: the image's, over it the files of
 * --env-file in their order, over them -e in its order.
 *
 * In all but the image's, "NAME" without '=' takes the value that NAME has
 * where the command is typed; when it has none, -e removes NAME, and a line
 * of a file does nothing.
 */
#ifndef HX_ENV_H
#define HX_ENV_H

#include <stddef.h>

#include "image/base/err.h"

#define HX_ENV_FILE_MAX_BYTES ((size_t)1 << 20)

#define HX_ENV_DEFAULT_PATH                                                    \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Applies one -e; `caller` is the environment of the command itself. */
int hx_env_apply(char ***env, const char *setting, char *const *caller,
                 struct hx_err *err);

/*
 * Applies the text of an --env-file: lines "NAME=value" (the value as it
 * stands, quotes too) or "NAME"; blank lines and lines that begin with '#'
 * are skipped, blanks before a name and a byte order mark as well.  `path`
 * names it in messages.
 */
int hx_env_apply_text(char ***env, const char *text, const char *path,
                      char *const *caller, struct hx_err *err);

/* Reads `path` and applies it. */
int hx_env_apply_file(char ***env, const char *path, char *const *caller,
                      struct hx_err *err);

#endif
