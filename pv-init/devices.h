/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices of a privileged container: those of its domain. */
#ifndef HX_INIT_DEVICES_H
#define HX_INIT_DEVICES_H

#include "pv-init/base.h"

/*
 * Makes in the /dev below root_fd, a fresh tmpfs, what pv-init's own /dev has
 * and is not there yet.  As Docker, without pts, shm, mqueue and console.
 */
int hx_init_devices_copy(int root_fd, struct hx_init_err *err);

#endif
