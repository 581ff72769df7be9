/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's sight of Xen: is the domain alive, what does it report, where
 * is its console.
 *
 * A guest may write below data/ as fast as it can.  Its writes cost us one
 * read of the contract's few nodes at a time, and when there are more than
 * HX_STORE_EVENTS_MAX events a second, the watch is dropped for the rest of
 * that second.
 */
#ifndef HX_MONITOR_STORE_H
#define HX_MONITOR_STORE_H

#include "domain-builder/guest-report.h"
#include "image/base/err.h"

#define HX_STORE_EVENTS_MAX 50

enum hx_store_event {                       /* bits */
                      HX_STORE_TTY = 1,     /* console/tty may have changed */
                      HX_STORE_REPORT = 2,  /* data/hyper may have changed */
                      HX_STORE_RELEASE = 4, /* some domain has ended */
                      HX_STORE_LOST = 8     /* xenstored is gone */
};

struct hx_store; /* connections to xenstored and the hypervisor */

/* Opens and watches.  *store_r is the caller's. */
int hx_store_open(uint32_t domid, const char *uuid, struct hx_store **store_r,
                  struct hx_err *err);
void hx_store_close(struct hx_store *store);

/* For poll(2), POLLIN; and the milliseconds after which hx_store_events()
 * wants to be called anyway, -1 for never. */
int hx_store_fd(const struct hx_store *store);
int hx_store_timeout_ms(const struct hx_store *store);

/* What has happened, as bits; never blocks. */
unsigned hx_store_events(struct hx_store *store);

/* What Xen says of our domain; HX_DOMAIN_GONE also when its number has gone to
 * another one. */
enum hx_domain_fate hx_store_fate(struct hx_store *store);

void hx_store_report(struct hx_store *store, size_t containers,
                     struct hx_guest_report *report);

/* The text of console/tty, until the next call; "" when there is none. */
const char *hx_store_tty(struct hx_store *store);
void hx_store_set_tty(struct hx_store *store, const char *tty);

#endif
