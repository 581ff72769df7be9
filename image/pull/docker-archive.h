/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A docker archive that is already open: a file's, or the engine's stream.
 */
#ifndef HX_PULL_DOCKER_ARCHIVE_H
#define HX_PULL_DOCKER_ARCHIVE_H

#include "image/pull/archive.h"
#include "image/pull/found.h"

/* Takes over `fd`, also on failure.  `reference` is canonical, or NULL. */
int hx_docker_archive_new(const struct hx_store *store, int fd,
                          const char *what, const char *reference,
                          struct hx_supply **supply_r, struct hx_err *err);

/* One whose members are known; takes over `archive`, also on failure.  Its
 * images are gone through with `next`. */
int hx_docker_archive_opened(const struct hx_store *store,
                             struct hx_archive *archive, const char *what,
                             struct hx_supply **supply_r, struct hx_err *err);

#endif
