/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel to dom0: xenstore, spoken over the kernel's /dev/xen/xenbus.
 *
 * Requests are queued and not waited for: each is sent when the event loop has
 * found the reply to the one before, so a report costs the launch no round
 * trip.  That is why this speaks the wire protocol (xen/io/xs_wire.h) and not
 * libxenstore, which waits for each answer and wants a thread to watch.
 *
 * There is never more than one request under way.  The kernel (6.1,
 * xenbus_dev_request_and_reply) sends a request's payload later, from the
 * buffer that the next write(2) overwrites; xenstored takes the torn message
 * for an attack and drops the whole domain's connection.
 *
 *     hx_init_xs_open(&xs, &err);
 *     hx_init_xs_follow(&xs, "hyper/request", taken, arg);
 *     hx_init_xs_write(&xs, "data/hyper/state", "running");
 *     ... poll hx_init_xs_fd(&xs) for POLLIN, then hx_init_xs_run(&xs) ...
 *     hx_init_xs_flush(&xs, 5000);
 *
 * Paths are relative to the domain's own folder.  Nothing here fails loudly
 * after opening: a xenstored that refuses or is gone must not stop a pod.
 */
#ifndef HX_INIT_XENSTORE_H
#define HX_INIT_XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-init/base.h"

/* Header and payload: XENSTORE_PAYLOAD_MAX. */
#define HX_INIT_XS_MESSAGE_MAX (16 + 4096)
/* All that a pod of 16 containers ever has to tell at once. */
#define HX_INIT_XS_QUEUE_MAX 16384

typedef void hx_init_xs_taken(void *arg, const char *value);

struct hx_init_xs {
    int fd;
    bool under_way;       /* a request whose reply is to come */
    unsigned lost;        /* requests refused, or without room in the queue */
    const char *followed; /* path, borrowed for good */
    hx_init_xs_taken *taken;
    void *arg;
    size_t in_len, queue_len;
    char in[HX_INIT_XS_MESSAGE_MAX + 1];
    char queue[HX_INIT_XS_QUEUE_MAX]; /* whole messages, in order */
};

int hx_init_xs_open(struct hx_init_xs *xs, struct hx_init_err *err);
/* Over a descriptor of the caller's choice, which it takes over. */
void hx_init_xs_init(struct hx_init_xs *xs, int fd);
int hx_init_xs_fd(const struct hx_init_xs *xs);

/* Queues a write. */
void hx_init_xs_write(struct hx_init_xs *xs, const char *path,
                      const char *value);

/*
 * Watches a node; `taken` gets its value now, when there is one, and after
 * each change.  One node can be followed.
 */
void hx_init_xs_follow(struct hx_init_xs *xs, const char *path,
                       hx_init_xs_taken *taken, void *arg);

/* Takes in what has arrived and sends what is next; never waits. */
void hx_init_xs_run(struct hx_init_xs *xs);

/* Waits until all is sent and answered, at most timeout_ms. */
void hx_init_xs_flush(struct hx_init_xs *xs, int timeout_ms);

/*
 * A write's bytes, for the handler that may not do more than write(2): the
 * length, or 0 when size is too small.
 */
size_t hx_init_xs_encode_write(void *buf, size_t size, const char *path,
                               const char *value);

#endif
