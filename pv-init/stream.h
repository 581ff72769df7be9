/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams of bytes between a process and the control channel (channel-abi.h).
 *
 *     process --pipe or pty--> hx_init_out --DATA, END-->  dom0
 *                                          <--TAKEN------
 *     process <--pipe or pty-- hx_init_in  <--DATA, END--  dom0
 *                                          --TAKEN------>
 *
 * An output keeps each byte until dom0 has taken it, at most HX_CH_WINDOW of
 * them; then it is not read, its pipe fills, and its writer waits.  An input
 * keeps what the process has not read yet, at most as much.  Both begin and
 * end with a process and know nothing of sessions or frames' ways.
 *
 * Memory is taken when the first byte comes and given back with the last.
 */
#ifndef HX_INIT_STREAM_H
#define HX_INIT_STREAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/base.h"
#include "pv-init/channel-abi.h"

/* What a pipe may hold at most: root may ask for 1 MiB. */
#define HX_INIT_STREAM_REST (1u << 20)

struct hx_init_out {
    int fd;        /* what the process writes to, owned; -1: it has ended */
    int slave;     /* of a terminal, owned; -1 for a pipe */
    bool readable; /* something may be there */
    bool ending;   /* no writer is left that counts */
    bool dropped;  /* nobody will take anything: read, and forgotten */
    size_t rest;   /* how much is read at most when ending */
    uint8_t *kept; /* ring of HX_CH_WINDOW bytes; NULL: empty */
    uint64_t start, end; /* offsets of what is kept */
    uint64_t sent;       /* offset of what is sent next */
    bool begun;          /* dom0 has said where, on this connection */
    bool end_sent;       /* on this connection */
    bool end_taken;
};

struct hx_init_in {
    int fd;           /* what the process reads from, owned; -1: closed */
    bool tty;         /* it is a terminal's master */
    bool blocked;     /* the process does not read now */
    bool tell;        /* a TAKEN is due, whatever has changed */
    bool ended;       /* END came */
    bool line_begun;  /* the last byte given to the terminal was no newline */
    uint8_t *pending; /* ring of HX_CH_WINDOW bytes; NULL: empty */
    uint64_t given, received; /* offsets of what is pending */
    uint64_t told;            /* by the last TAKEN */
};

/* -- outputs -----------------------------------------------------------------
 */

/* Takes `fd` over (it is made non-blocking).  Of a terminal the other side is
 * held open until the process is dead: who closes all of it and opens it
 * again goes on being heard.  -1: a stream that has ended and was empty. */
void hx_init_out_start(struct hx_init_out *out, int fd);

/* The process is dead.  What it left is still read, HX_INIT_STREAM_REST at
 * most; then the source is closed, even if somebody else holds its end. */
void hx_init_out_end(struct hx_init_out *out);

/* Nobody will take what it has: it goes on being read, for its writer's
 * sake. */
void hx_init_out_discard(struct hx_init_out *out);
/* The same, and a terminal hangs up. */
void hx_init_out_drop(struct hx_init_out *out);

void hx_init_out_release(struct hx_init_out *out);

/* Whether to wait for input at out->fd; then set out->readable. */
bool hx_init_out_wants(const struct hx_init_out *out);

/* Reads what can be kept, without waiting; true when anything changed. */
bool hx_init_out_fill(struct hx_init_out *out);

/* A new connection: nothing is sent before the next TAKEN. */
void hx_init_out_reconnect(struct hx_init_out *out);

/* dom0's TAKEN; -1: it names what was never sent. */
int hx_init_out_taken(struct hx_init_out *out, uint64_t value);

/* The next frame of the stream: DATA with payload_r (borrowed, until the next
 * call) or END; false when there is none.  Session and stream are the
 * caller's to set.  Once it is queued, hx_init_out_sent() is told. */
bool hx_init_out_next(const struct hx_init_out *out, struct hx_ch_frame *frame,
                      const uint8_t **payload_r);
void hx_init_out_sent(struct hx_init_out *out, const struct hx_ch_frame *frame);

/* The source has ended and dom0 has all of it, or nobody wants it. */
bool hx_init_out_done(const struct hx_init_out *out);

/* -- inputs ------------------------------------------------------------------
 */

/* Takes `fd` over (it is made non-blocking); -1: there is no such stream. */
void hx_init_in_start(struct hx_init_in *in, int fd, bool tty);
void hx_init_in_release(struct hx_init_in *in);

/* Whether to wait for room at in->fd; then clear in->blocked. */
bool hx_init_in_wants(const struct hx_init_in *in);

/* DATA and END; -1 and a sentence when they do not fit what came before. */
int hx_init_in_data(struct hx_init_in *in, uint64_t offset, const uint8_t *data,
                    size_t len, struct hx_init_err *err);
int hx_init_in_end(struct hx_init_in *in, uint64_t offset,
                   struct hx_init_err *err);

/* Gives the process what it takes now.  One that has closed its end takes
 * everything, as /dev/null does. */
void hx_init_in_give(struct hx_init_in *in);

/* Whether a TAKEN is due; its value is *value_r, and it counts as sent. */
bool hx_init_in_due(const struct hx_init_in *in);
uint64_t hx_init_in_tell(struct hx_init_in *in);

#endif
