/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command works on: the host and the image store at their usual places.
 */
#ifndef HX_SESSION_H
#define HX_SESSION_H

#include "domain-builder/host.h"
#include "domain-builder/pod.h"
#include "image/image.h"
#include "image/store.h"

/* Opens the host; costs nothing yet.  *host_r is for hx_host_close(). */
int hx_session_host(struct hx_host **host_r, struct hx_err *err);

/* The same, and puts right what earlier commands or other tools left. */
int hx_session_pods(struct hx_host **host_r, struct hx_err *err);

/* The store, for hx_store_close(). */
int hx_session_store(struct hx_store *store_r, struct hx_err *err);

/*
 * Before the pod boots again: its root disks still have the bytes that the
 * store recorded, HX_ERR_CORRUPT when not.  A disk without a record is none of
 * the store's any more, and passed over.
 */
int hx_session_check_disks(const struct hx_pod *pod, struct hx_err *err);

/* The pod's folder is no longer ours: one with --rm that has ended while it was
 * is removed. */
void hx_session_let_go(struct hx_host *host, struct hx_pod *pod);

static inline void hx_cleanup_host(struct hx_host **host)
{
    hx_host_close(*host);
}
#define _cleanup_host_ _cleanup_(hx_cleanup_host)

#define _cleanup_pod_   _cleanup_(hx_pod_release)
#define _cleanup_image_ _cleanup_(hx_image_release)

/*
 * What stop, kill and destroy do for each pod named on the command line: goes
 * on after a failure, complains about each, prints the names of those that
 * went well, and returns the exit status.  A pod that is named twice is
 * worked on once.
 */
typedef int hx_pod_action(struct hx_host *host, struct hx_pod *pod,
                          const void *opaque, struct hx_err *err);

int hx_session_each_pod(char *const *names, hx_pod_action *action,
                        const void *opaque);

#endif
