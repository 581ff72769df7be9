/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket of a pod's monitor, RUN/UUID/control, as commands use it: each
 * message is one frame of pv-init/channel-abi.h.  Nothing here asks Xen.
 */
#ifndef HX_MONITOR_SOCKET_H
#define HX_MONITOR_SOCKET_H

#include "domain-builder/pod-state.h"

/* A connection that does not block, the caller's; or -1 with errno. */
int hx_monitor_connect(const struct hx_pod_dirs *dirs, const char *uuid);

/*
 * Has the guest's clock set now, and not when the monitor would do it next.
 * Waits for nothing: without a monitor nothing happens, and the one to come
 * does it by itself.
 */
void hx_monitor_set_clock(const struct hx_pod_dirs *dirs, const char *uuid);

#endif
