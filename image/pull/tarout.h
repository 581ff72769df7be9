/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a tar (POSIX ustar): regular files of root's, without a time, so
 * that the same content gives the same bytes.
 */
#ifndef HX_PULL_TAROUT_H
#define HX_PULL_TAROUT_H

#include <stdint.h>

#include "image/base/err.h"

/* All write to `fd`; what fails is HX_ERR_SYSTEM or HX_ERR_NO_SPACE. */

/* The header of a file; its bytes are the caller's to write.  `name` has at
 * most 99 bytes. */
int hx_tarout_begin(int fd, const char *name, uint64_t size,
                    struct hx_err *err);
/* What fills the file of that size up to a whole block. */
int hx_tarout_pad(int fd, uint64_t size, struct hx_err *err);
/* Header, bytes and padding at once. */
int hx_tarout_file(int fd, const char *name, const void *data, size_t size,
                   struct hx_err *err);
/* The two empty blocks. */
int hx_tarout_end(int fd, struct hx_err *err);

#endif
