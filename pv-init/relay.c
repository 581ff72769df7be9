/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void hx_init_relay_init(struct hx_init_relay *relay, int console)
{
    unsigned i;

    memset(relay, 0, sizeof(*relay));
    relay->console = console;
    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++)
        relay->sources[i].fd = relay->sources[i].slave = -1;
}

int hx_init_relay_add(struct hx_init_relay *relay, int fd, unsigned owner)
{
    int flags = fcntl(fd, F_GETFL);
    unsigned i;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++) {
        struct hx_init_relay_source *source = &relay->sources[i];

        if (source->fd >= 0)
            continue;
        *source = (struct hx_init_relay_source){
            .fd = fd,
            .slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
            .owner = owner,
        };
        return 0;
    }
    errno = ENOSPC;
    return -1;
}

static void close_slave(struct hx_init_relay_source *source)
{
    if (source->slave >= 0)
        close(source->slave);
    source->slave = -1;
}

void hx_init_relay_end(struct hx_init_relay *relay, unsigned owner)
{
    unsigned i;

    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++) {
        if (relay->sources[i].owner != owner)
            continue;
        close_slave(&relay->sources[i]);
        relay->sources[i].ending = true;
        relay->sources[i].rest = HX_INIT_RELAY_REST;
    }
}

bool hx_init_relay_busy(const struct hx_init_relay *relay, unsigned owner)
{
    unsigned i;

    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++) {
        if (relay->sources[i].fd >= 0 && relay->sources[i].owner == owner)
            return true;
    }
    return relay->len > 0;
}

size_t hx_init_relay_poll(const struct hx_init_relay *relay, struct pollfd *fds)
{
    size_t count = 0;
    unsigned i;

    if (relay->len > 0) {
        fds[count++] =
            (struct pollfd){ .fd = relay->console, .events = POLLOUT };
        return count;
    }
    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++) {
        if (relay->sources[i].fd >= 0)
            fds[count++] =
                (struct pollfd){ .fd = relay->sources[i].fd, .events = POLLIN };
    }
    return count;
}

/* True when the buffer is empty. */
static bool flush(struct hx_init_relay *relay)
{
    while (relay->len > 0) {
        ssize_t n = write(relay->console, relay->buf + relay->at, relay->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno == EAGAIN))
            return false;
        /* A console that fails must not keep the containers waiting. */
        if (n < 0)
            n = (ssize_t)relay->len;
        relay->at += (size_t)n;
        relay->len -= (size_t)n;
        relay->written += (size_t)n;
    }
    relay->at = 0;
    return true;
}

static void close_source(struct hx_init_relay_source *source)
{
    close(source->fd);
    close_slave(source);
    source->fd = -1;
}

/* Reads one chunk into the empty buffer, or finds the source at its end. */
static void fill(struct hx_init_relay *relay,
                 struct hx_init_relay_source *source)
{
    ssize_t n = read(source->fd, relay->buf, sizeof(relay->buf));

    if (n < 0 && errno == EINTR)
        return;
    if (n < 0 && errno == EAGAIN && !source->ending)
        return;
    if (n <= 0) { /* end of the pipe, EIO of a pty, or ending and empty */
        close_source(source);
        return;
    }
    relay->len = (size_t)n;
    if (!source->ending)
        return;
    if (source->rest <= (size_t)n)
        close_source(source);
    else
        source->rest -= (size_t)n;
}

void hx_init_relay_run(struct hx_init_relay *relay)
{
    unsigned first = relay->turn, i;

    for (i = 0; i < HX_INIT_RELAY_SOURCES; i++) {
        unsigned index = (first + i) % HX_INIT_RELAY_SOURCES;
        struct hx_init_relay_source *source = &relay->sources[index];

        relay->turn = index;
        /*
         * One chunk from each.  A source that is ending is read out: when
         * somebody else holds its other end, no event would tell that it is
         * empty.
         */
        do {
            if (!flush(relay))
                return;
            if (source->fd >= 0)
                fill(relay, source);
        } while (source->ending && source->fd >= 0);
    }
    relay->turn = (first + 1) % HX_INIT_RELAY_SOURCES;
    flush(relay);
}
