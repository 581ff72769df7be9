/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spec of a pod: copied, and kept as JSON.
 *
 *     { "name": "web", "type": "pv", "mem_kib": 65536, "vcpus": 1,
 *       "hostname": "web", "scratch_bytes": 1073741824,
 *       "net": { "none": false, "bridge": null, "ip": null, "mac": null },
 *       "auto_remove": false, "paused": false,
 *       "restart": "on-failure", "restart_max": 3,
 *       "containers": [ { "name": ..., the fields of hx_container_spec } ] }
 *
 * Unknown fields are ignored, so that an older program can read what a newer
 * one wrote.
 */
#ifndef HX_POD_SPEC_H
#define HX_POD_SPEC_H

#include <jansson.h>

#include "domain-builder/pod.h"

#define HX_RESTART_MAX 1000000 /* retries that can be asked for */

/* [A-Za-z0-9][A-Za-z0-9_.-]{0,62}: safe as a file name and as a domain's. */
bool hx_pod_name_valid(const char *name);

/* 8-4-4-4-12 lower-case hex digits. */
bool hx_pod_uuid_valid(const char *uuid);

/* Deep copy; *copy_r is the caller's.  HX_ERR_SYSTEM without memory. */
int hx_pod_spec_copy(const struct hx_pod_spec *spec, struct hx_pod_spec *copy_r,
                     struct hx_err *err);

/* HX_ERR_USAGE when a text is not UTF-8.  *doc_r is the caller's. */
int hx_pod_spec_to_json(const struct hx_pod_spec *spec, json_t **doc_r,
                        struct hx_err *err);

/*
 * The other way.  `what` names the document in messages; HX_ERR_CORRUPT.
 * *spec_r is the caller's.
 */
int hx_pod_spec_from_json(const json_t *doc, const char *what,
                          struct hx_pod_spec *spec_r, struct hx_err *err);

/* The index of the container with this name; HX_ERR_NOT_FOUND. */
int hx_pod_spec_container(const struct hx_pod_spec *spec, const char *name,
                          size_t *index_r, struct hx_err *err);

#endif
