/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/xen_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "domain-builder/xen_domains.h"
#include "domain-builder/xen_report.h"

#define WINDOW_MS 1000

struct hx_store {
    struct xs_handle *xs;
    struct hx_xen_ctl *ctl;
    uint32_t domid;
    char uuid[HX_POD_UUID_TEXT];
    char tty[64];
    char reports[64];
    unsigned report_events; /* in this window */
    int64_t window_ms;      /* where it began */
    bool deaf;              /* data/hyper is not watched */
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
    store->domid = domid;
    snprintf(store->uuid, sizeof(store->uuid), "%s", uuid);
    snprintf(store->tty, sizeof(store->tty), "/local/domain/%u/console/tty",
             domid);
    snprintf(store->reports, sizeof(store->reports),
             "/local/domain/%u/" HX_ABI_DIR, domid);
    r = hx_xen_ctl_open(&store->ctl, err);
    if (r == 0) {
        store->xs = xs_open(0);
        if (!store->xs || !xs_watch(store->xs, "@releaseDomain", "release") ||
            !xs_watch(store->xs, store->tty, "tty") ||
            !xs_watch(store->xs, store->reports, "report"))
            r = hx_err_sys(err, HX_ERR_NO_XEN, errno,
                           "watching domain %u in xenstore", domid);
    }
    if (r < 0) {
        hx_store_close(store);
        return r;
    }
    fcntl(xs_fileno(store->xs), F_SETFD, FD_CLOEXEC);
    store->window_ms = now_ms();
    *store_r = store;
    return 0;
}

void hx_store_close(struct hx_store *store)
{
    if (!store)
        return;
    if (store->xs)
        xs_close(store->xs);
    hx_xen_ctl_close(store->ctl);
    free(store);
}

int hx_store_fd(const struct hx_store *store)
{
    return xs_fileno(store->xs);
}

int hx_store_timeout_ms(const struct hx_store *store)
{
    int64_t left_ms = store->window_ms + WINDOW_MS - now_ms();

    if (!store->deaf)
        return -1;
    return left_ms > 0 ? (int)left_ms : 0;
}

/* A guest that shouts is heard once a second. */
static void mind_flood(struct hx_store *store)
{
    int64_t now = now_ms();

    if (now - store->window_ms >= WINDOW_MS) {
        store->window_ms = now;
        store->report_events = 0;
        if (store->deaf) /* fires at once, so that nothing is missed */
            store->deaf = !xs_watch(store->xs, store->reports, "report");
    }
    if (!store->deaf && store->report_events > HX_STORE_EVENTS_MAX)
        store->deaf = xs_unwatch(store->xs, store->reports, "report");
}

static unsigned take_event(struct hx_store *store, const char *token)
{
    if (strcmp(token, "tty") == 0)
        return HX_STORE_TTY;
    if (strcmp(token, "release") == 0)
        return HX_STORE_RELEASE;
    store->report_events++;
    return HX_STORE_REPORT;
}

unsigned hx_store_events(struct hx_store *store)
{
    struct pollfd pfd = { .fd = xs_fileno(store->xs), .events = POLLIN };
    unsigned events = 0;
    char **event;

    /* At most a window's worth: others want to be served, too. */
    for (int i = 0; i <= HX_STORE_EVENTS_MAX; i++) {
        errno = 0;
        event = xs_check_watch(store->xs);
        if (!event) {
            if (errno != EAGAIN)
                events |= HX_STORE_LOST;
            break;
        }
        events |= take_event(store, event[XS_WATCH_TOKEN]);
        free(event);
    }
    if (poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR | POLLNVAL)))
        events |= HX_STORE_LOST;
    mind_flood(store);
    return events;
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

void hx_store_report(struct hx_store *store, size_t containers,
                     struct hx_guest_report *report)
{
    hx_xen_report_read(store->xs, store->domid, containers, report);
}

char *hx_store_tty(struct hx_store *store)
{
    unsigned int len;
    char *tty = xs_read(store->xs, XBT_NULL, store->tty, &len);

    return tty ? tty : strdup("");
}

void hx_store_set_tty(struct hx_store *store, const char *tty)
{
    xs_write(store->xs, XBT_NULL, store->tty, tty, (unsigned)strlen(tty));
}
