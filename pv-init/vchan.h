/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's side of a vchan to dom0, byte for byte what libxenvchan's
 * client expects (xen/io/libxenvchan.h), and without a Xen library: those
 * wait for xenstored, which PID 1 never does.
 *
 *     page            struct vchan_interface, and the grants of the rings
 *     "left" ring     HX_CH_RING_TO_GUEST_BYTES; the client writes
 *     "right" ring    HX_CH_RING_TO_DOM0_BYTES; the server writes
 *
 *     hx_init_vchan_open(&vchan, &err);
 *     hx_init_vchan_publish(&vchan, &xs);
 *     ... poll vchan.evtchn for POLLIN, then hx_init_vchan_events() ...
 *     hx_init_vchan_read(), hx_init_vchan_write()
 *
 * One client in its life: when that has gone, the vchan is done and a new one
 * is opened, whose rings hold nothing of the old connection.
 */
#ifndef HX_INIT_VCHAN_H
#define HX_INIT_VCHAN_H

#include <sys/types.h>

#include "pv-init/base.h"
#include "pv-init/channel-abi.h"
#include "pv-init/xenstore.h"

struct vchan_interface;

struct hx_init_vchan {
    struct vchan_interface *ring; /* NULL: not open */
    uint8_t *left, *right;
    /* Our own indices.  The shared ones are copies for dom0. */
    uint32_t left_cons, right_prod;
    uint32_t ring_ref, port;
    int gntalloc, evtchn; /* -1: not open */
    bool seen;            /* a client has come */
};

/* Not open. */
#define HX_INIT_VCHAN_NONE                                                     \
    (struct hx_init_vchan)                                                     \
    {                                                                          \
        .gntalloc = -1, .evtchn = -1                                           \
    }

/* Makes it, for domain 0; nothing is published yet. */
int hx_init_vchan_open(struct hx_init_vchan *vchan, struct hx_init_err *err);

/* An empty one in memory of the caller's (a zeroed page, and the two rings);
 * no events.  Part of hx_init_vchan_open(), and for tests. */
void hx_init_vchan_init(struct hx_init_vchan *vchan,
                        struct vchan_interface *ring, uint8_t *left,
                        uint8_t *right);

/* Queues event-channel and ring-ref below HX_CH_XENSTORE_DIR.  ring-ref is
 * last: who sees it finds the other one. */
void hx_init_vchan_publish(const struct hx_init_vchan *vchan,
                           struct hx_init_xs *xs);

/* Tells the client that it is over.  The pages stay: a client that comes late
 * must not find something else of the guest's under the published number. */
void hx_init_vchan_shut(struct hx_init_vchan *vchan);

/* Gives all of it back; takes one that is not open. */
void hx_init_vchan_release(struct hx_init_vchan *vchan);

/* After POLLIN at vchan->evtchn. */
void hx_init_vchan_events(struct hx_init_vchan *vchan);

/*
 * The bytes that were moved, at most `size`; 0: none can be now, and an event
 * comes when one can; -1: the client has gone, was followed by another one,
 * or has put its indices out of range.  Neither waits.
 */
ssize_t hx_init_vchan_read(struct hx_init_vchan *vchan, void *data,
                           size_t size);
ssize_t hx_init_vchan_write(struct hx_init_vchan *vchan, const void *data,
                            size_t size);

#endif
