/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/xen_sight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/monitor/xen_wire.h"
#include "domain-builder/xen_domains.h"
#include "image/base/clock.h"
#include "pv-init/channel-abi.h"

#define WINDOW_MS 1000

enum { BIT_TTY, BIT_REPORT, BIT_RELEASE }; /* as in enum hx_sight_event */

struct hx_sight {
    struct hx_wire wire;
    struct hx_xen_ctl *ctl;
    uint32_t domid;
    char uuid[HX_POD_UUID_TEXT];
    char tty[64];
    char reports[64];
    unsigned received; /* by the wire, when this window began */
    int64_t window_ms; /* where it began */
    bool deaf;         /* data/hyper is not watched */
};

int hx_sight_open(uint32_t domid, const char *uuid, struct hx_sight **sight_r,
                  struct hx_err *err)
{
    struct hx_sight *sight = calloc(1, sizeof(*sight));
    int r;

    if (!sight)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "watching the domain");
    sight->wire.fd = -1;
    sight->domid = domid;
    sight->window_ms = hx_clock_monotonic_ms();
    snprintf(sight->uuid, sizeof(sight->uuid), "%s", uuid);
    snprintf(sight->tty, sizeof(sight->tty), "/local/domain/%u/console/tty",
             domid);
    snprintf(sight->reports, sizeof(sight->reports),
             "/local/domain/%u/" HX_ABI_DIR, domid);
    r = hx_xen_ctl_open(&sight->ctl, err);
    if (r == 0)
        r = hx_wire_open(&sight->wire, err);
    if (r == 0 &&
        (hx_wire_watch(&sight->wire, "@releaseDomain", BIT_RELEASE) < 0 ||
         hx_wire_watch(&sight->wire, sight->tty, BIT_TTY) < 0 ||
         hx_wire_watch(&sight->wire, sight->reports, BIT_REPORT) < 0))
        r = hx_err_sys(err, HX_ERR_NO_XEN, errno,
                       "watching domain %u in xenstore", domid);
    if (r < 0) {
        hx_sight_close(sight);
        return r;
    }
    *sight_r = sight;
    return 0;
}

void hx_sight_close(struct hx_sight *sight)
{
    if (!sight)
        return;
    hx_wire_close(&sight->wire);
    hx_xen_ctl_close(sight->ctl);
    free(sight);
}

int hx_sight_fd(const struct hx_sight *sight)
{
    return sight->wire.fd;
}

int hx_sight_timeout_ms(const struct hx_sight *sight)
{
    int64_t left_ms = sight->window_ms + WINDOW_MS - hx_clock_monotonic_ms();

    /* What came with the answer to a question is not seen by poll. */
    if (sight->wire.events)
        return 0;
    if (!sight->deaf)
        return -1;
    return left_ms > 0 ? (int)left_ms : 0;
}

/* A guest that shouts is heard once a second. */
static void mind_flood(struct hx_sight *sight)
{
    struct hx_wire *wire = &sight->wire;
    int64_t now = hx_clock_monotonic_ms();

    if (now - sight->window_ms >= WINDOW_MS) {
        sight->window_ms = now;
        sight->received = wire->received;
        if (sight->deaf) /* fires at once, so that nothing is missed */
            sight->deaf = hx_wire_watch(wire, sight->reports, BIT_REPORT) < 0;
    }
    if (!sight->deaf && wire->received - sight->received > HX_SIGHT_EVENTS_MAX)
        sight->deaf = hx_wire_unwatch(wire, sight->reports, BIT_REPORT) == 0;
}

unsigned hx_sight_events(struct hx_sight *sight)
{
    unsigned events;

    /* Only so many at a time: the console wants to be served, too. */
    hx_wire_take_events(&sight->wire, HX_SIGHT_EVENTS_MAX);
    events = sight->wire.events;
    sight->wire.events = 0;
    mind_flood(sight);
    return events | (sight->wire.lost ? HX_SIGHT_LOST : 0u);
}

enum hx_domain_fate hx_sight_fate(struct hx_sight *sight)
{
    struct hx_domain domain;

    if (hx_xen_ctl_get(sight->ctl, sight->domid, &domain, NULL) < 0)
        return HX_DOMAIN_ALIVE; /* no word is no death */
    if (domain.fate != HX_DOMAIN_GONE && strcmp(domain.uuid, sight->uuid) != 0)
        return HX_DOMAIN_GONE;
    return domain.fate;
}

static const char *read_report(void *ctx, const char *key, size_t *len_r)
{
    struct hx_sight *sight = ctx;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", sight->reports, key);
    if (hx_wire_read(&sight->wire, path) < 0)
        return NULL;
    *len_r = sight->wire.len;
    return sight->wire.payload;
}

void hx_sight_report(struct hx_sight *sight, size_t containers,
                     struct hx_guest_report *report)
{
    hx_guest_report_read(report, containers, read_report, sight);
}

const char *hx_sight_tty(struct hx_sight *sight)
{
    return hx_wire_read(&sight->wire, sight->tty) < 0 ? ""
                                                      : sight->wire.payload;
}

void hx_sight_set_tty(struct hx_sight *sight, const char *tty)
{
    hx_wire_write(&sight->wire, sight->tty, tty);
}

bool hx_sight_channel(struct hx_sight *sight)
{
    char path[128];

    snprintf(path, sizeof(path),
             "/local/domain/%u/" HX_CH_XENSTORE_DIR "/ring-ref", sight->domid);
    return hx_wire_read(&sight->wire, path) == 0;
}
