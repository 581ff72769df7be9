/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's sight of Xen: is the domain alive, what does it report, where
 * is its console.
 *
 * A guest may write below data/ as fast as it can.  Its writes cost us one
 * read of the contract's few nodes at a time, and when there are more than
 * HX_SIGHT_EVENTS_MAX events a second, the watch is dropped for the rest of
 * that second.
 */
#ifndef HX_XEN_SIGHT_H
#define HX_XEN_SIGHT_H

#include "domain-builder/guest-report.h"
#include "image/base/err.h"

#define HX_SIGHT_EVENTS_MAX 50

enum hx_sight_event {                       /* bits */
                      HX_SIGHT_TTY = 1,     /* console/tty may have changed */
                      HX_SIGHT_REPORT = 2,  /* data/hyper may have changed */
                      HX_SIGHT_RELEASE = 4, /* some domain has ended */
                      HX_SIGHT_LOST = 8     /* xenstored is gone */
};

struct hx_sight; /* connections to xenstored and the hypervisor */

/* Opens and watches.  *sight_r is the caller's. */
int hx_sight_open(uint32_t domid, const char *uuid, struct hx_sight **sight_r,
                  struct hx_err *err);
void hx_sight_close(struct hx_sight *sight);

/* For poll(2), POLLIN; and the milliseconds after which hx_sight_events()
 * wants to be called anyway, -1 for never. */
int hx_sight_fd(const struct hx_sight *sight);
int hx_sight_timeout_ms(const struct hx_sight *sight);

/* What has happened, as bits; never blocks. */
unsigned hx_sight_events(struct hx_sight *sight);

/* What Xen says of our domain; HX_DOMAIN_GONE also when its number has gone to
 * another one. */
enum hx_domain_fate hx_sight_fate(struct hx_sight *sight);

void hx_sight_report(struct hx_sight *sight, size_t containers,
                     struct hx_guest_report *report);

/* The text of console/tty, until the next call; "" when there is none. */
const char *hx_sight_tty(struct hx_sight *sight);
void hx_sight_set_tty(struct hx_sight *sight, const char *tty);

/* Whether the guest has published a control channel. */
bool hx_sight_channel(struct hx_sight *sight);

#endif
