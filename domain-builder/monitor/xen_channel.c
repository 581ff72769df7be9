/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/xen_channel.h"

#include <errno.h>
#include <libxenvchan.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <xentoollog.h>

#include "image/base/clock.h"
#include "pv-init/channel-abi.h"

#define WINDOW_MS 1000

struct hx_channel {
    struct libxenvchan *vchan;
    int64_t window_ms; /* where it began */
    unsigned wakes;    /* in this window, without a byte */
    bool moved;        /* a byte, since the last wake-up */
    bool masked;
};

/* -- connecting -------------------------------------------------------------
 */

/* A guest can make each attempt fail: the libraries do not say so each time. */
static void ignore_message(struct xentoollog_logger *logger,
                           xentoollog_level level, int errnum,
                           const char *context, const char *format, va_list al)
{
    (void)logger, (void)level, (void)errnum, (void)context, (void)format;
    (void)al;
}

static void ignore_progress(struct xentoollog_logger *logger,
                            const char *context, const char *doing, int percent,
                            unsigned long done, unsigned long total)
{
    (void)logger, (void)context, (void)doing, (void)percent, (void)done;
    (void)total;
}

static void ignore_destroy(struct xentoollog_logger *logger)
{
    (void)logger;
}

static struct xentoollog_logger silence = { ignore_message, ignore_progress,
                                            ignore_destroy };

int hx_channel_open(uint32_t domid, struct hx_channel **channel_r,
                    struct hx_err *err)
{
    struct hx_channel *channel = calloc(1, sizeof(*channel));
    char path[64];

    if (!channel)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the channel");
    snprintf(path, sizeof(path), "/local/domain/%u/" HX_CH_XENSTORE_DIR, domid);
    channel->vchan = libxenvchan_client_init(&silence, (int)domid, path);
    if (!channel->vchan) {
        free(channel);
        return hx_err_set(err, HX_ERR_GUEST,
                          "connecting to the guest's control channel: what "
                          "domain %u has published leads nowhere",
                          domid);
    }
    channel->vchan->blocking = 0;
    channel->window_ms = hx_clock_monotonic_ms();
    *channel_r = channel;
    return 0;
}

void hx_channel_close(struct hx_channel *channel)
{
    if (!channel)
        return;
    libxenvchan_close(channel->vchan);
    free(channel);
}

/* -- waking up --------------------------------------------------------------
 */

int hx_channel_fd(const struct hx_channel *channel)
{
    return channel->masked ? -1 : libxenvchan_fd_for_select(channel->vchan);
}

int hx_channel_timeout_ms(const struct hx_channel *channel)
{
    int64_t left_ms = channel->window_ms + WINDOW_MS - hx_clock_monotonic_ms();

    if (!channel->masked)
        return -1;
    return left_ms > 0 ? (int)left_ms : 0;
}

void hx_channel_wake(struct hx_channel *channel, short revents)
{
    struct libxenvchan *vchan = channel->vchan;
    int64_t now = hx_clock_monotonic_ms();

    if (now - channel->window_ms >= WINDOW_MS) {
        channel->window_ms = now;
        channel->wakes = 0;
        if (channel->masked)
            xenevtchn_unmask(vchan->event, vchan->event_port);
        channel->masked = false;
    }
    /* Reading the port takes the event; it comes again once unmasked. */
    if (!(revents & POLLIN) || xenevtchn_pending(vchan->event) < 0)
        return;
    channel->wakes += !channel->moved;
    channel->moved = false;
    channel->masked = channel->wakes > HX_CHANNEL_WAKES_MAX;
    if (!channel->masked)
        xenevtchn_unmask(vchan->event, vchan->event_port);
}

/* -- bytes ------------------------------------------------------------------
 */

/* libxenvchan takes indices that cannot be for an empty or a full ring, and the
 * guest could keep us looking at it. */
static bool is_sane(const struct libxenvchan_ring *ring)
{
    uint32_t used = ring->shr->prod - ring->shr->cons;

    return used <= UINT32_C(1) << ring->order;
}

ssize_t hx_channel_read(void *ctx, void *data, size_t len)
{
    struct hx_channel *channel = ctx;
    int n;

    if (!is_sane(&channel->vchan->read))
        return -1;
    n = libxenvchan_read(channel->vchan, data, len);
    channel->moved |= n > 0;
    return n;
}

ssize_t hx_channel_write(void *ctx, const void *data, size_t len)
{
    struct hx_channel *channel = ctx;
    int n;

    if (!is_sane(&channel->vchan->write))
        return -1;
    n = libxenvchan_write(channel->vchan, data, len);
    channel->moved |= n > 0;
    return n;
}

bool hx_channel_rest(struct hx_channel *channel, bool want_read,
                     bool want_write)
{
    struct libxenvchan *vchan = channel->vchan;

    /* Both ask the other side to notify us, and look after that. */
    return (want_read && (libxenvchan_data_ready(vchan) > 0 ||
                          !libxenvchan_is_open(vchan))) ||
           (want_write && libxenvchan_buffer_space(vchan) > 0);
}
