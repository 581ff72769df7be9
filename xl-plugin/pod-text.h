/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pod in words and as JSON: what hyper-list, hyper-inspect and hyper-run
 * have to agree on.
 */
#ifndef HX_POD_TEXT_H
#define HX_POD_TEXT_H

#include <jansson.h>

#include "domain-builder/pod-health.h"
#include "domain-builder/pod.h"

/* Room for "Exited (137) Less than a second ago". */
#define HX_POD_STATUS_TEXT 80

/* "Up 3 minutes", "Up 3 minutes (healthy)", "Up 3 minutes (Paused)", "Created",
 * "Exited (42) 5 minutes ago", "Crashed (134) 2 hours ago"; `now_ms` as
 * hx_clock_unix_ms(). */
void hx_pod_status_text(const struct hx_pod *pod, int64_t now_ms,
                        char text[HX_POD_STATUS_TEXT]);

/*
 * The exit status of a pod that has ended: its process's; 137 when it was
 * killed from outside; never 0 when nobody saw it end well.
 */
int hx_pod_exit_status(const struct hx_pod *pod);

/* Why it ended, as a sentence for stderr; NULL when the process just exited,
 * and nothing killed it for lack of memory.
 * Static, or borrowed from the pod. */
const char *hx_pod_end_reason(const struct hx_pod *pod);

/* Address without the prefix; "" when there is none, or no domain any more. */
#define HX_IP_TEXT 64
void hx_pod_ip_text(const struct hx_pod *pod, char text[HX_IP_TEXT]);

/* Everything, with docker's field names where docker has the field; `log_path`
 * may be NULL, and so may `health`, which is looked at when the pod's first
 * container has health checks. */
json_t *hx_pod_inspect_json(const struct hx_pod *pod, const char *log_path,
                            const struct hx_health_record *health);

/* One entry of `hyper-list --json`. */
json_t *hx_pod_list_json(const struct hx_pod *pod, int64_t now_ms);

#endif
