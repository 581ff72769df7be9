/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One push: a stored image to the registry that its name says.
 */
#ifndef HX_PULL_PUSH_H
#define HX_PULL_PUSH_H

#include "image/pull/http.h"
#include "image/store.h"

/*
 * The blobs that the registry lacks, then the manifest; reports it.  Layers
 * that are not stored any more are fetched again from where the image came
 * from.  HX_ERR_USAGE for a name with a digest; HX_ERR_UNSUPPORTED for an
 * image that was read from an archive, whose layers are not kept.
 */
int hx_push_run(const struct hx_store *store, const char *reference,
                const struct hx_http_times *times, struct hx_err *err);

#endif
