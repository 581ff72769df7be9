/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking the store: every blob's digest, every root disk's size and digest,
 * and that all records and references can be read and lead to what is there.
 *
 * Files are hashed without any lock, since that takes its time; they never
 * change, but may go away.  What was found wrong is looked at again, and the
 * records are read, under the store's lock.
 */
#ifndef HX_PULL_CHECK_H
#define HX_PULL_CHECK_H

#include "image/store.h"

/*
 * Reports for each thing that is wrong {"found": {"file", "what", "state"}},
 * with the state "wrong", "removed", or "left over" for what a killed command
 * left in tmp/ and the next pull takes up or removes; at the end {"checked":
 * {"blobs", "disks", "images", "names"}}.
 *
 * With `repair` what is wrong is removed while no pull is under way
 * (HX_ERR_STATE when one does not end): the next pull makes it anew.
 */
int hx_check_run(const struct hx_store *store, int repair, struct hx_err *err);

#endif
