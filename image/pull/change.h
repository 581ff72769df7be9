/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes to an image's config: what hyper-commit knows of the pod, as a
 * document; then, as docker commit takes them, lines of a Dockerfile:
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
 * Merges a document into `process`, as RFC 7396 has it: null removes a field,
 * an object is merged into the one there is, any other value takes the place
 * of what there was.  Texts stay as they are to the byte.
 */
int hx_change_merge(json_t *process, const json_t *document,
                    struct hx_err *err);

/*
 * Applies all lines (a list as in strv.h, or NULL) to `process`, the config's
 * object "config".  HX_ERR_USAGE for what is none of the above; then the
 * object may have been changed.
 */
int hx_change_apply(json_t *process, char *const *lines, struct hx_err *err);

#endif
