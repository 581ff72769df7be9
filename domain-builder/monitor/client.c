/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* -- its socket -------------------------------------------------------------
 */

struct hx_client *hx_client_new(int fd)
{
    struct hx_client *client = calloc(1, sizeof(*client));

    if (client)
        client->fd = fd;
    return client;
}

void hx_client_free(struct hx_client *client)
{
    if (!client)
        return;
    close(client->fd);
    free(client->queue);
    free(client->held_payload);
    free(client);
}

int hx_client_try(struct hx_client *client, const struct hx_ch_frame *frame,
                  const void *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];
    struct iovec parts[] = { { header, sizeof(header) },
                             { (void *)payload, frame->payload } };
    struct msghdr message = { .msg_iov = parts,
                              .msg_iovlen = frame->payload ? 2 : 1 };
    ssize_t n;

    if (client->broken)
        return 1;
    hx_ch_encode(frame, header);
    do
        n = sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
        return 0;
    client->broken |= n < 0;
    return 1;
}

/* Room for `len` bytes at the queue's end; NULL: too many, or no memory. */
static uint8_t *queue_end(struct hx_client *client, size_t len)
{
    size_t want = client->queue_len + len;
    uint8_t *queue;

    if (want > HX_CLIENT_QUEUE_MAX)
        return NULL;
    if (client->queue_at) {
        memmove(client->queue, client->queue + client->queue_at,
                client->queue_len);
        client->queue_at = 0;
    }
    if (want > client->queue_size) {
        queue = realloc(client->queue, 2 * want);
        if (!queue)
            return NULL;
        client->queue = queue;
        client->queue_size = 2 * want;
    }
    return client->queue + client->queue_len;
}

void hx_client_send(struct hx_client *client, const struct hx_ch_frame *frame,
                    const void *payload)
{
    size_t len = HX_CH_HEADER_BYTES + frame->payload;
    uint8_t *at;

    if (hx_client_flush(client) && hx_client_try(client, frame, payload))
        return;
    at = queue_end(client, len);
    if (!at) {
        client->broken = true; /* it asks, and does not read */
        return;
    }
    hx_ch_encode(frame, at);
    if (frame->payload)
        memcpy(at + HX_CH_HEADER_BYTES, payload, frame->payload);
    client->queue_len += len;
}

bool hx_client_flush(struct hx_client *client)
{
    while (client->queue_len) {
        const uint8_t *at = client->queue + client->queue_at;
        struct hx_ch_frame frame;

        hx_ch_decode(at, &frame);
        if (!hx_client_try(client, &frame, at + HX_CH_HEADER_BYTES))
            return false;
        client->queue_at += HX_CH_HEADER_BYTES + frame.payload;
        client->queue_len -= HX_CH_HEADER_BYTES + frame.payload;
    }
    free(client->queue);
    client->queue = NULL;
    client->queue_at = client->queue_size = 0;
    return true;
}

void hx_client_refuse(struct hx_client *client, uint64_t session,
                      const char *why)
{
    const struct hx_ch_frame gone = { .type = HX_CH_GONE,
                                      .session = session,
                                      .payload = (uint32_t)strlen(why) };

    hx_client_send(client, &gone, why);
}

int hx_client_receive(struct hx_client *client, uint8_t *message,
                      struct hx_ch_frame *frame_r)
{
    ssize_t n;

    if (client->broken)
        return 0;
    do
        n = recv(client->fd, message, HX_CH_FRAME_MAX + 1, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n < (ssize_t)HX_CH_HEADER_BYTES || hx_ch_decode(message, frame_r) < 0 ||
        (size_t)n != HX_CH_HEADER_BYTES + frame_r->payload) {
        client->broken = true;
        return 0;
    }
    return 1;
}

/* -- its sessions -----------------------------------------------------------
 */

void hx_client_session_release(struct hx_client_session *session)
{
    for (int i = 0; i < 2; i++)
        free(session->output[i].data);
    free(session->why);
    *session = (struct hx_client_session){ 0 };
}

bool hx_client_session_waits(const struct hx_client_session *session)
{
    return session->taken_due || session->ended_due || session->output[0].len ||
           session->output[0].end_due || session->output[1].len ||
           session->output[1].end_due;
}

static bool flush_output(struct hx_client_session *session, unsigned i)
{
    struct hx_ch_frame frame = { .session = session->id,
                                 .stream = (uint8_t)(HX_CH_STDOUT + i) };

    while (session->output[i].len) {
        frame.type = HX_CH_DATA;
        frame.value = session->output[i].offset;
        frame.payload = (uint32_t)(session->output[i].len < HX_CH_PAYLOAD_MAX
                                       ? session->output[i].len
                                       : HX_CH_PAYLOAD_MAX);
        if (!hx_client_try(session->client, &frame,
                           session->output[i].data + session->output[i].at))
            return false;
        session->output[i].at += frame.payload;
        session->output[i].len -= frame.payload;
        session->output[i].offset += frame.payload;
    }
    free(session->output[i].data);
    session->output[i].data = NULL;
    session->output[i].at = session->output[i].size = 0;
    frame.type = HX_CH_END;
    frame.value = session->output[i].end;
    frame.payload = 0;
    if (session->output[i].end_due &&
        !hx_client_try(session->client, &frame, NULL))
        return false;
    session->output[i].end_due = false;
    return true;
}

bool hx_client_session_flush(struct hx_client_session *session)
{
    const struct hx_ch_frame taken = { .type = HX_CH_TAKEN,
                                       .session = session->id,
                                       .value = session->taken };

    if (!hx_client_flush(session->client))
        return false;
    if (session->taken_due && !hx_client_try(session->client, &taken, NULL))
        return false;
    session->taken_due = false;
    if (!flush_output(session, 0) || !flush_output(session, 1))
        return false;
    if (session->ended_due &&
        !hx_client_try(session->client, &session->ended, session->why))
        return false;
    session->ended_due = false;
    free(session->why);
    session->why = NULL;
    return true;
}

/* The window bounds what can come before the client has taken any of it. */
static void keep_output(struct hx_client_session *session, unsigned i,
                        const struct hx_ch_frame *frame, const uint8_t *payload)
{
    size_t want = session->output[i].len + frame->payload;
    uint8_t *data = session->output[i].data;

    if (session->output[i].at) {
        memmove(data, data + session->output[i].at, session->output[i].len);
        session->output[i].at = 0;
    }
    if (want > session->output[i].size) {
        size_t size = want < HX_CH_WINDOW / 2 ? 2 * want : HX_CH_WINDOW;

        data = want <= HX_CH_WINDOW ? realloc(data, size) : NULL;
        if (!data) {
            session->client->broken = true;
            return;
        }
        session->output[i].data = data;
        session->output[i].size = size;
    }
    if (session->output[i].len == 0)
        session->output[i].offset = frame->value;
    memcpy(data + session->output[i].len, payload, frame->payload);
    session->output[i].len = want;
}

static void keep_ended(struct hx_client_session *session,
                       const struct hx_ch_frame *frame, const uint8_t *payload)
{
    uint32_t len =
        frame->payload < HX_ABI_VALUE_MAX ? frame->payload : HX_ABI_VALUE_MAX;

    free(session->why);
    session->why = len ? malloc(len) : NULL;
    if (session->why)
        memcpy(session->why, payload, len);
    session->ended = *frame;
    session->ended.payload = session->why ? len : 0;
    session->ended_due = true;
}

void hx_client_session_take(struct hx_client_session *session,
                            const struct hx_ch_frame *frame,
                            const uint8_t *payload)
{
    unsigned i = frame->stream == HX_CH_STDERR;
    bool waits = session->client->queue_len || hx_client_session_waits(session);

    switch (frame->type) {
    case HX_CH_DATA:
        if (frame->payload &&
            (waits || !hx_client_try(session->client, frame, payload)))
            keep_output(session, i, frame, payload);
        return;
    case HX_CH_END:
        session->output[i].end_due = true;
        session->output[i].end = frame->value;
        break;
    case HX_CH_TAKEN:
        session->taken_due = true;
        session->taken = frame->value;
        break;
    case HX_CH_ENDED:
        keep_ended(session, frame, payload);
        break;
    default: /* OPENED, GONE */
        hx_client_send(session->client, frame, payload);
        return;
    }
    hx_client_session_flush(session);
}
