/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sessions of channel-abi.h: each a process with up to three streams.
 * The first ones are the pod's containers, by index; they are never
 * forgotten.
 *
 * Nothing is answered at once.  A session remembers what there is to tell
 * about it, and hx_init_sessions_pump() tells it when the channel has room,
 * in an order that reads well on the other side:
 *
 *     OPENED  TAKEN of stdin  DATA..  END  ENDED
 */
#ifndef HX_INIT_SESSION_H
#define HX_INIT_SESSION_H

#include <poll.h>

#include "pv-init/channel.h"
#include "pv-init/guest-abi.h"
#include "pv-init/stream.h"

enum hx_init_session_state {
    HX_INIT_SESSION_FREE,
    HX_INIT_SESSION_RUNNING,
    HX_INIT_SESSION_ENDED, /* its process; dom0 may not know it yet */
};

/* stdout, stderr */
#define HX_INIT_SESSION_OUTS 2

struct hx_init_session {
    enum hx_init_session_state state;
    uint64_t id;
    pid_t pid;      /* 0: none (any more) */
    int64_t inside; /* its number in its own PID namespace, or 0 */
    int exit_code;
    bool started; /* its program was executed */
    bool resumed; /* somebody wants it, on this connection */
    bool tell_opened, ended_told;
    bool has_in;
    unsigned outs; /* those that it has: 0, 1 (a terminal) or 2 */
    struct hx_init_in in;
    struct hx_init_out out[HX_INIT_SESSION_OUTS];
    char sentence[HX_ABI_VALUE_MAX]; /* why it did not start */
};

#define HX_INIT_SESSIONS    HX_ABI_CONTAINERS_MAX
#define HX_INIT_SESSION_FDS (3 * HX_INIT_SESSIONS)

struct hx_init_sessions {
    struct hx_init_session list[HX_INIT_SESSIONS];
    unsigned turn;  /* whose output is sent first */
    uint64_t taken; /* bytes and ends that dom0 has taken, of all */
};

/* All free; the first ones have their numbers. */
void hx_init_sessions_init(struct hx_init_sessions *sessions);

/* The one with this number, or NULL. */
struct hx_init_session *hx_init_session_find(struct hx_init_sessions *sessions,
                                             uint64_t id);

/*
 * A process begins.  The descriptors become the session's: `in` what it reads
 * from (-1: nothing), `out` its outputs (the first of a terminal is its
 * master, and the second -1).
 */
void hx_init_session_start(struct hx_init_session *session, uint64_t id,
                           pid_t pid, int64_t inside, int in,
                           const int out[HX_INIT_SESSION_OUTS]);

/* It has ended, or (with a sentence) never began. */
void hx_init_session_end(struct hx_init_session *session, int exit_code,
                         const char *sentence);

/* Nobody in dom0 has anything of it to come. */
bool hx_init_session_done(const struct hx_init_session *session);

/* A new connection. */
void hx_init_sessions_reconnect(struct hx_init_sessions *sessions);

/*
 * Frames of dom0 for a session that is there.  -1 and a sentence: they do not
 * fit what came before.
 */
int hx_init_session_take(struct hx_init_sessions *sessions,
                         struct hx_init_session *session,
                         const struct hx_ch_frame *frame,
                         const uint8_t *payload, struct hx_init_err *err);

/* Moves bytes between processes and streams; true when anything changed. */
bool hx_init_sessions_work(struct hx_init_sessions *sessions);

/* Queues what there is to tell; true when anything was queued. */
bool hx_init_sessions_pump(struct hx_init_sessions *sessions,
                           struct hx_init_channel *channel);

/* Fills `fds` (room for HX_INIT_SESSION_FDS) with what to wait for, and takes
 * the same array when poll(2) has been there. */
size_t hx_init_sessions_poll(const struct hx_init_sessions *sessions,
                             struct pollfd *fds);
void hx_init_sessions_polled(struct hx_init_sessions *sessions,
                             const struct pollfd *fds);

#endif
