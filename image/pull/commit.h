/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a pulled image known: its record, then its references, under the
 * store's lock.
 */
#ifndef HX_PULL_COMMIT_H
#define HX_PULL_COMMIT_H

#include "image/pull/disk.h"
#include "image/pull/found.h"

int hx_commit(const struct hx_store *store, const struct hx_found *found,
              const struct hx_disk *disk, struct hx_err *err);

#endif
