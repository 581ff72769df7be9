/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SipHash-1-3 (Aumasson and Bernstein): a keyed hash for tables whose keys an
 * attacker picks.
 */
#ifndef HX_MKROOT_SIPHASH_H
#define HX_MKROOT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hx_siphash(const uint64_t key[2], const void *data, size_t len);

#endif
