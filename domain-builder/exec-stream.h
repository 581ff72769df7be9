/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dom0's end of a session's streams: offsets and windows, without any socket.
 *
 * An output holds what has come and was not written yet: [start, end).  What
 * is written moves `start`, and the guest is told so by a TAKEN.  After a lost
 * connection it forgets what it holds: the guest sends it again from the last
 * TAKEN.
 *
 * An input holds what was read and not taken yet: [start, end), of which what
 * lies before `sent` is on its way.  After a lost connection the next TAKEN
 * says from where it goes again.
 *
 * Offsets are bytes since the stream's beginning (pv-init/channel-abi.h).
 */
#ifndef HX_EXEC_STREAM_H
#define HX_EXEC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-init/channel-abi.h"

struct hx_ring {
    uint64_t start, end; /* offsets; end - start <= HX_CH_WINDOW */
    uint8_t bytes[HX_CH_WINDOW];
};

/* Bytes that can be added. */
size_t hx_ring_room(const struct hx_ring *ring);
/* Adds `len` bytes, at most hx_ring_room(). */
void hx_ring_add(struct hx_ring *ring, const uint8_t *data, size_t len);
/* How many bytes lie at `offset` one after the other; 0 at the end.
 * Borrowed. */
size_t hx_ring_at(const struct hx_ring *ring, uint64_t offset,
                  const uint8_t **data_r);

struct hx_exec_output {
    struct hx_ring ring;
    uint64_t told;  /* the last TAKEN */
    bool ended;     /* no more will come */
    bool end_told;  /* TAKEN of the end */
    bool must_tell; /* the connection is new */
};

/*
 * A DATA: what is new of it is held, what came before is skipped.  -1: there
 * is a gap, or more than the window allows, or bytes after the end.
 */
int hx_exec_output_data(struct hx_exec_output *output, uint64_t offset,
                        const uint8_t *data, size_t len);
/* An END at `length`; -1: not where the bytes end. */
int hx_exec_output_end(struct hx_exec_output *output, uint64_t length);
/* Whether a TAKEN is due, and its value; call hx_exec_output_told() once it
 * is sent. */
bool hx_exec_output_due(const struct hx_exec_output *output, uint64_t *value_r);
void hx_exec_output_told(struct hx_exec_output *output, uint64_t value);
void hx_exec_output_reconnect(struct hx_exec_output *output);
/* All that came was written, and there is no more. */
bool hx_exec_output_done(const struct hx_exec_output *output);

struct hx_exec_input {
    struct hx_ring ring;
    uint64_t sent;
    bool begun;    /* the first TAKEN has said where the stream is */
    bool granted;  /* this connection has had its first TAKEN */
    bool ended;    /* nothing more will be added: END at ring.end */
    bool end_sent; /* on this connection */
    bool closed;   /* its reader has it all, or wants no more */
};

/*
 * Before a TAKEN of a container's input, which others write to as well: when
 * it lies beyond what we sent, what is ours and unsent goes on from there.
 */
void hx_exec_input_shared(struct hx_exec_input *input, uint64_t value);
/* A TAKEN; -1: of bytes that were never sent. */
int hx_exec_input_taken(struct hx_exec_input *input, uint64_t value);
/* The next DATA that may be sent: its bytes (0: none now), at input->sent. */
size_t hx_exec_input_next(const struct hx_exec_input *input,
                          const uint8_t **data_r);
/* Whether the END is to be sent now. */
bool hx_exec_input_end_due(const struct hx_exec_input *input);
/* Whether something may be added now. */
bool hx_exec_input_wants(const struct hx_exec_input *input);
void hx_exec_input_reconnect(struct hx_exec_input *input);

#endif
