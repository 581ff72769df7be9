/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sizes as people type and read them.
 */
#ifndef HX_SIZES_H
#define HX_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

/*
 * "64" is 64 MiB, as `xl` counts memory; "512k", "64m", "1g", "1.5g", "64MB"
 * and "64MiB" as `docker` does, all binary, letters of either case.  Rounded
 * up to whole KiB.  `what` names the option in the message.  HX_ERR_USAGE.
 */
int hx_size_parse_kib(const char *what, const char *text, uint64_t *kib_r,
                      struct hx_err *err);

/* Room for the texts below. */
#define HX_SIZE_TEXT 16

/* "187MB", "4.26MB", "512B": three digits, decimal units, as docker prints
 * images. */
void hx_size_print(uint64_t bytes, char text[HX_SIZE_TEXT]);

/* "64M", "1G", "1.5G", "65M" (rounded up): memory, binary units. */
void hx_size_print_memory(uint64_t kib, char text[HX_SIZE_TEXT]);

#endif
