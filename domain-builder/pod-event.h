/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal of what happens to pods: LIB/events.json, one JSON object on each
 * line, in the form of Docker's events.
 *
 *     {"Type":"container","Action":"die","Actor":{"ID":"UUID","Attributes":
 *      {"name":"web","image":"nginx","exitCode":"0",...}},"scope":"local",
 *      "time":1700000000,"timeNano":1700000000123456789}
 *
 * Whoever does a thing writes its line: one write(2), appended.  A journal of
 * HX_EVENTS_MAX_BYTES takes the place of LIB/events.json.1.  What cannot be
 * written (the disk is full) is left out: it must not keep a pod from ending.
 */
#ifndef HX_POD_EVENT_H
#define HX_POD_EVENT_H

#include "domain-builder/pod-state.h"

#define HX_EVENTS_NAME      "events.json" /* in LIB */
#define HX_EVENTS_MAX_BYTES (1u << 20)
#define HX_EVENT_LINE_MAX   4096 /* bytes, with the newline */

/* Pairs "name", "value"; the list ends in { NULL }.  Text is UTF-8. */
struct hx_event_attribute {
    const char *name;
    const char *value;
};

/* One event, `more` beside the pod's name and image; NULL is none. */
void hx_event_record(const struct hx_pod_dirs *dirs, const struct hx_pod *pod,
                     const char *action, const struct hx_event_attribute *more);

/*
 * The end of a pod, recorded in *pod and not saved yet: "die", and "oom" before
 * it.  Who saves it afterwards may have been killed in between, and the next
 * comes here again: what the journal has of this run is not written twice.
 */
void hx_event_record_end(const struct hx_pod_dirs *dirs,
                         const struct hx_pod *pod);

#endif
