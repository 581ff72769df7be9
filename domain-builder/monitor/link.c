/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_MAX (HX_CH_TAKEN_END - 1)

/* -- sessions ---------------------------------------------------------------
 */

/* A stream's place among a session's outputs. */
static struct hx_link_output *output_of(struct hx_link_session *session,
                                        unsigned stream)
{
    return stream == HX_CH_STDOUT || stream == HX_CH_STDERR
               ? &session->output[stream - HX_CH_STDOUT]
               : NULL;
}

struct hx_link_session *hx_link_find(struct hx_link *link, uint64_t id)
{
    if (id < link->containers)
        return &link->container[id];
    if (id < HX_CH_SESSION_MIN)
        return NULL;
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        if (link->opened[i].id == id)
            return &link->opened[i];
    }
    return NULL;
}

struct hx_link_session *hx_link_add(struct hx_link *link, uint64_t id,
                                    bool fresh)
{
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++) {
        struct hx_link_session *session = &link->opened[i];

        if (session->id)
            continue;
        *session = (struct hx_link_session){ .id = id };
        session->output[0].begun = session->output[1].begun = fresh;
        return session;
    }
    return NULL;
}

void hx_link_remove(struct hx_link *link, uint64_t id)
{
    struct hx_link_session *session = hx_link_find(link, id);

    if (session && id >= HX_CH_SESSION_MIN)
        session->id = 0;
}

static void begin_output(struct hx_link_output *output, uint64_t offset)
{
    output->begun = true;
    output->next = output->taken = offset;
}

bool hx_link_taken(struct hx_link_session *session, unsigned stream,
                   uint64_t offset)
{
    struct hx_link_output *output = output_of(session, stream);

    offset &= ~HX_CH_TAKEN_END;
    if (!output)
        return false;
    if (!output->begun)
        begin_output(output, offset);
    if (offset > output->next)
        return false;
    if (offset > output->taken)
        output->taken = offset;
    return true;
}

void hx_link_start(struct hx_link *link, size_t container, unsigned stream,
                   uint64_t offset)
{
    struct hx_link_output *output =
        output_of(&link->container[container], stream);

    begin_output(output, offset);
    output->owed = true;
}

void hx_link_take(struct hx_link *link, size_t container, unsigned stream,
                  uint64_t offset, bool end)
{
    struct hx_link_output *output =
        output_of(&link->container[container], stream);

    if (!output->begun || offset > output->next)
        return;
    output->owed |= offset != output->taken || end;
    output->owed_end |= end;
    output->taken = offset;
}

/* -- to the guest -----------------------------------------------------------
 */

size_t hx_link_room(const struct hx_link *link)
{
    return link->queue_len < HX_LINK_QUEUE_MAX
               ? HX_LINK_QUEUE_MAX - link->queue_len
               : 0;
}

bool hx_link_wants_write(const struct hx_link *link)
{
    return link->queue_len > 0;
}

/* Room for `len` bytes at the queue's end; NULL without memory. */
static uint8_t *queue_end(struct hx_link *link, size_t len)
{
    size_t want = link->queue_len + len;
    uint8_t *queue;

    if (link->queue_at) {
        memmove(link->queue, link->queue + link->queue_at, link->queue_len);
        link->queue_at = 0;
    }
    if (want > link->queue_size) {
        if (want < 2 * link->queue_size)
            want = 2 * link->queue_size;
        queue = realloc(link->queue, want);
        if (!queue)
            return NULL;
        link->queue = queue;
        link->queue_size = want;
    }
    return link->queue + link->queue_len;
}

void hx_link_send(struct hx_link *link, const struct hx_ch_frame *frame,
                  const void *payload)
{
    uint8_t *at = queue_end(link, HX_CH_HEADER_BYTES + frame->payload);

    if (!at) {
        link->starved = true;
        return;
    }
    hx_ch_encode(frame, at);
    if (frame->payload)
        memcpy(at + HX_CH_HEADER_BYTES, payload, frame->payload);
    link->queue_len += HX_CH_HEADER_BYTES + frame->payload;
}

static void send_hello(struct hx_link *link)
{
    const struct hx_ch_frame frame = { .type = HX_CH_HELLO,
                                       .payload = HX_CH_HELLO_BYTES };
    uint8_t payload[HX_CH_HELLO_BYTES];

    hx_ch_put(payload, HX_CH_MAGIC, 4);
    hx_ch_put(payload + 4, HX_CH_VERSION_MIN, 2);
    hx_ch_put(payload + 6, HX_CH_VERSION, 2);
    hx_link_send(link, &frame, payload);
}

/* One TAKEN stands for all that were due since the last. */
static void send_owed(struct hx_link *link)
{
    for (size_t i = 0; link->version && i < 2 * link->containers; i++) {
        struct hx_link_output *output = &link->container[i / 2].output[i % 2];
        struct hx_ch_frame frame = {
            .type = HX_CH_TAKEN,
            .stream = (uint8_t)(HX_CH_STDOUT + i % 2),
            .session = i / 2,
            .value = output->taken | (output->owed_end ? HX_CH_TAKEN_END : 0),
        };

        if (!output->owed)
            continue;
        hx_link_send(link, &frame, NULL);
        output->owed = output->owed_end = false;
    }
}

static int gone(struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_NETWORK,
                      "the guest left the control channel");
}

int hx_link_write(struct hx_link *link, struct hx_err *err)
{
    ssize_t n = 1;

    if (hx_link_room(link) >= HX_CH_FRAME_MAX)
        send_owed(link);
    if (link->starved)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "writing to the control channel");
    while (link->queue_len && n > 0) {
        n = link->transport.write(
            link->transport.ctx, link->queue + link->queue_at, link->queue_len);
        if (n > 0) {
            link->queue_at += (size_t)n;
            link->queue_len -= (size_t)n;
        }
    }
    if (link->queue_len == 0) {
        free(link->queue);
        link->queue = NULL;
        link->queue_at = link->queue_size = 0;
    }
    return n < 0 ? gone(err) : 0;
}

/* -- from the guest ---------------------------------------------------------
 */

static int broken(const char *how, const struct hx_ch_frame *frame,
                  struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_GUEST,
                      "the guest broke the control channel's protocol: %s "
                      "(type %u, session %" PRIu64 ", stream %u, value %" PRIu64
                      ", %" PRIu32 " bytes)",
                      how, frame->type, frame->session, frame->stream,
                      frame->value, frame->payload);
}

static int take_hello(struct hx_link *link, const struct hx_ch_frame *frame,
                      const uint8_t *payload, struct hx_err *err)
{
    static const char words[] = "no version in common";
    const struct hx_ch_frame bye = { .type = HX_CH_BYE,
                                     .payload = sizeof(words) - 1 };
    unsigned oldest, newest;

    if (frame->type != HX_CH_HELLO || frame->payload < HX_CH_HELLO_BYTES ||
        hx_ch_get(payload, 4) != HX_CH_MAGIC)
        return broken("no HELLO", frame, err);
    oldest = (unsigned)hx_ch_get(payload + 4, 2);
    newest = (unsigned)hx_ch_get(payload + 6, 2);
    if (newest > HX_CH_VERSION)
        newest = HX_CH_VERSION;
    if (newest < HX_CH_VERSION_MIN || newest < oldest) {
        hx_link_send(link, &bye, words);
        hx_link_write(link, NULL);
        return hx_err_set(err, HX_ERR_GUEST,
                          "the guest's control channel speaks versions %u to "
                          "%u, and we %d to %d",
                          oldest, (unsigned)hx_ch_get(payload + 6, 2),
                          HX_CH_VERSION_MIN, HX_CH_VERSION);
    }
    link->version = newest;
    return 0;
}

static int take_output(struct hx_link_output *output,
                       const struct hx_ch_frame *frame, struct hx_err *err)
{
    if (!output)
        return broken("an output that is none", frame, err);
    if (!output->begun)
        return broken("output that was not asked for", frame, err);
    if (frame->value != output->next)
        return broken("output with a gap", frame, err);
    if (frame->type == HX_CH_END) {
        output->ended = true;
        return 0;
    }
    if (output->ended)
        return broken("output behind its end", frame, err);
    if (frame->payload > OFFSET_MAX - output->next ||
        output->next + frame->payload > output->taken + HX_CH_WINDOW)
        return broken("output beyond the window", frame, err);
    output->next += frame->payload;
    return 0;
}

static int take_frame(struct hx_link *link, const struct hx_ch_frame *frame,
                      const uint8_t *payload, const struct hx_link_sink *sink,
                      struct hx_err *err)
{
    struct hx_link_session *session = hx_link_find(link, frame->session);
    struct hx_ch_health health;
    int r = 0;

    if (!link->version && frame->type != HX_CH_BYE)
        return take_hello(link, frame, payload, err);
    switch (frame->type) {
    case HX_CH_BYE:
        return hx_err_set(err, HX_ERR_NETWORK,
                          "the guest closed the control channel");
    case HX_CH_DATA:
    case HX_CH_END:
        if (session)
            r = take_output(output_of(session, frame->stream), frame, err);
        break;
    case HX_CH_TAKEN:
        if (frame->stream != HX_CH_STDIN)
            return broken("TAKEN of an output", frame, err);
        break;
    case HX_CH_HEALTH:
        if (frame->session >= link->containers ||
            hx_ch_health_decode(payload, frame->payload, &health) < 0)
            return broken("a health report that is none", frame, err);
        break;
    case HX_CH_OPENED:
    case HX_CH_ENDED:
    case HX_CH_GONE:
        break;
    case HX_CH_STATS: /* its session is a request's number */
        sink->frame(sink->ctx, frame, payload);
        return 0;
    default:
        return 0;
    }
    if (r == 0 && session)
        sink->frame(sink->ctx, frame, payload);
    return r;
}

/*
 * Reads until the frame in hand has `want` bytes.  1: it has; 0: not yet; -1:
 * the guest has gone.
 */
static int fill(struct hx_link *link, size_t want)
{
    while (link->in_len < want) {
        ssize_t n = link->transport.read(
            link->transport.ctx, link->in + link->in_len, want - link->in_len);

        if (n <= 0)
            return (int)n;
        link->in_len += (size_t)n;
    }
    return 1;
}

int hx_link_read(struct hx_link *link, const struct hx_link_sink *sink,
                 struct hx_err *err)
{
    size_t left = HX_LINK_TURN_BYTES;
    struct hx_ch_frame frame;
    int r = 1;

    while (r > 0 && left) {
        r = fill(link, HX_CH_HEADER_BYTES);
        if (r <= 0)
            break;
        if (hx_ch_decode(link->in, &frame) < 0)
            return broken("no frame", &frame, err);
        r = fill(link, HX_CH_HEADER_BYTES + frame.payload);
        if (r <= 0)
            break;
        left -= left < link->in_len ? left : link->in_len;
        link->in_len = 0;
        r = take_frame(link, &frame, link->in + HX_CH_HEADER_BYTES, sink, err);
        if (r < 0)
            return r;
        r = 1;
    }
    return r < 0 ? gone(err) : 0;
}

/* -- a connection -----------------------------------------------------------
 */

void hx_link_begin(struct hx_link *link,
                   const struct hx_link_transport *transport, size_t containers)
{
    memset(link, 0, offsetof(struct hx_link, in));
    link->transport = *transport;
    link->containers =
        containers < HX_ABI_CONTAINERS_MAX ? containers : HX_ABI_CONTAINERS_MAX;
    send_hello(link);
}

void hx_link_end(struct hx_link *link)
{
    free(link->queue);
    link->queue = NULL;
    link->queue_at = link->queue_len = link->queue_size = 0;
    link->in_len = 0;
    link->version = 0;
    for (size_t i = 0; i < HX_CH_SESSIONS_MAX; i++)
        link->opened[i].id = 0;
}
