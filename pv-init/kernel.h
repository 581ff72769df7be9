/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dom0 gives the guest's kernel: the time, and randomness. */
#ifndef HX_INIT_KERNEL_H
#define HX_INIT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define HX_INIT_SEED_MAX 512u

/* Sets the clock to Unix time unix_ns when it is off by more than 100 ms, as
 * after a pause: a step that is smaller would do more harm than good. */
void hx_init_kernel_set_clock(uint64_t unix_ns);

/* Adds at most HX_INIT_SEED_MAX bytes, which count as random in full. */
void hx_init_kernel_add_entropy(const void *data, size_t len);

#endif
