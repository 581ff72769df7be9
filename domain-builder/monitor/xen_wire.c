/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/xen_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>
#include <xenstore_lib.h>

#include "image/base/cleanup.h"
#include "image/base/clock.h"

#define ANSWER_TIMEOUT_MS 10000
#define XENBUS            "/dev/xen/xenbus"

void hx_wire_init(struct hx_wire *wire, int fd)
{
    *wire = (struct hx_wire){ .fd = fd };
}

void hx_wire_close(struct hx_wire *wire)
{
    hx_cleanup_close(&wire->fd);
    wire->fd = -1;
}

int hx_wire_open(struct hx_wire *wire, struct hx_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    const char *path = xs_daemon_socket();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    hx_wire_init(wire, fd);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "talking to xenstored");
    if (path && strlen(path) < sizeof(addr.sun_path)) {
        strcpy(addr.sun_path, path);
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
            return 0;
    }
    /* Where xenstored has a domain of its own there is no socket. */
    hx_wire_close(wire);
    wire->fd = open(XENBUS, O_RDWR | O_CLOEXEC);
    if (wire->fd < 0)
        return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                          "talking to xenstored: neither %s nor %s answers",
                          path ? path : "its socket", XENBUS);
    return 0;
}

/* -- messages ---------------------------------------------------------------
 */

static int lost(struct hx_wire *wire, int errnum)
{
    wire->lost = true;
    errno = errnum;
    return -1;
}

static int read_all(struct hx_wire *wire, void *to, size_t len,
                    int64_t deadline_ms)
{
    char *p = to;

    while (len) {
        struct pollfd pfd = { .fd = wire->fd, .events = POLLIN };
        int64_t left_ms = deadline_ms - hx_clock_monotonic_ms();
        ssize_t n;

        if (left_ms <= 0)
            return lost(wire, ETIMEDOUT);
        if (poll(&pfd, 1, (int)left_ms) <= 0)
            continue;
        n = read(wire->fd, p, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return lost(wire, n ? errno : ECONNRESET);
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* "PATH\0TOKEN\0" */
static void note_event(struct hx_wire *wire)
{
    const char *token = wire->payload + strlen(wire->payload) + 1;
    unsigned bit = 32;
    char rest;

    wire->received++;
    if (token < wire->payload + wire->len &&
        sscanf(token, "%2u%c", &bit, &rest) == 1 && bit < 32)
        wire->events |= 1u << bit;
}

/* Reads one message; an event is noted.  Its type, or -1. */
static int receive(struct hx_wire *wire, uint32_t *req_id_r,
                   int64_t deadline_ms)
{
    struct xsd_sockmsg head;

    if (read_all(wire, &head, sizeof(head), deadline_ms) < 0)
        return -1;
    if (head.len > HX_WIRE_PAYLOAD_MAX)
        return lost(wire, EPROTO);
    if (read_all(wire, wire->payload, head.len, deadline_ms) < 0)
        return -1;
    wire->len = head.len;
    wire->payload[head.len] = '\0';
    *req_id_r = head.req_id;
    if (head.type == XS_WATCH_EVENT)
        note_event(wire);
    return (int)head.type;
}

static int send_all(struct hx_wire *wire, struct iovec *iov, int count)
{
    while (count) {
        ssize_t n = writev(wire->fd, iov, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lost(wire, errno);
        while (count && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

/* An errno's name, as xenstored sends it. */
static int errno_of(const char *name)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
        if (strcmp(xsd_errors[i].errstring, name) == 0)
            return xsd_errors[i].errnum;
    }
    return EINVAL;
}

/* `tail` follows `path` and its NUL. */
static int ask(struct hx_wire *wire, enum xsd_sockmsg_type type,
               const char *path, const char *tail, size_t tail_len)
{
    size_t path_len = strlen(path) + 1;
    struct xsd_sockmsg head = {
        .type = type,
        .req_id = ++wire->req_id,
        .len = (uint32_t)(path_len + tail_len),
    };
    struct iovec iov[] = {
        { &head, sizeof(head) },
        { (void *)path, path_len },
        { (void *)tail, tail_len },
    };
    int64_t deadline_ms = hx_clock_monotonic_ms() + ANSWER_TIMEOUT_MS;
    uint32_t req_id = 0;
    int got;

    if (wire->lost)
        return lost(wire, ENOTCONN);
    if (send_all(wire, iov, tail_len ? 3 : 2) < 0)
        return -1;
    do {
        got = receive(wire, &req_id, deadline_ms);
        if (got < 0)
            return -1;
    } while (got == XS_WATCH_EVENT);
    if (req_id != head.req_id)
        return lost(wire, EPROTO);
    if (got == XS_ERROR) {
        errno = errno_of(wire->payload);
        return -1;
    }
    return got == (int)type ? 0 : lost(wire, EPROTO);
}

int hx_wire_watch(struct hx_wire *wire, const char *path, unsigned bit)
{
    char token[16];
    int len = snprintf(token, sizeof(token), "%u", bit);

    return ask(wire, XS_WATCH, path, token, (size_t)len + 1);
}

int hx_wire_unwatch(struct hx_wire *wire, const char *path, unsigned bit)
{
    char token[16];
    int len = snprintf(token, sizeof(token), "%u", bit);

    return ask(wire, XS_UNWATCH, path, token, (size_t)len + 1);
}

int hx_wire_read(struct hx_wire *wire, const char *path)
{
    return ask(wire, XS_READ, path, NULL, 0);
}

int hx_wire_write(struct hx_wire *wire, const char *path, const char *value)
{
    return ask(wire, XS_WRITE, path, value, strlen(value));
}

void hx_wire_take_events(struct hx_wire *wire, unsigned max)
{
    struct pollfd pfd = { .fd = wire->fd, .events = POLLIN };
    uint32_t req_id;

    while (!wire->lost && max-- > 0 && poll(&pfd, 1, 0) > 0) {
        int got =
            receive(wire, &req_id, hx_clock_monotonic_ms() + ANSWER_TIMEOUT_MS);

        if (got >= 0 && got != XS_WATCH_EVENT)
            lost(wire, EPROTO);
    }
}
