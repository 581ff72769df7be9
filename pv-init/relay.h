/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The containers' output on its way to the console.
 *
 *     stdout pipe --+
 *     stderr pipe --+--> one buffer --> console
 *     pty master ---+
 *
 * No byte is lost and no reader is starved: a source is read only when the
 * buffer is empty, so a slow console stops the reading, full pipes stop the
 * writers, and the sources take turns.  Nothing here blocks; the event loop
 * asks hx_init_relay_poll() what to wait for.
 */
#ifndef HX_INIT_RELAY_H
#define HX_INIT_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-init/guest-abi.h"

#define HX_INIT_RELAY_SOURCES (2 * HX_ABI_CONTAINERS_MAX)
#define HX_INIT_RELAY_CHUNK   4096
/* What a pipe may hold at most: root may ask for 1 MiB. */
#define HX_INIT_RELAY_REST (1u << 20)

struct hx_init_relay_source {
    int fd;    /* owned; -1: free */
    int slave; /* of a terminal, owned; -1 for a pipe */
    unsigned owner;
    bool ending; /* no writer is left that counts */
    size_t rest; /* how much of it is read at most when ending */
};

struct hx_init_relay {
    int console; /* borrowed */
    char buf[HX_INIT_RELAY_CHUNK];
    size_t at, len;
    uint64_t written; /* bytes that the console has taken */
    unsigned turn;    /* the source to be asked first */
    struct hx_init_relay_source sources[HX_INIT_RELAY_SOURCES];
};

void hx_init_relay_init(struct hx_init_relay *relay, int console);

/*
 * Takes `fd` over (it is made non-blocking) as output of container `owner`.
 * Of a terminal the other side is held open until the container is dead: who
 * closes all of it and opens it again goes on being heard.  -1 with errno when
 * there is no room; then `fd` is still the caller's.
 */
int hx_init_relay_add(struct hx_init_relay *relay, int fd, unsigned owner);

/*
 * Container `owner` is dead.  What it left in its pipes is still relayed;
 * then they are closed, even if somebody else holds their other ends.
 */
void hx_init_relay_end(struct hx_init_relay *relay, unsigned owner);

/* Whether anything of `owner` is still to be relayed. */
bool hx_init_relay_busy(const struct hx_init_relay *relay, unsigned owner);

/*
 * Fills `fds` (room for HX_INIT_RELAY_SOURCES + 1) with what to wait for and
 * returns the count.
 */
size_t hx_init_relay_poll(const struct hx_init_relay *relay,
                          struct pollfd *fds);

/* Moves what can be moved now; called after any wake-up. */
void hx_init_relay_run(struct hx_init_relay *relay);

#endif
