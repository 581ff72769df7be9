/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts of a pod's two files; pure, but for memory.
 *
 * pod.json, what was asked; replaced when the pod is renamed or updated:
 *
 *     { "version": 1, "uuid": "...", "created_at_ms": 1700000000000,
 *       "spec": { see pod-spec.h } }
 *
 * state.json, what came of it:
 *
 *     { "version": 1, "state": "creating" | "running" | "exited",
 *       "domid": 3, "started_at_ms": ..., "finished_at_ms": ...,
 *       "end": "exit", "exit_code": 0, "message": null, "reaped": true,
 *       "ip": "172.30.0.2/24", "gateway": "172.30.0.1", "mac": "...",
 *       "bridge": "hyper0", "vif": "vif3.0",
 *       "stages": "create.disks=1200 guest.init=900",
 *       "oom_killed": false, "stopper": "none" | "user" | "host",
 *       "restart_count": 0, "restart_at_ms": 0, "restart_delay_ms": 0,
 *       "boot_id": "...", "domain_name": "web",
 *       "built_mem_kib": 65536, "built_vcpus": 1 }
 *
 * A version other than 1 is refused: a newer program wrote it.
 */
#ifndef HX_POD_RECORD_H
#define HX_POD_RECORD_H

#include "domain-builder/pod-state.h"

#define HX_POD_JSON_MAX_BYTES   (8u << 20)
#define HX_STATE_JSON_MAX_BYTES (64u << 10)

/* *text_r is the caller's. */
int hx_pod_json_format(const char *uuid, int64_t created_at_ms,
                       const struct hx_pod_spec *spec, char **text_r,
                       struct hx_err *err);

/* Fills uuid, created_at_ms and spec of *pod. */
int hx_pod_json_parse(const char *text, size_t len, const char *what,
                      struct hx_pod *pod, struct hx_err *err);

int hx_state_json_format(const struct hx_pod *pod, char **text_r,
                         struct hx_err *err);

/* Fills all other fields of *pod, but hold. */
int hx_state_json_parse(const char *text, size_t len, const char *what,
                        struct hx_pod *pod, struct hx_err *err);

#endif
