/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several blobs at once: a thread for each worker, which takes the next blob
 * of the list when it is done with one.  A worker is used by one thread alone.
 *
 *     struct hx_fetch fetch = { blobs, count, workers, 3, get };
 *     r = hx_fetch_all(&fetch, err);
 *
 * The first failure is the result; the other downloads are stopped (stop.h)
 * and have ended when it is returned.
 */
#ifndef HX_PULL_FETCH_H
#define HX_PULL_FETCH_H

#include <stddef.h>

#include "image/manifest.h"

struct hx_fetch {
    const struct hx_descriptor *blobs; /* each digest once */
    size_t count;
    void *const *workers;
    size_t worker_count; /* 1 and more; the first one is run by the caller */
    int (*get)(void *worker, const struct hx_descriptor *blob,
               struct hx_err *err);
};

int hx_fetch_all(const struct hx_fetch *fetch, struct hx_err *err);

#endif
