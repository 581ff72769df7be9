/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Health checks as `docker inspect` has them. */
#ifndef HX_HEALTH_TEXT_H
#define HX_HEALTH_TEXT_H

#include "domain-builder/pod-health.h"

/* State.Health: Status, FailingStreak, Log.  One that does not run is
 * unhealthy, as for docker.  NULL without memory. */
json_t *hx_health_inspect(const struct hx_health_record *record, bool runs);

/* Config.Healthcheck; times in nanoseconds.  NULL without memory. */
json_t *hx_healthcheck_inspect(const struct hx_health_spec *health);

#endif
