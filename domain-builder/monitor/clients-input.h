/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The containers' standard inputs, which several commands may write to.  The
 * guest sees one stream; each command sees one of its own, that begins where
 * the guest's stood when it attached.  Only clients.c uses this.
 */
#ifndef HX_CLIENTS_INPUT_H
#define HX_CLIENTS_INPUT_H

#include "domain-builder/monitor/client.h"
#include "domain-builder/monitor/link.h"

/* A container's stdin, on this connection. */
struct hx_input {
    bool runs; /* OPENED came; when, CLOCK_MONOTONIC: */
    int64_t runs_ms;
    bool known; /* TAKEN came */
    bool ended; /* END was sent, or nobody reads any more */
    bool end_taken;
    uint64_t next;  /* offset of what is sent next */
    uint64_t taken; /* what the guest has */
};

/*
 * A frame of the guest for container `index`.  What it says of stdin is told
 * to the clients that are attached, of which there are `count`.
 */
void hx_input_take(struct hx_input *input, size_t index,
                   const struct hx_ch_frame *frame,
                   struct hx_client *const *clients, size_t count);

/* Answers an ATTACH as soon as it is known what to say. */
void hx_input_answer(const struct hx_input *input, size_t index,
                     struct hx_client *client, int64_t now_ms);

/* A client's DATA: false when it does not fit, and is to be held. */
bool hx_input_data(struct hx_input *input, struct hx_link *link,
                   struct hx_client *client, const struct hx_ch_frame *frame,
                   const uint8_t *payload);
void hx_input_end(struct hx_input *input, struct hx_link *link,
                  const struct hx_client *client,
                  const struct hx_ch_frame *frame);

#endif
