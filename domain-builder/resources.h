/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pod owns outside of its folder, and how it is given back.
 *
 * hx_pod_create() (pod-create.c) is the only maker of pods:
 *
 *     take the name, write the folder with state "creating"    pod-state.h
 *     hx_pod_build()       everything up to a paused domain
 *     hx_pod_spawn_monitor()                                   pod-monitor.h
 *     hx_pod_unpause()     unless the spec says paused
 *     state "running"
 *
 * Whatever fails or is killed in between, hx_pod_undo() puts right.  What a
 * pod owns is found by its UUID alone, never from a list that could have been
 * lost with the process that kept it:
 *
 *     domain         the one with the pod's UUID; its devices go with it
 *     loop devices   freed by the kernel (autoclear) when the last backend or
 *                    process lets go of them
 *     address        a lease file that holds the UUID (lease.h)
 *     scratch disk   STATE_DIR/pods/UUID/scratch.ext4
 *
 * The joined ramdisk, which holds the guest's configuration, is a memory file
 * of the building process and was never in a folder.
 */
#ifndef HX_RESOURCES_H
#define HX_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/host.h"
#include "domain-builder/pod.h"

#define HX_SCRATCH_NAME "scratch.ext4" /* in the pod's folder */

/*
 * Builds the domain of pod->uuid after pod->spec and leaves it paused.  The
 * pod's folder exists and the caller has it locked.  `start_us` is
 * hx_create_clock_us() of when the creation began.
 *
 * Fills pod->domid, ip, gateway, mac, bridge, vif and appends to pod->stages;
 * touches nothing else.  On failure all steps done are undone (a scratch disk
 * that was there before stays), domid is 0 and the strings are NULL; a domain
 * that can't be destroyed keeps its address, and is left to hx_pod_undo().
 *
 * A scratch disk that is already there is used as it is, so that a pod can be
 * started again with what it wrote.
 *
 * HX_ERR_EXISTS: the domain name or the address is in use.
 * HX_ERR_NO_MEMORY, HX_ERR_NO_SPACE, HX_ERR_NO_XEN, HX_ERR_PRIVILEGE,
 * HX_ERR_NOT_FOUND (bridge, root disk, kernel), HX_ERR_UNSUPPORTED (domain
 * type), HX_ERR_INTERRUPTED, HX_ERR_XEN, ...
 */
int hx_pod_build(struct hx_host *host, struct hx_pod *pod, uint64_t start_us,
                 struct hx_err *err);

/* Starts the built domain. */
int hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                   struct hx_err *err);

/*
 * Destroys the pod's domain, if it has one, and gives back its address; with
 * `scratch` the writable disk too.  Idempotent; right at any point of a build
 * that was killed, and after an `xl destroy`.  Goes on after a failure and
 * returns the first one.
 *
 * The caller has the pod's folder locked.
 */
int hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                struct hx_err *err);

/*
 * Names of the stages in pod->stages, side "create", in their order; the time
 * is that of their end.
 */
#define HX_CREATE_STAGES "folder network disks ramdisk domain monitor unpause"

uint64_t hx_create_clock_us(void); /* CLOCK_MONOTONIC */

#endif
