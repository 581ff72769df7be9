/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control channel's life: a vchan, published; a client's frames, handed
 * to their sessions; and when the client has gone, the next vchan.
 *
 *     hx_init_control_open(&control, &xs, &err);
 *     for (;;) {
 *         busy = hx_init_control_run(&control);
 *         n = hx_init_control_poll(&control, fds);
 *         poll(fds, n, busy ? 0 : timeout);
 *         hx_init_control_polled(&control, fds);
 *     }
 *
 * The sessions outlive connections: their streams go on where dom0 says that
 * it has them.
 */
#ifndef HX_INIT_CONTROL_H
#define HX_INIT_CONTROL_H

#include "pv-init/channel.h"
#include "pv-init/health.h"
#include "pv-init/session.h"
#include "pv-init/vchan.h"
#include "pv-init/xenstore.h"

#define HX_INIT_CONTROL_FDS (1 + HX_INIT_SESSION_FDS + HX_INIT_HEALTH_FDS)

struct hx_init_control {
    struct hx_init_sessions sessions;
    struct hx_init_healths healths;
    struct hx_init_channel channel;
    struct hx_init_vchan vchan;
    struct hx_init_vchan retired; /* the one before, until its place is taken */
    int socket;                   /* in the vchan's place, of a test; or -1 */
    struct hx_init_xs *xs;        /* borrowed */
    uint64_t retry_at_us;         /* when no vchan could be made; else 0 */
};

/* No channel, no sessions. */
void hx_init_control_init(struct hx_init_control *control);

/* Makes the first vchan and publishes it. */
int hx_init_control_open(struct hx_init_control *control, struct hx_init_xs *xs,
                         struct hx_init_err *err);

/* A client over a socket that does not block, which it takes over.  There is
 * no next one by itself. */
void hx_init_control_attach(struct hx_init_control *control, int socket);

/* Whether somebody in dom0 has said HELLO and not gone. */
bool hx_init_control_has_client(const struct hx_init_control *control);

/* Does what can be done now; true when there is more: come again without
 * waiting. */
bool hx_init_control_run(struct hx_init_control *control);

/* When to run though nothing has happened (hx_init_now_us()); 0: never. */
uint64_t hx_init_control_deadline_us(const struct hx_init_control *control);

/* Fills `fds` (room for HX_INIT_CONTROL_FDS) with what to wait for, and takes
 * the same array when poll(2) has been there. */
size_t hx_init_control_poll(const struct hx_init_control *control,
                            struct pollfd *fds);
void hx_init_control_polled(struct hx_init_control *control,
                            const struct pollfd *fds);

#endif
