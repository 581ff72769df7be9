/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes to an image's config as lines of a Dockerfile, which hyper-commit
 * takes as docker commit does:
 *
 *     CMD, ENTRYPOINT          ["a", "b"], or a line for the shell
 *     ENV, LABEL               NAME=VALUE..., or NAME VALUE
 *     EXPOSE                   PORT[/tcp|/udp|/sctp]...
 *     VOLUME                   ["/a", "/b"], or words
 *     USER, WORKDIR, STOPSIGNAL
 *
 * Words have a Dockerfile's quotes and backslashes; $NAME and ${NAME} are
 * taken from the image's environment.  An ENTRYPOINT takes back the image's
 * CMD, but not one that is given with it.
 */
#ifndef HX_PULL_CHANGE_H
#define HX_PULL_CHANGE_H

#include <jansson.h>

#include "image/base/err.h"

/*
 * Applies all lines (a list as in strv.h, or NULL) to `process`, the config's
 * object "config".  HX_ERR_USAGE for what is none of the above; then the
 * object may have been changed.
 */
int hx_change_apply(json_t *process, char *const *lines, struct hx_err *err);

#endif
