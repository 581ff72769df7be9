/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hx_store_sweep() removes and leaves, in figures.
 */
#ifndef HX_SWEEP_H
#define HX_SWEEP_H

#include "image/record.h"

/* hx_store_sweep(), and what it freed is added to *freed_bytes. */
int hx_store_sweep_freed(const struct hx_store *store, uint64_t *freed_bytes,
                         struct hx_err *err);

/* The size of all that is in the store, left over or not. */
int hx_store_stored_bytes(const struct hx_store *store, uint64_t *bytes_r,
                          struct hx_err *err);

/* The size of the blobs and disks that these images need, each counted once. */
int hx_store_needed_bytes(const struct hx_store *store,
                          const struct hx_image_record *records, size_t count,
                          uint64_t *bytes_r, struct hx_err *err);

#endif
