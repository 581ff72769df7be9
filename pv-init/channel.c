/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/channel.h"

#include <string.h>

/* Of one run, so that a flood leaves time for everything else. */
#define FRAMES_PER_RUN 64

void hx_init_channel_start(struct hx_init_channel *channel,
                           const struct hx_init_transport *transport)
{
    channel->state = HX_INIT_CHANNEL_WAITING;
    channel->transport = *transport;
    channel->version = 0;
    channel->in_len = channel->out_at = channel->out_len = 0;
}

/* -- out ---------------------------------------------------------------------
 */

bool hx_init_channel_has_room(const struct hx_init_channel *channel, bool data,
                              size_t bytes)
{
    size_t room = sizeof(channel->out) - channel->out_len;
    size_t kept = data ? HX_INIT_CHANNEL_RESERVE : 0;

    return room >= HX_CH_HEADER_BYTES + bytes + kept;
}

static void queue(struct hx_init_channel *channel, const void *data, size_t len)
{
    if (len > 0)
        memcpy(channel->out + channel->out_at + channel->out_len, data, len);
    channel->out_len += len;
}

/* In any state. */
static bool queue_frame(struct hx_init_channel *channel,
                        const struct hx_ch_frame *frame, const void *payload)
{
    uint8_t header[HX_CH_HEADER_BYTES];
    size_t len = sizeof(header) + frame->payload;

    if (!hx_init_channel_has_room(channel, false, frame->payload))
        return false;
    if (channel->out_at + channel->out_len + len > sizeof(channel->out)) {
        memmove(channel->out, channel->out + channel->out_at, channel->out_len);
        channel->out_at = 0;
    }
    hx_ch_encode(frame, header);
    queue(channel, header, sizeof(header));
    queue(channel, payload, frame->payload);
    return true;
}

bool hx_init_channel_send(struct hx_init_channel *channel,
                          const struct hx_ch_frame *frame, const void *payload)
{
    return channel->state == HX_INIT_CHANNEL_OPEN &&
           queue_frame(channel, frame, payload);
}

bool hx_init_channel_flush(struct hx_init_channel *channel)
{
    bool moved = false;

    while (channel->state != HX_INIT_CHANNEL_CLOSED && channel->out_len > 0) {
        ssize_t n = channel->transport.write(channel->transport.arg,
                                             channel->out + channel->out_at,
                                             channel->out_len);

        if (n < 0)
            channel->state = HX_INIT_CHANNEL_CLOSED;
        if (n <= 0)
            return moved;
        moved = true;
        channel->out_at += (size_t)n;
        channel->out_len -= (size_t)n;
    }
    channel->out_at = 0;
    if (channel->state == HX_INIT_CHANNEL_LEAVING)
        channel->state = HX_INIT_CHANNEL_CLOSED;
    return moved;
}

void hx_init_channel_leave(struct hx_init_channel *channel,
                           const char *sentence)
{
    struct hx_ch_frame bye = { .type = HX_CH_BYE,
                               .payload = (uint32_t)strlen(sentence) };

    if (channel->state != HX_INIT_CHANNEL_WAITING &&
        channel->state != HX_INIT_CHANNEL_OPEN)
        return;
    queue_frame(channel, &bye, sentence);
    channel->state = HX_INIT_CHANNEL_LEAVING;
    hx_init_channel_flush(channel);
}

/* -- in ----------------------------------------------------------------------
 */

/* The newest version that both speak, or 0. */
static unsigned common_version(const uint8_t *hello)
{
    unsigned oldest = (unsigned)hx_ch_get(hello + 4, 2);
    unsigned newest = (unsigned)hx_ch_get(hello + 6, 2);

    if (newest > HX_CH_VERSION)
        newest = HX_CH_VERSION;
    return newest >= oldest && newest >= HX_CH_VERSION_MIN ? newest : 0;
}

static int take_hello(struct hx_init_channel *channel,
                      const struct hx_ch_frame *frame, const uint8_t *payload,
                      struct hx_init_err *err)
{
    const struct hx_ch_frame answer = { .type = HX_CH_HELLO,
                                        .payload = HX_CH_HELLO_BYTES };
    uint8_t hello[HX_CH_HELLO_BYTES];

    if (frame->type != HX_CH_HELLO || frame->payload < HX_CH_HELLO_BYTES ||
        hx_ch_get(payload, 4) != HX_CH_MAGIC)
        return hx_init_fail(err, "the first frame is no HELLO");
    channel->version = common_version(payload);
    if (channel->version == 0)
        return hx_init_fail(
            err,
            "this HyperKernel's control channel speaks versions %d to %d and "
            "dom0 speaks %u to %u; install xl-hyper and its HyperKernel from "
            "one build and start the pod anew",
            HX_CH_VERSION_MIN, HX_CH_VERSION,
            (unsigned)hx_ch_get(payload + 4, 2),
            (unsigned)hx_ch_get(payload + 6, 2));
    hx_ch_put(hello, HX_CH_MAGIC, 4);
    hx_ch_put(hello + 4, HX_CH_VERSION_MIN, 2);
    hx_ch_put(hello + 6, HX_CH_VERSION, 2);
    channel->state = HX_INIT_CHANNEL_OPEN;
    queue_frame(channel, &answer, hello);
    return 0;
}

static int take_frame(struct hx_init_channel *channel,
                      const struct hx_ch_frame *frame, const uint8_t *payload,
                      hx_init_channel_taker *take, void *arg,
                      struct hx_init_err *err)
{
    if (channel->state == HX_INIT_CHANNEL_WAITING) {
        if (take_hello(channel, frame, payload, err) < 0)
            return -1;
    } else if (frame->type == HX_CH_HELLO) {
        /* Another client, behind the one that we know. */
        return hx_init_fail(err, "a second HELLO");
    } else if (frame->type == HX_CH_BYE) {
        channel->state = HX_INIT_CHANNEL_CLOSED;
        return 0;
    }
    return take(arg, frame, payload, err);
}

/* The first frame of the buffer, if it is whole: 1 taken, 0 not whole, -1. */
static int take_first(struct hx_init_channel *channel,
                      hx_init_channel_taker *take, void *arg,
                      struct hx_init_err *err)
{
    struct hx_ch_frame frame;
    size_t len;
    int r;

    if (channel->in_len < HX_CH_HEADER_BYTES)
        return 0;
    if (hx_ch_decode(channel->in, &frame) < 0)
        return hx_init_fail(err, "a frame that is none");
    len = HX_CH_HEADER_BYTES + frame.payload;
    if (channel->in_len < len)
        return 0;
    r = take_frame(channel, &frame, channel->in + HX_CH_HEADER_BYTES, take, arg,
                   err);
    channel->in_len -= len;
    memmove(channel->in, channel->in + len, channel->in_len);
    return r < 0 ? -1 : 1;
}

static bool is_listening(const struct hx_init_channel *channel)
{
    return (channel->state == HX_INIT_CHANNEL_WAITING ||
            channel->state == HX_INIT_CHANNEL_OPEN) &&
           hx_init_channel_has_room(channel, false, HX_INIT_CHANNEL_RESERVE);
}

bool hx_init_channel_run(struct hx_init_channel *channel,
                         hx_init_channel_taker *take, void *arg)
{
    unsigned frames = 0;

    hx_init_channel_flush(channel);
    while (is_listening(channel)) {
        struct hx_init_err err;
        ssize_t n;
        int r;

        if (frames++ == FRAMES_PER_RUN)
            return true;
        r = take_first(channel, take, arg, &err);
        if (r < 0)
            hx_init_channel_leave(channel, err.msg);
        if (r != 0)
            continue;
        n = channel->transport.read(channel->transport.arg,
                                    channel->in + channel->in_len,
                                    sizeof(channel->in) - channel->in_len);
        if (n < 0)
            channel->state = HX_INIT_CHANNEL_CLOSED;
        if (n <= 0)
            return false;
        channel->in_len += (size_t)n;
    }
    return false;
}
