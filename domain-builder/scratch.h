/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writable disk of a pod: a sparse file with an empty ext4.
 *
 * Written by libext2fs in this process, with no mount and no mkfs program.
 * A fresh sparse file reads as zeros, so inode tables count as zeroed and the
 * guest's kernel never starts to clear them; what is really written is some
 * hundred KiB.
 */
#ifndef HX_SCRATCH_H
#define HX_SCRATCH_H

#include <stdint.h>

#include "image/base/err.h"

#define HX_SCRATCH_MIN_BYTES     (UINT64_C(4) << 20)
#define HX_SCRATCH_DEFAULT_BYTES (UINT64_C(10) << 30)
#define HX_SCRATCH_MAX_BYTES     (UINT64_C(8) << 40)

/*
 * Makes `path`, 0600, of `bytes` (rounded down to 4 KiB).  It appears by
 * rename, complete, or not at all; one that is there already is left alone
 * and is no error.  HX_ERR_USAGE: size out of range, or
 * larger than the file system under it can hold.  HX_ERR_NO_SPACE.
 */
int hx_scratch_make(const char *path, uint64_t bytes, struct hx_err *err);

#endif
