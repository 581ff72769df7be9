/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for devices: the kernel's uevents wake whoever looks again.
 *
 *     fd = hx_init_uevent_open(&err);          before the first look
 *     while (!there())
 *         if (hx_init_uevent_wait(fd, -1, deadline_us) == 0)
 *             too late
 */
#ifndef HX_INIT_UEVENT_H
#define HX_INIT_UEVENT_H

#include "pv-init/base.h"

/* The descriptor is the caller's; -1 on failure. */
int hx_init_uevent_open(struct hx_init_err *err);

/*
 * 1: something happened, look again; 0: the deadline (hx_init_now_us) is over.
 * Input at `other` (-1: none) counts as something, and is left there.
 */
int hx_init_uevent_wait(int fd, int other, uint64_t deadline_us);

#endif
