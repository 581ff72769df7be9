/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/channel_peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        struct pollfd writable = { .fd = fd, .events = POLLOUT };
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            poll(&writable, 1, -1);
            continue;
        }
        if (n < 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

void peer_send(struct peer *peer, struct hx_ch_frame frame, const void *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];

    hx_ch_encode(&frame, header);
    send_all(peer->fd, header, sizeof(header));
    send_all(peer->fd, payload, frame.payload);
}

void peer_hello(struct peer *peer)
{
    uint8_t hello[HX_CH_HELLO_BYTES];

    hx_ch_put(hello, HX_CH_MAGIC, 4);
    hx_ch_put(hello + 4, HX_CH_VERSION_MIN, 2);
    hx_ch_put(hello + 6, HX_CH_VERSION, 2);
    peer_send(
        peer,
        (struct hx_ch_frame){ .type = HX_CH_HELLO, .payload = sizeof(hello) },
        hello);
}

void peer_taken(struct peer *peer, uint64_t session, unsigned stream,
                uint64_t value)
{
    peer_send(peer,
              (struct hx_ch_frame){ .type = HX_CH_TAKEN,
                                    .stream = (uint8_t)stream,
                                    .session = session,
                                    .value = value },
              NULL);
}

bool peer_read(struct peer *peer)
{
    ssize_t n =
        read(peer->fd, peer->in + peer->len, sizeof(peer->in) - peer->len);

    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0)
        return false;
    peer->len += (size_t)n;
    return true;
}

bool peer_next(struct peer *peer)
{
    size_t len;

    if (peer->len < HX_CH_HEADER_BYTES)
        return false;
    if (hx_ch_decode(peer->in, &peer->frame) < 0)
        abort();
    len = HX_CH_HEADER_BYTES + peer->frame.payload;
    if (peer->len < len)
        return false;
    memcpy(peer->payload, peer->in + HX_CH_HEADER_BYTES, peer->frame.payload);
    peer->payload[peer->frame.payload] = '\0';
    peer->len -= len;
    memmove(peer->in, peer->in + len, peer->len);
    return true;
}
