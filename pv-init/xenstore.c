/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/xenstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

/* req_id, by which a refused write is told from a node that is not there. */
#define REQ_WRITE 1
#define REQ_WATCH 2
#define REQ_READ  3

#define TOKEN "hyper"

int hx_init_xs_open(struct hx_init_xs *xs, struct hx_init_err *err)
{
    int fd = open("/dev/xen/xenbus", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return hx_init_fail_sys(err, errno,
                                "opening xenstore's /dev/xen/xenbus");
    hx_init_xs_init(xs, fd);
    return 0;
}

void hx_init_xs_init(struct hx_init_xs *xs, int fd)
{
    memset(xs, 0, sizeof(*xs));
    xs->fd = fd;
}

int hx_init_xs_fd(const struct hx_init_xs *xs)
{
    return xs->fd;
}

/* Strings of the payload, each with its NUL unless it is the last value. */
struct part {
    const char *data;
    size_t len;
};

static size_t encode(void *buf, size_t size, uint32_t type, uint32_t req_id,
                     const struct part parts[2])
{
    struct xsd_sockmsg head = {
        .type = type,
        .req_id = req_id,
        .len = (uint32_t)(parts[0].len + parts[1].len),
    };
    char *p = buf;

    if (head.len > XENSTORE_PAYLOAD_MAX || sizeof(head) + head.len > size)
        return 0;
    memcpy(p, &head, sizeof(head));
    memcpy(p + sizeof(head), parts[0].data, parts[0].len);
    memcpy(p + sizeof(head) + parts[0].len, parts[1].data, parts[1].len);
    return sizeof(head) + head.len;
}

size_t hx_init_xs_encode_write(void *buf, size_t size, const char *path,
                               const char *value)
{
    const struct part parts[2] = {
        { path, strlen(path) + 1 },
        { value, strlen(value) },
    };

    return encode(buf, size, XS_WRITE, REQ_WRITE, parts);
}

static size_t message_len(const char *message)
{
    struct xsd_sockmsg head;

    memcpy(&head, message, sizeof(head));
    return sizeof(head) + head.len;
}

/* Sends the queue's first message unless one is under way. */
static void send_next(struct hx_init_xs *xs)
{
    while (!xs->under_way && xs->queue_len > 0 && xs->fd >= 0) {
        size_t len = message_len(xs->queue);
        ssize_t n;

        do {
            n = write(xs->fd, xs->queue, len);
        } while (n < 0 && errno == EINTR);
        if (n == (ssize_t)len)
            xs->under_way = true;
        else
            xs->lost++;
        xs->queue_len -= len;
        memmove(xs->queue, xs->queue + len, xs->queue_len);
    }
}

static void queue_message(struct hx_init_xs *xs, uint32_t type, uint32_t req_id,
                          const struct part parts[2])
{
    size_t len = encode(xs->queue + xs->queue_len,
                        sizeof(xs->queue) - xs->queue_len, type, req_id, parts);

    if (len == 0)
        xs->lost++;
    xs->queue_len += len;
    send_next(xs);
}

void hx_init_xs_write(struct hx_init_xs *xs, const char *path,
                      const char *value)
{
    const struct part parts[2] = {
        { path, strlen(path) + 1 },
        { value, strlen(value) },
    };

    queue_message(xs, XS_WRITE, REQ_WRITE, parts);
}

static void read_followed(struct hx_init_xs *xs)
{
    const struct part parts[2] = {
        { xs->followed, strlen(xs->followed) + 1 },
        { "", 0 },
    };

    queue_message(xs, XS_READ, REQ_READ, parts);
}

void hx_init_xs_follow(struct hx_init_xs *xs, const char *path,
                       hx_init_xs_taken *taken, void *arg)
{
    const struct part parts[2] = {
        { path, strlen(path) + 1 },
        { TOKEN, sizeof(TOKEN) },
    };

    xs->followed = path;
    xs->taken = taken;
    xs->arg = arg;
    queue_message(xs, XS_WATCH, REQ_WATCH, parts);
}

/* `payload` ends in a NUL that the header does not count. */
static void take_message(struct hx_init_xs *xs, const struct xsd_sockmsg *head,
                         const char *payload)
{
    if (head->type == XS_WATCH_EVENT) {
        if (xs->followed)
            read_followed(xs);
        return;
    }
    xs->under_way = false;
    if (head->type == XS_READ && xs->taken)
        xs->taken(xs->arg, payload);
    else if (head->type == XS_ERROR && head->req_id == REQ_WRITE)
        xs->lost++;
    send_next(xs);
}

/* Takes whole messages off the buffer; -1 when the stream makes no sense. */
static int take_messages(struct hx_init_xs *xs)
{
    struct xsd_sockmsg head;

    while (xs->in_len >= sizeof(head)) {
        size_t len;
        char after;

        memcpy(&head, xs->in, sizeof(head));
        if (head.len > XENSTORE_PAYLOAD_MAX)
            return -1;
        len = sizeof(head) + head.len;
        if (xs->in_len < len)
            return 0;
        after = xs->in[len];
        xs->in[len] = '\0';
        take_message(xs, &head, xs->in + sizeof(head));
        xs->in[len] = after;
        xs->in_len -= len;
        memmove(xs->in, xs->in + len, xs->in_len);
    }
    return 0;
}

/* Gives the channel up: the pod goes on without reports. */
static void give_up(struct hx_init_xs *xs)
{
    close(xs->fd);
    xs->fd = -1;
    xs->under_way = false;
    xs->queue_len = 0;
}

void hx_init_xs_run(struct hx_init_xs *xs)
{
    while (xs->fd >= 0) {
        ssize_t n =
            read(xs->fd, xs->in + xs->in_len, sizeof(xs->in) - 1 - xs->in_len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            give_up(xs);
            return;
        }
        xs->in_len += (size_t)n;
        if (take_messages(xs) < 0)
            give_up(xs);
    }
}

void hx_init_xs_flush(struct hx_init_xs *xs, int timeout_ms)
{
    uint64_t deadline_us = hx_init_now_us() + (uint64_t)timeout_ms * 1000;

    hx_init_xs_run(xs);
    while (xs->under_way && xs->fd >= 0) {
        struct pollfd readable = { .fd = xs->fd, .events = POLLIN };
        uint64_t now_us = hx_init_now_us();

        if (now_us >= deadline_us)
            return;
        poll(&readable, 1, (int)((deadline_us - now_us) / 1000) + 1);
        hx_init_xs_run(xs);
    }
}
