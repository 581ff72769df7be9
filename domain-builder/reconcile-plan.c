/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/reconcile-plan.h"

static enum hx_reconcile_action
decide_running(const struct hx_reconcile_facts *facts)
{
    if (facts->misnamed && facts->may_adopt && facts->fate == HX_DOMAIN_ALIVE)
        return HX_RECONCILE_NAME;
    if (facts->monitored)
        return HX_RECONCILE_NOTHING;
    switch (facts->fate) {
    case HX_DOMAIN_ALIVE:
        return facts->may_adopt ? HX_RECONCILE_ADOPT : HX_RECONCILE_NOTHING;
    case HX_DOMAIN_ENDED:
    case HX_DOMAIN_CRASHED:
        /* Its last words may still be in xenconsoled's hands. */
        return facts->may_adopt ? HX_RECONCILE_ADOPT : HX_RECONCILE_END;
    case HX_DOMAIN_DYING:
    case HX_DOMAIN_GONE:
    default:
        return HX_RECONCILE_END;
    }
}

enum hx_reconcile_action
hx_reconcile_decide(const struct hx_reconcile_facts *facts)
{
    switch (facts->state) {
    case HX_POD_CREATING:
        return HX_RECONCILE_UNDO;
    case HX_POD_RUNNING:
    case HX_POD_PAUSED:
        return decide_running(facts);
    case HX_POD_EXITED:
    default:
        if (!facts->reaped)
            return HX_RECONCILE_REAP;
        if (facts->misnamed && facts->may_adopt)
            return HX_RECONCILE_NAME;
        if (facts->restarts && facts->may_adopt)
            return HX_RECONCILE_RESTART;
        return facts->auto_remove ? HX_RECONCILE_REMOVE : HX_RECONCILE_NOTHING;
    }
}
