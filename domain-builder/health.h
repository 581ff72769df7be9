/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether and how a container's health is looked at: as the pod's record keeps
 * it and as the guest is told (pv-init/guest-abi.h, "health").
 *
 * A zeroed struct is: not at all.
 */
#ifndef HX_HEALTH_H
#define HX_HEALTH_H

#include <jansson.h>

#include "image/base/err.h"
#include "image/base/strv.h"

#define HX_HEALTH_MS_MAX      INT32_MAX /* of each time */
#define HX_HEALTH_RETRIES_MAX INT32_MAX

struct hx_health_spec {
    char **test; /* Docker's: "CMD", ARG... or "CMD-SHELL", COMMAND; NULL: no
                    probes */
    char **args; /* what a probe executes: at least one, when there is a test */
    unsigned interval_ms, timeout_ms; /* at least 1 */
    unsigned start_period_ms;
    unsigned retries; /* at least 1 */
};

void hx_health_release(struct hx_health_spec *health);

/* Turns the borrowed pointers of a flat copy into owned ones, each owned or
 * NULL afterwards, also on failure: -1 without memory. */
int hx_health_own(struct hx_health_spec *health);

/* null for one without a test; NULL when a text is not UTF-8, or without
 * memory. */
json_t *hx_health_to_json(const struct hx_health_spec *health);
/* The other way; `obj` NULL is one without a test.  Fills a zeroed struct,
 * which is the caller's to release in any case. */
int hx_health_from_json(const json_t *obj, const char *what,
                        struct hx_health_spec *health, struct hx_err *err);

/* The guest's "health", of one with a test.  NULL as above. */
json_t *hx_health_for_guest(const struct hx_health_spec *health);

#endif
