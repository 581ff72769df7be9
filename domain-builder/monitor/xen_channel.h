/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control channel's bytes: dom0's end of the vchan that the guest has
 * published below HX_CH_XENSTORE_DIR.  Nothing here blocks, but for xenstored
 * and the hypervisor while connecting.
 *
 * A guest may send events without end: when HX_CHANNEL_WAKES_MAX of them came
 * within a second and no byte with them, the port stays masked for the rest of
 * that second.
 *
 * One turn of the caller's loop:
 *
 *     poll(hx_channel_fd(), POLLIN), at most hx_channel_timeout_ms()
 *     hx_channel_wake(channel, revents)
 *     ... hx_channel_read(), hx_channel_write() until both give 0 ...
 *     hx_channel_rest(channel, want_write)
 */
#ifndef HX_XEN_CHANNEL_H
#define HX_XEN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"

#define HX_CHANNEL_WAKES_MAX 50

struct hx_channel;

/* HX_ERR_GUEST: what the guest has published leads nowhere. *channel_r is the
 * caller's. */
int hx_channel_open(uint32_t domid, struct hx_channel **channel_r,
                    struct hx_err *err);
/* Takes NULL. */
void hx_channel_close(struct hx_channel *channel);

/* -1 while the port is masked; timeout -1: none is needed. */
int hx_channel_fd(const struct hx_channel *channel);
int hx_channel_timeout_ms(const struct hx_channel *channel);
void hx_channel_wake(struct hx_channel *channel, short revents);

/* Bytes moved, 0 for none at present, -1 when the guest has gone.  What a
 * guest that has gone left in the ring is still read. */
ssize_t hx_channel_read(void *channel, void *data, size_t len);
ssize_t hx_channel_write(void *channel, const void *data, size_t len);

/* Asks to be woken for what is wanted; true when there is something to do
 * already. */
bool hx_channel_rest(struct hx_channel *channel, bool want_read,
                     bool want_write);

#endif
