/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection to the guest: the frames of pv-init/channel-abi.h over any
 * transport.  Pure: no Xen, no clock, no file.
 *
 *     hx_link_begin(&link, &transport, containers);     HELLO goes out
 *     hx_link_start(&link, 0, HX_CH_STDOUT, offset);    for each output
 *     while (hx_link_read(&link, &sink, err) == 0 &&
 *            hx_link_write(&link, err) == 0)
 *         ... wait until the transport can do more ...
 *     hx_link_end(&link);
 *
 * The guest is hostile.  Its offsets must be exactly what comes next and stay
 * within the window; who breaks that, or the frames' form, loses the
 * connection.  Frames of sessions that are not there, and types that are not
 * known, are dropped: their senders may be newer, or late.
 */
#ifndef HX_LINK_H
#define HX_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"
#include "pv-init/channel-abi.h"
#include "pv-init/guest-abi.h"

/* What waits for the guest; whoever feeds the link stops when there is less
 * room than a frame needs. */
#define HX_LINK_QUEUE_MAX (128u << 10)
/* What one hx_link_read() reads at most, so that others have their turn; more
 * than a window, so that who sends more than that is found out. */
#define HX_LINK_TURN_BYTES (128u << 10)

/* Each gives the bytes moved, 0 for none at present, -1 when the other side
 * has gone. */
struct hx_link_transport {
    void *ctx;
    ssize_t (*read)(void *ctx, void *data, size_t len);
    ssize_t (*write)(void *ctx, const void *data, size_t len);
};

/* What comes from the guest, in order.  Of a session's frames only those that
 * a guest may send, with offsets that are right. */
struct hx_link_sink {
    void *ctx;
    void (*frame)(void *ctx, const struct hx_ch_frame *frame,
                  const uint8_t *payload);
};

struct hx_link_output {
    bool begun;     /* the guest may send */
    bool ended;     /* END came */
    bool owed;      /* TAKEN is to be sent */
    bool owed_end;  /* with HX_CH_TAKEN_END */
    uint64_t next;  /* offset of what comes next */
    uint64_t taken; /* the guest may send up to HX_CH_WINDOW beyond it */
};

struct hx_link_session {
    uint64_t id;                     /* 0: a free place (of what dom0 opened) */
    struct hx_link_output output[2]; /* stdout, stderr */
};

struct hx_link {
    struct hx_link_transport transport;
    unsigned version; /* 0: the guest's HELLO has not come */
    bool starved;     /* a frame was lost for lack of memory */
    size_t containers;
    struct hx_link_session container[HX_ABI_CONTAINERS_MAX];
    struct hx_link_session opened[HX_CH_SESSIONS_MAX];
    uint8_t *queue; /* what waits for the guest */
    size_t queue_at, queue_len, queue_size;
    size_t in_len;
    uint8_t in[HX_CH_FRAME_MAX]; /* a frame that is not complete yet */
};

/* `link` is the caller's memory; hx_link_end() frees what it has.  Both may be
 * called again and again. */
void hx_link_begin(struct hx_link *link,
                   const struct hx_link_transport *transport,
                   size_t containers);
void hx_link_end(struct hx_link *link);

/*
 * Each moves what can be moved at present.  -HX_ERR_GUEST: the guest broke the
 * protocol, or speaks no version that we do; the sentence in *err holds none
 * of its words.  -HX_ERR_NETWORK: it has gone, or said BYE.
 */
int hx_link_read(struct hx_link *link, const struct hx_link_sink *sink,
                 struct hx_err *err);
int hx_link_write(struct hx_link *link, struct hx_err *err);

static inline bool hx_link_is_up(const struct hx_link *link)
{
    return link->version != 0;
}

/* Queues a frame.  Whoever sends on behalf of others looks at the room before.
 * Without memory the connection is lost: the next hx_link_write() says so. */
void hx_link_send(struct hx_link *link, const struct hx_ch_frame *frame,
                  const void *payload);
size_t hx_link_room(const struct hx_link *link);
bool hx_link_wants_write(const struct hx_link *link);

/*
 * Outputs of containers, which the monitor itself takes.  start: on this
 * connection the guest sends from `offset` on.  take: everything before
 * `offset` is taken for good, and with `end` that the stream has ended.
 */
void hx_link_start(struct hx_link *link, size_t container, unsigned stream,
                   uint64_t offset);
void hx_link_take(struct hx_link *link, size_t container, unsigned stream,
                  uint64_t offset, bool end);

/*
 * Sessions that dom0 opens (`fresh`: their outputs begin at 0) or resumes.
 * NULL when there are HX_CH_SESSIONS_MAX.
 */
struct hx_link_session *hx_link_add(struct hx_link *link, uint64_t id,
                                    bool fresh);
struct hx_link_session *hx_link_find(struct hx_link *link, uint64_t id);
void hx_link_remove(struct hx_link *link, uint64_t id);

/* A command has taken its session's output up to `offset`; false when that
 * cannot be.  The frame itself is sent by the caller. */
bool hx_link_taken(struct hx_link_session *session, unsigned stream,
                   uint64_t offset);

#endif
