/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One command that has connected to the monitor's socket, and what waits for
 * it.  Only clients.c and its parts use this.
 *
 * What a session has to tell waits as state and not as frames: output as
 * bytes, of which the protocol's window bounds the number, whatever the size
 * of the pieces that a guest sends them in.  Other frames wait in a queue.
 */
#ifndef HX_CLIENT_H
#define HX_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pv-init/channel-abi.h"
#include "pv-init/guest-abi.h"

/* A client with so much waiting is not read; with more it is given up. */
#define HX_CLIENT_QUEUE_SOFT (16u << 10)
#define HX_CLIENT_QUEUE_MAX  (128u << 10)

/* A stdin of a container, as one of its writers sees it: a stream of its own
 * that begins where the container's stood. */
struct hx_client_input {
    bool attached;
    bool answered; /* by TAKEN or GONE */
    bool writes;   /* by TAKEN */
    bool ended;    /* its TAKEN has told the end */
    uint64_t next; /* of its own stream: what it sends next */
    uint64_t told; /* of its own stream: by the last TAKEN */
    uint64_t last; /* of the container's: where its last byte ended */
};

struct hx_client {
    int fd;
    bool broken;    /* has gone, or made no sense */
    uint8_t *queue; /* frames: header, payload */
    size_t queue_at, queue_len, queue_size;
    bool holds; /* a DATA that its container cannot take yet */
    struct hx_ch_frame held;
    uint8_t *held_payload;
    struct hx_client_input input[HX_ABI_CONTAINERS_MAX];
};

struct hx_client *hx_client_new(int fd); /* takes it over; NULL: no memory */
void hx_client_free(struct hx_client *client);

/* Sends a frame now: 1; 0: the socket is full; a client that has gone is
 * `broken`, and 1. */
int hx_client_try(struct hx_client *client, const struct hx_ch_frame *frame,
                  const void *payload);
/* The same, or queues it behind others. */
void hx_client_send(struct hx_client *client, const struct hx_ch_frame *frame,
                    const void *payload);
/* Sends what is queued; true when nothing is left. */
bool hx_client_flush(struct hx_client *client);

/* GONE for `session`, with a sentence. */
void hx_client_refuse(struct hx_client *client, uint64_t session,
                      const char *why);

/* The next message, in `message` (HX_CH_FRAME_MAX + 1 bytes): 1; 0: none; a
 * client that has gone or whose message is no frame is `broken`, and 0. */
int hx_client_receive(struct hx_client *client, uint8_t *message,
                      struct hx_ch_frame *frame_r);

/* -- sessions ---------------------------------------------------------------
 */

/* What a command has opened or resumed. */
struct hx_client_session {
    uint64_t id;              /* 0: a free place */
    struct hx_client *client; /* borrowed */
    bool opening;             /* its OPEN goes on */
    bool taken_due;           /* TAKEN of stdin */
    uint64_t taken;
    struct {
        uint8_t *data; /* at most HX_CH_WINDOW; NULL: empty */
        size_t at, len, size;
        uint64_t offset; /* of the first */
        bool end_due;
        uint64_t end;
    } output[2];
    bool ended_due;
    struct hx_ch_frame ended;
    uint8_t *why; /* its payload */
};

void hx_client_session_release(struct hx_client_session *session);

/* Takes a frame of the guest for its command: sent, or kept. */
void hx_client_session_take(struct hx_client_session *session,
                            const struct hx_ch_frame *frame,
                            const uint8_t *payload);
/* Sends what was kept; true when nothing is left. */
bool hx_client_session_flush(struct hx_client_session *session);
bool hx_client_session_waits(const struct hx_client_session *session);

#endif
