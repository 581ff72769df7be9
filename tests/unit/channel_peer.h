/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dom0's end of a control channel, over a socket; for tests of pv-init. */
#ifndef HX_TESTS_CHANNEL_PEER_H
#define HX_TESTS_CHANNEL_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "pv-init/channel-abi.h"

struct peer {
    int fd;
    size_t len;
    uint8_t in[4 * HX_CH_FRAME_MAX];
    struct hx_ch_frame frame; /* of the last peer_next() */
    uint8_t payload[HX_CH_PAYLOAD_MAX + 1];
};

/* Writes all of it; waits. */
void peer_send(struct peer *peer, struct hx_ch_frame frame,
               const void *payload);
void peer_hello(struct peer *peer);
void peer_taken(struct peer *peer, uint64_t session, unsigned stream,
                uint64_t value);

/* Reads what is there; false at the end. */
bool peer_read(struct peer *peer);
/* The next whole frame of what was read, into frame and payload. */
bool peer_next(struct peer *peer);

#endif
