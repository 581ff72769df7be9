/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linux capabilities by name, and what Docker makes of --cap-add and
 * --cap-drop.  Pure.
 */
#ifndef HX_CAPS_H
#define HX_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#define HX_CAPS_COUNT 41 /* the HyperKernel's */
#define HX_CAPS_ALL   ((1ull << HX_CAPS_COUNT) - 1)
#define HX_CAPS_NAME  32 /* room for "CAP_CHECKPOINT_RESTORE" */

/* Docker's 14. */
extern const uint64_t hx_caps_default;

/* "NET_ADMIN"; NULL past the last one. */
const char *hx_cap_name(unsigned number);

/* "CAP_NET_ADMIN", "net_admin": 12; -1 for what is none. */
int hx_cap_number(const char *text);

/*
 * The set of a container as bits: the default one without `drop` and with
 * `add`; of "ALL" in `add` `drop` is taken away; with "ALL" in `drop` there is
 * `add` alone; `privileged` is all.  The lists hold names and may be NULL.
 */
uint64_t hx_caps_of(char *const *add, char *const *drop, bool privileged);

#endif
