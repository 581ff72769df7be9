/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/xen_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domain-builder/monitor/xen_wire.h"
#include "domain-builder/xen_domains.h"

#define WINDOW_MS 1000

enum { BIT_TTY, BIT_REPORT, BIT_RELEASE }; /* as in enum hx_store_event */

struct hx_store {
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

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

int hx_store_open(uint32_t domid, const char *uuid, struct hx_store **store_r,
                  struct hx_err *err)
{
    struct hx_store *store = calloc(1, sizeof(*store));
    int r;

    if (!store)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "watching the domain");
    store->wire.fd = -1;
    store->domid = domid;
    store->window_ms = now_ms();
    snprintf(store->uuid, sizeof(store->uuid), "%s", uuid);
    snprintf(store->tty, sizeof(store->tty), "/local/domain/%u/console/tty",
             domid);
    snprintf(store->reports, sizeof(store->reports),
             "/local/domain/%u/" HX_ABI_DIR, domid);
    r = hx_xen_ctl_open(&store->ctl, err);
    if (r == 0)
        r = hx_wire_open(&store->wire, err);
    if (r == 0 &&
        (hx_wire_watch(&store->wire, "@releaseDomain", BIT_RELEASE) < 0 ||
         hx_wire_watch(&store->wire, store->tty, BIT_TTY) < 0 ||
         hx_wire_watch(&store->wire, store->reports, BIT_REPORT) < 0))
        r = hx_err_sys(err, HX_ERR_NO_XEN, errno,
                       "watching domain %u in xenstore", domid);
    if (r < 0) {
        hx_store_close(store);
        return r;
    }
    *store_r = store;
    return 0;
}

void hx_store_close(struct hx_store *store)
{
    if (!store)
        return;
    hx_wire_close(&store->wire);
    hx_xen_ctl_close(store->ctl);
    free(store);
}

int hx_store_fd(const struct hx_store *store)
{
    return store->wire.fd;
}

int hx_store_timeout_ms(const struct hx_store *store)
{
    int64_t left_ms = store->window_ms + WINDOW_MS - now_ms();

    /* What came with the answer to a question is not seen by poll. */
    if (store->wire.events)
        return 0;
    if (!store->deaf)
        return -1;
    return left_ms > 0 ? (int)left_ms : 0;
}

/* A guest that shouts is heard once a second. */
static void mind_flood(struct hx_store *store)
{
    struct hx_wire *wire = &store->wire;
    int64_t now = now_ms();

    if (now - store->window_ms >= WINDOW_MS) {
        store->window_ms = now;
        store->received = wire->received;
        if (store->deaf) /* fires at once, so that nothing is missed */
            store->deaf = hx_wire_watch(wire, store->reports, BIT_REPORT) < 0;
    }
    if (!store->deaf && wire->received - store->received > HX_STORE_EVENTS_MAX)
        store->deaf = hx_wire_unwatch(wire, store->reports, BIT_REPORT) == 0;
}

unsigned hx_store_events(struct hx_store *store)
{
    unsigned events;

    /* Only so many at a time: the console wants to be served, too. */
    hx_wire_take_events(&store->wire, HX_STORE_EVENTS_MAX);
    events = store->wire.events;
    store->wire.events = 0;
    mind_flood(store);
    return events | (store->wire.lost ? HX_STORE_LOST : 0u);
}

enum hx_domain_fate hx_store_fate(struct hx_store *store)
{
    struct hx_domain domain;

    if (hx_xen_ctl_get(store->ctl, store->domid, &domain, NULL) < 0)
        return HX_DOMAIN_ALIVE; /* no word is no death */
    if (domain.fate != HX_DOMAIN_GONE && strcmp(domain.uuid, store->uuid) != 0)
        return HX_DOMAIN_GONE;
    return domain.fate;
}

static const char *read_report(void *ctx, const char *key, size_t *len_r)
{
    struct hx_store *store = ctx;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", store->reports, key);
    if (hx_wire_read(&store->wire, path) < 0)
        return NULL;
    *len_r = store->wire.len;
    return store->wire.payload;
}

void hx_store_report(struct hx_store *store, size_t containers,
                     struct hx_guest_report *report)
{
    hx_guest_report_read(report, containers, read_report, store);
}

const char *hx_store_tty(struct hx_store *store)
{
    return hx_wire_read(&store->wire, store->tty) < 0 ? ""
                                                      : store->wire.payload;
}

void hx_store_set_tty(struct hx_store *store, const char *tty)
{
    hx_wire_write(&store->wire, store->tty, tty);
}
