/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All images of an archive, docker's or an OCI layout in a tar.
 */
#ifndef HX_PULL_LOAD_H
#define HX_PULL_LOAD_H

#include "image/store.h"

/*
 * Reads the archive behind `fd`, a file or a stream, which is borrowed; `what`
 * names it.  Each image is reported as it is there; the first that fails ends
 * it, and those before stay.
 */
int hx_load_run(const struct hx_store *store, int fd, const char *what,
                const char *platform, struct hx_err *err);

#endif
