/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One pull, from the reference to the record in the store.
 */
#ifndef HX_PULL_PULL_H
#define HX_PULL_PULL_H

#include "image/pull/http.h"
#include "image/pull/supply.h"
#include "image/store.h"

struct hx_pull {
    const char *reference;
    const char *platform; /* NULL: the host's */
    const char *engine;   /* socket of the docker engine; NULL: not asked */
    struct hx_http_times times;
};

/*
 * Reports the image on success.  A pull that fails or is killed leaves the
 * blobs that it has, whole or begun, for the next one (see store.h).
 */
int hx_pull_run(const struct hx_store *store, const struct hx_pull *pull,
                struct hx_err *err);

/* What ends each pull: removes what nothing needs; after HX_ERR_NO_SPACE, in
 * `rc`, also what failed pulls have left. */
void hx_pull_clean(const struct hx_store *store, int rc);

/*
 * One image of a source: finds, converts and commits it, and reports it once
 * for each of its names.  `object` names it in progress.  The caller has joined
 * the pulls (hx_store_join_pulls).
 */
int hx_pull_take(const struct hx_store *store, struct hx_supply *supply,
                 const struct hx_platform *platform, const char *object,
                 struct hx_err *err);

#endif
