/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define MASK (HX_CH_WINDOW - 1)

_Static_assert((HX_CH_WINDOW & MASK) == 0, "a ring needs a power of two");

/* A process that reads much is told about in steps, not byte by byte. */
#define TELL_STEP (HX_CH_WINDOW / 4)

static void close_fd(int *fd)
{
    hx_init_close_p(fd);
    *fd = -1;
}

static void make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* How much of a ring can be used in one piece: from `offset`, at most len. */
static size_t piece(uint64_t offset, uint64_t len)
{
    size_t at = (size_t)(offset & MASK);

    return len < HX_CH_WINDOW - at ? (size_t)len : HX_CH_WINDOW - at;
}

/* -- outputs -----------------------------------------------------------------
 */

void hx_init_out_start(struct hx_init_out *out, int fd)
{
    *out = (struct hx_init_out){ .fd = fd, .slave = -1 };
    if (fd < 0)
        return;
    make_nonblocking(fd);
    out->readable = true;
    out->slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void close_source(struct hx_init_out *out)
{
    close_fd(&out->fd);
    close_fd(&out->slave);
}

void hx_init_out_end(struct hx_init_out *out)
{
    close_fd(&out->slave);
    out->ending = true;
    out->rest = HX_INIT_STREAM_REST;
}

static void forget_kept(struct hx_init_out *out)
{
    free(out->kept);
    out->kept = NULL;
}

void hx_init_out_discard(struct hx_init_out *out)
{
    forget_kept(out);
    out->start = out->end;
    out->dropped = true;
}

void hx_init_out_drop(struct hx_init_out *out)
{
    hx_init_out_discard(out);
    if (out->slave >= 0)
        close_source(out);
}

void hx_init_out_release(struct hx_init_out *out)
{
    forget_kept(out);
    close_source(out);
}

bool hx_init_out_wants(const struct hx_init_out *out)
{
    return out->fd >= 0 && out->end - out->start < HX_CH_WINDOW &&
           !out->readable;
}

/* One read(2) into the ring: false when there is nothing to read now. */
static bool read_piece(struct hx_init_out *out)
{
    size_t room = piece(out->end, HX_CH_WINDOW - (out->end - out->start));
    ssize_t n;

    if (!out->kept)
        out->kept = malloc(HX_CH_WINDOW);
    if (!out->kept)
        return false;
    n = read(out->fd, out->kept + (out->end & MASK), room);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN && !out->ending) {
        out->readable = false;
        return false;
    }
    if (n <= 0) { /* end of the pipe, EIO of a pty, or ending and empty */
        close_source(out);
        return false;
    }
    out->end += (uint64_t)n;
    if (out->dropped)
        out->start = out->end;
    if (!out->ending)
        return true;
    if (out->rest <= (size_t)n)
        close_source(out);
    else
        out->rest -= (size_t)n;
    return true;
}

bool hx_init_out_fill(struct hx_init_out *out)
{
    uint64_t before = out->end;
    unsigned pieces = 0;
    int fd = out->fd;

    /* A bound, for what is dropped: that never fills. */
    while (out->fd >= 0 && (out->readable || out->ending) &&
           out->end - out->start < HX_CH_WINDOW && pieces++ < 32) {
        if (!read_piece(out))
            break;
    }
    if (out->start == out->end)
        forget_kept(out);
    return out->end != before || out->fd != fd;
}

void hx_init_out_reconnect(struct hx_init_out *out)
{
    out->begun = out->end_sent = false;
    out->sent = out->start;
}

int hx_init_out_taken(struct hx_init_out *out, uint64_t value)
{
    uint64_t offset = value & ~HX_CH_TAKEN_END;
    bool end = value & HX_CH_TAKEN_END;

    if (out->dropped)
        return 0;
    if (offset > out->end || (end && (out->fd >= 0 || offset != out->end)))
        return -1;
    if (offset > out->start)
        out->start = offset;
    if (!out->begun || out->sent < out->start)
        out->sent = out->start;
    out->begun = true;
    if (end)
        out->end_taken = out->end_sent = true;
    if (out->start == out->end)
        forget_kept(out);
    return 0;
}

bool hx_init_out_next(const struct hx_init_out *out, struct hx_ch_frame *frame,
                      const uint8_t **payload_r)
{
    size_t len = piece(out->sent, out->end - out->sent);

    if (!out->begun || out->dropped)
        return false;
    if (len > HX_CH_PAYLOAD_MAX)
        len = HX_CH_PAYLOAD_MAX;
    if (len == 0 && (out->fd >= 0 || out->end_sent))
        return false;
    *frame = (struct hx_ch_frame){ .type = len > 0 ? HX_CH_DATA : HX_CH_END,
                                   .payload = (uint32_t)len,
                                   .value = out->sent };
    *payload_r = len > 0 ? out->kept + (out->sent & MASK) : NULL;
    return true;
}

void hx_init_out_sent(struct hx_init_out *out, const struct hx_ch_frame *frame)
{
    if (frame->type == HX_CH_END)
        out->end_sent = true;
    out->sent += frame->payload;
}

bool hx_init_out_done(const struct hx_init_out *out)
{
    return out->fd < 0 && (out->end_taken || out->dropped);
}

/* -- inputs ------------------------------------------------------------------
 */

void hx_init_in_start(struct hx_init_in *in, int fd, bool tty)
{
    *in = (struct hx_init_in){ .fd = fd, .tty = tty, .tell = fd >= 0 };
    if (fd >= 0)
        make_nonblocking(fd);
}

static void forget_pending(struct hx_init_in *in)
{
    free(in->pending);
    in->pending = NULL;
}

void hx_init_in_release(struct hx_init_in *in)
{
    forget_pending(in);
    close_fd(&in->fd);
}

bool hx_init_in_wants(const struct hx_init_in *in)
{
    return in->fd >= 0 && in->blocked;
}

static void append(struct hx_init_in *in, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t n = piece(in->received, len);

        memcpy(in->pending + (in->received & MASK), data, n);
        in->received += n;
        data += n;
        len -= n;
    }
}

int hx_init_in_data(struct hx_init_in *in, uint64_t offset, const uint8_t *data,
                    size_t len, struct hx_init_err *err)
{
    uint64_t seen;

    if (offset > in->received)
        return hx_init_fail(err, "DATA of stdin with a gap before it");
    seen = in->received - offset;
    if (seen >= len)
        return 0; /* sent again, and known */
    data += seen;
    len -= (size_t)seen;
    if (in->ended)
        return hx_init_fail(err, "DATA of stdin behind its end");
    if (in->received + len > in->given + HX_CH_WINDOW)
        return hx_init_fail(err, "DATA of stdin beyond the window");
    if (in->fd < 0) { /* as /dev/null takes it */
        in->received = in->given = in->received + len;
        return 0;
    }
    if (!in->pending)
        in->pending = malloc(HX_CH_WINDOW);
    if (!in->pending)
        return hx_init_fail(err, "the guest has no memory for stdin");
    append(in, data, len);
    return 0;
}

int hx_init_in_end(struct hx_init_in *in, uint64_t offset,
                   struct hx_init_err *err)
{
    if (offset != in->received)
        return hx_init_fail(err, "END of stdin at the wrong offset");
    in->ended = true;
    in->tell = true;
    return 0;
}

/*
 * What a person types to end a terminal's input.  In the middle of a line it
 * only ends the line; then once more.
 */
static bool send_eof(struct hx_init_in *in)
{
    struct termios mode;
    char eof[2];
    size_t len = 1;

    if (tcgetattr(in->fd, &mode) < 0)
        return true;
    eof[0] = eof[1] = (char)mode.c_cc[VEOF];
    if ((mode.c_lflag & ICANON) && in->line_begun)
        len = 2;
    return write(in->fd, eof, len) >= 0 || errno != EAGAIN;
}

static void finish(struct hx_init_in *in)
{
    if (in->tty && !send_eof(in)) {
        in->blocked = true;
        return;
    }
    close_fd(&in->fd);
    in->tell = true;
}

static void fail_reader(struct hx_init_in *in)
{
    close_fd(&in->fd);
    in->given = in->received;
}

void hx_init_in_give(struct hx_init_in *in)
{
    while (in->fd >= 0 && !in->blocked && in->given < in->received) {
        size_t at = (size_t)(in->given & MASK);
        ssize_t n = write(in->fd, in->pending + at,
                          piece(in->given, in->received - in->given));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            in->blocked = true;
        else if (n < 0)
            fail_reader(in);
        else if (n > 0) {
            in->line_begun = in->pending[at + (size_t)n - 1] != '\n';
            in->given += (uint64_t)n;
        }
    }
    if (in->given < in->received)
        return;
    forget_pending(in);
    if (in->ended && in->fd >= 0 && !in->blocked)
        finish(in);
}

bool hx_init_in_due(const struct hx_init_in *in)
{
    uint64_t news = in->given - in->told;

    return in->tell || news >= TELL_STEP ||
           (news > 0 && in->given == in->received);
}

uint64_t hx_init_in_tell(struct hx_init_in *in)
{
    bool at_end = in->ended && in->fd < 0 && in->given == in->received;

    in->tell = false;
    in->told = in->given;
    return in->given | (at_end ? HX_CH_TAKEN_END : 0);
}
