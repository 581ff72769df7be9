/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control channel's frames (channel-abi.h), over any transport of bytes
 * that does not wait: a vchan, or a socket in the tests.
 *
 *     hx_init_channel_start(&channel, &transport);
 *     for each wake-up:
 *         hx_init_channel_run(&channel, take_frame, arg);
 *         hx_init_channel_send(&channel, &frame, payload);
 *         hx_init_channel_flush(&channel);
 *
 * It knows the first frame, HELLO, and the last one, BYE; all others are the
 * taker's.  What goes out waits in a queue of fixed size.  While that has no
 * room for an answer, no frame is taken: a peer that asks and does not listen
 * is not heard either.
 */
#ifndef HX_INIT_CHANNEL_H
#define HX_INIT_CHANNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/base.h"
#include "pv-init/channel-abi.h"

struct hx_init_transport {
    /* Bytes moved; 0: none now; -1: the other side has gone. */
    ssize_t (*read)(void *arg, void *data, size_t size);
    ssize_t (*write)(void *arg, const void *data, size_t size);
    void *arg;
};

/* What the answers to one frame may take of the queue, and DATA may not. */
#define HX_INIT_CHANNEL_RESERVE 8192u
#define HX_INIT_CHANNEL_QUEUE   (2 * HX_CH_FRAME_MAX + HX_INIT_CHANNEL_RESERVE)

enum hx_init_channel_state {
    HX_INIT_CHANNEL_CLOSED,  /* nobody to talk to; start it anew */
    HX_INIT_CHANNEL_WAITING, /* for the other side's HELLO */
    HX_INIT_CHANNEL_OPEN,
    HX_INIT_CHANNEL_LEAVING /* BYE is in the queue, and nothing comes after */
};

struct hx_init_channel {
    enum hx_init_channel_state state;
    struct hx_init_transport transport;
    unsigned version; /* that both speak, once open */
    size_t in_len, out_at, out_len;
    uint8_t in[HX_CH_FRAME_MAX];
    uint8_t out[HX_INIT_CHANNEL_QUEUE];
};

/* A frame for its taker, HELLO among them (then the channel has just opened);
 * -1 and a sentence when the other side is to be left. */
typedef int hx_init_channel_taker(void *arg, const struct hx_ch_frame *frame,
                                  const uint8_t *payload,
                                  struct hx_init_err *err);

/* A new connection; what the struct held of another one is forgotten. */
void hx_init_channel_start(struct hx_init_channel *channel,
                           const struct hx_init_transport *transport);

/*
 * Takes frames that are there, a bounded number.  True when there may be more
 * that could be taken now: come again without waiting.
 */
bool hx_init_channel_run(struct hx_init_channel *channel,
                         hx_init_channel_taker *take, void *arg);

/* Whether the queue has room for a frame: one of DATA with a payload of
 * `bytes` (the reserve is not used), or any other. */
bool hx_init_channel_has_room(const struct hx_init_channel *channel, bool data,
                              size_t bytes);

/* Queues a frame; false without room, or when the channel is not open. */
bool hx_init_channel_send(struct hx_init_channel *channel,
                          const struct hx_ch_frame *frame, const void *payload);

/* Moves what can be moved out of the queue; true when anything was. */
bool hx_init_channel_flush(struct hx_init_channel *channel);

/* BYE with a sentence; the channel closes when that is out. */
void hx_init_channel_leave(struct hx_init_channel *channel,
                           const char *sentence);

#endif
