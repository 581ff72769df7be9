/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manifest of an image that no registry has given: one that was made here,
 * or came without.
 */
#ifndef HX_PULL_NEW_MANIFEST_H
#define HX_PULL_NEW_MANIFEST_H

#include "image/pull/found.h"

/*
 * Writes OCI's manifest of found->id, a config of so many bytes, and of
 * found->layers' layers, and puts it into the store.  found->manifest and all
 * of found->layers are set.  The same image gives the same manifest.
 */
int hx_new_manifest_put(const struct hx_store *store, size_t config_bytes,
                        struct hx_found *found, struct hx_err *err);

#endif
