/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a reboot of dom0 is known. */
#ifndef HX_BOOT_ID_H
#define HX_BOOT_ID_H

#include "domain-builder/pod.h"

/* The id that dom0's kernel has until it is booted again (random(4)); "" when
 * it tells none. */
void hx_boot_id(char id_r[HX_BOOT_ID_TEXT]);

#endif
