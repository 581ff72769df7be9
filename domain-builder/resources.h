/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pod owns outside of its folder, and how it is given back.
 *
 * hx_pod_create() (pod-create.c) is the only maker of pods:
 *
 *     take the name, write the folder with state "creating"    pod-state.h
 *     hx_pod_build()       everything up to a paused domain
 *     hx_pod_spawn_monitor()                                   monitor's
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
 *     run folder     RUN_DIR/UUID: joined ramdisk while building, monitor's
 *                    socket and pid file
 *     scratch disk   STATE_DIR/pods/UUID/scratch.ext4
 */
#ifndef HX_RESOURCES_H
#define HX_RESOURCES_H

#include <stdbool.h>

#include "domain-builder/host.h"
#include "domain-builder/pod.h"

#define HX_NONCE_TEXT 33 /* HX_ABI_NONCE_LEN hex digits and the NUL */

/* 32 hex digits from getrandom(2). */
int hx_nonce_make(char nonce_r[HX_NONCE_TEXT], struct hx_err *err);

/*
 * Builds the domain of a pod whose folder exists (STATE_DIR/pods/UUID) and
 * leaves it paused.  `nonce` goes into the guest's configuration.
 *
 * Fills pod->domid, ip, gateway, mac, bridge, vif and appends to pod->stages;
 * touches nothing else in it.  On failure all steps done are undone (an
 * existing scratch disk stays), domid is 0 and the strings are NULL.
 *
 * A scratch disk that is already there is used as it is, so that a pod can be
 * started again with what it wrote.
 *
 * HX_ERR_EXISTS: the domain name or the address is in use.
 * HX_ERR_NO_MEMORY, HX_ERR_NO_SPACE, HX_ERR_NO_XEN, HX_ERR_PRIVILEGE,
 * HX_ERR_NOT_FOUND (bridge, kernel), HX_ERR_XEN, ...
 */
int hx_pod_build(struct hx_host *host, const struct hx_pod_spec *spec,
                 const char *uuid, const char *nonce, struct hx_pod *pod,
                 struct hx_err *err);

/* Starts the built domain. */
int hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                   struct hx_err *err);

/*
 * Destroys the pod's domain, if it has one, and gives back its address and
 * run folder; with `scratch` the writable disk too.  Idempotent; right at any
 * point of a build that was killed, and after an `xl destroy`.  Goes on after
 * a failure and returns the first one.
 *
 * The caller has made sure that no monitor or creator of this pod is alive.
 */
int hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                struct hx_err *err);

/*
 * pod->stages: one line for each stage, "NAME MICROSECONDS\n", the time at
 * which it was done since hx_pod_create() was entered.  In this order:
 *
 *     network disks ramdisk domain monitor unpause
 *
 * Records that `name` is done now; `start_us` is hx_stage_now_us() of the
 * beginning.
 */
int64_t hx_stage_now_us(void); /* CLOCK_MONOTONIC */
int hx_stage_done(struct hx_pod *pod, const char *name, int64_t start_us,
                  struct hx_err *err);

#endif
