/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to xenstored that keeps no queue.
 *
 * libxenstore reads watch events in a thread of its own, into a list without
 * an end: a guest that writes without pause would fill the monitor's memory
 * with them.  Here an event is one bit, set again and again, and the death of
 * xenstored is seen.  The wire format is xen/io/xs_wire.h's.
 */
#ifndef HX_XEN_WIRE_H
#define HX_XEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

#define HX_WIRE_PAYLOAD_MAX 4096

struct hx_wire {
    int fd;
    bool lost;         /* xenstored is gone, or speaks nonsense */
    unsigned events;   /* bits of the watches that fired; the caller clears */
    unsigned received; /* events that were read, ever */
    uint32_t req_id;
    char
        payload[HX_WIRE_PAYLOAD_MAX + 1]; /* of the last message; ends in NUL */
    size_t len;
};

/* Takes over `fd`, a stream. */
void hx_wire_init(struct hx_wire *wire, int fd);
/* Connects; hx_wire_close() after a failure too. */
int hx_wire_open(struct hx_wire *wire, struct hx_err *err);
void hx_wire_close(struct hx_wire *wire);

/*
 * Each waits for xenstored's answer, at most 10 s.  0, or -1 when it refused
 * (errno) or is lost.
 *
 * A watch's token is the decimal text of `bit`, one of 0..31.  After a read
 * payload and len hold the value.
 */
int hx_wire_watch(struct hx_wire *wire, const char *path, unsigned bit);
int hx_wire_unwatch(struct hx_wire *wire, const char *path, unsigned bit);
int hx_wire_read(struct hx_wire *wire, const char *path);
int hx_wire_write(struct hx_wire *wire, const char *path, const char *value);

/* Takes in the events that are there, at most `max`; never waits for one. */
void hx_wire_take_events(struct hx_wire *wire, unsigned max);

#endif
