/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of the store as an archive that others read, as docker save has it:
 *
 *     docker-archive              oci-archive
 *     blobs/sha256/HEX            blobs/sha256/HEX
 *     index.json, oci-layout      index.json, oci-layout
 *     manifest.json
 *     repositories
 *
 * In a docker archive the layers are unpacked and lie under their diff_ids,
 * below a manifest of their own; in an OCI one all is as its registry had it.
 */
#ifndef HX_PULL_SAVE_H
#define HX_PULL_SAVE_H

#include "image/pull/http.h"
#include "image/store.h"

struct hx_save {
    int fd;  /* where the archive goes */
    int oci; /* not docker's form */
    char *const *names;
    struct hx_http_times times; /* for layers that are fetched again */
};

/*
 * Layers that the store lacks are fetched from the registry that the image
 * has a name of.  Every layer is checked against its digest or diff_id while it
 * is written; a failure leaves an archive that is not whole.
 */
int hx_save_run(const struct hx_store *store, const struct hx_save *save,
                struct hx_err *err);

#endif
