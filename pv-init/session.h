/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sessions of channel-abi.h: each a process with up to three streams.
 * The first ones are the pod's containers, by index, which are never
 * forgotten; the others are what dom0 has opened.
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
#include "pv-init/config.h"
#include "pv-init/plumbing.h"
#include "pv-init/stream.h"

enum hx_init_session_state {
    HX_INIT_SESSION_FREE,
    HX_INIT_SESSION_OPENING,  /* its request is not whole */
    HX_INIT_SESSION_STARTING, /* its process has not executed yet */
    HX_INIT_SESSION_RUNNING,
    HX_INIT_SESSION_ENDED, /* its process; dom0 may not know it yet */
};

/* stdout, stderr */
#define HX_INIT_SESSION_OUTS 2

struct hx_init_session {
    enum hx_init_session_state state;
    uint64_t id;
    pid_t pid;   /* 0: none (any more) */
    bool closed; /* dom0 has forgotten it; its process goes on */
    int exit_code;
    /* Of a container: those that the kernel killed for lack of memory before
     * somebody sent SIGKILL. */
    unsigned oom_kills;
    bool fresh;   /* it was opened on this connection */
    bool resumed; /* somebody wants it, on this connection */
    bool tell_opened, ended_told;
    bool started, has_in; /* it executed its program; it has a stdin */
    unsigned outs;        /* those that it has: 0, 1 (a terminal) or 2 */
    struct hx_init_in in;
    struct hx_init_out out[HX_INIT_SESSION_OUTS];
    /* While it opens. */
    char *request;
    size_t request_len;
    /* While it starts. */
    int status;
    struct hx_init_plumbing_spec spec;
    struct hx_init_started begun;
    pid_t inside;                    /* its number in its PID namespace */
    char sentence[HX_ABI_VALUE_MAX]; /* why it did not start */
};

#define HX_INIT_SESSIONS    (HX_ABI_CONTAINERS_MAX + HX_CH_SESSIONS_MAX)
#define HX_INIT_SESSION_FDS (4 * HX_INIT_SESSIONS)

/* Of all requests that are not whole. */
#define HX_INIT_REQUESTS_MAX (2 * HX_CH_REQUEST_MAX)

struct hx_init_sessions {
    struct hx_init_session list[HX_INIT_SESSIONS];
    const struct hx_init_config *config; /* borrowed; NULL: nothing is opened */
    unsigned turn;                       /* whose output is sent first */
    uint64_t taken;         /* bytes and ends that dom0 has taken, of all */
    uint64_t orphans_at_us; /* who is not resumed then is closed; 0: nobody */
};

/* All free; the first ones have their numbers. */
void hx_init_sessions_init(struct hx_init_sessions *sessions);

/* The one with this number that is not closed, or NULL. */
struct hx_init_session *hx_init_session_find(struct hx_init_sessions *sessions,
                                             uint64_t id);

/* A process runs, and its descriptors become the session's. */
void hx_init_session_start(struct hx_init_session *session,
                           const struct hx_init_started *started);

/* It has ended, or (with a sentence) never began. */
void hx_init_session_end(struct hx_init_session *session, int exit_code,
                         const char *sentence);

/* Nobody in dom0 has any output of it to come. */
bool hx_init_session_done(const struct hx_init_session *session);

/* kill(2), of the process or its group; nothing when it has ended. */
void hx_init_session_kill(struct hx_init_session *session, int signum,
                          bool group);

/* OPEN: 0, or -1 and a sentence when no guest of dom0's would send it. */
int hx_init_session_open(struct hx_init_sessions *sessions,
                         struct hx_init_channel *channel,
                         const struct hx_ch_frame *frame,
                         const uint8_t *payload, struct hx_init_err *err);

/* A child of pv-init's has ended; containers are the caller's. */
void hx_init_sessions_reaped(struct hx_init_sessions *sessions, pid_t pid,
                             int exit_code);

/* Closes those that nobody has resumed in time. */
void hx_init_sessions_expire(struct hx_init_sessions *sessions);

/* Whether dom0 is still to hear of the end of a session that it has opened. */
bool hx_init_sessions_open(const struct hx_init_sessions *sessions);

/* Kills what runs of them: the pod ends. */
void hx_init_sessions_kill(struct hx_init_sessions *sessions);

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
