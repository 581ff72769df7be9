/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/restart-plan.h"

static bool wanted(const struct hx_restart_facts *facts)
{
    /* Whoever stopped it meant it; hx_restart_with_host() is for the rest. */
    if (facts->stopper != HX_STOPPER_NONE || facts->rebooted)
        return false;
    if (facts->end == HX_END_FAILED || facts->end == HX_END_KILLED)
        return false;
    switch (facts->policy) {
    case HX_RESTART_ALWAYS:
    case HX_RESTART_UNLESS_STOPPED:
        return true;
    case HX_RESTART_ON_FAILURE:
        return facts->exit_code != 0 &&
               (facts->max == 0 || facts->count < facts->max);
    case HX_RESTART_NO:
    default:
        return false;
    }
}

int hx_restart_delay(const struct hx_restart_facts *facts)
{
    if (!wanted(facts))
        return -1;
    if (facts->delay_ms == 0 || facts->ran_ms >= HX_RESTART_RESET_MS)
        return HX_RESTART_FIRST_MS;
    return facts->delay_ms < HX_RESTART_LAST_MS / 2 ? (int)facts->delay_ms * 2
                                                    : HX_RESTART_LAST_MS;
}

bool hx_restart_with_host(enum hx_restart policy, enum hx_pod_stopper stopper)
{
    return policy == HX_RESTART_ALWAYS ||
           (policy == HX_RESTART_UNLESS_STOPPED && stopper != HX_STOPPER_USER);
}
