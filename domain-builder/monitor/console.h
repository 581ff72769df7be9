/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's console, between xenconsoled and whoever looks at it:
 *
 *     guest -- xenconsoled -- /dev/pts/A -- monitor -- /dev/pts/B -- xl console
 *                             "upstream"     |   |       "ours"
 *                             console.log ---+   +--- control channel
 *
 * The console carries the kernel's words; what the containers put out comes
 * by the control channel, and is shown to whoever looks at the console, too.
 *
 * The monitor is the only reader of A, so that no output is lost to an `xl
 * console`, and whoever reads B, or does not, never holds the monitor up:
 * what is not taken in time is dropped, oldest first.
 *
 * B is named in xenstore by the link RUN/UUID/tty, which also tells
 * xenconsoled's names from ours.  This file knows nothing of xenstore: its
 * caller brings what stands in console/tty and takes what shall stand there.
 */
#ifndef HX_CONSOLE_H
#define HX_CONSOLE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/monitor/bound-log.h"
#include "domain-builder/monitor/memo.h"
#include "domain-builder/pod-state.h"

#define HX_CONSOLE_LOG_MAX_BYTES (1u << 20) /* console.log and .1, each */

#define HX_CONSOLE_RING 16384 /* a power of two */

struct hx_console {
    char *link;      /* RUN/UUID/tty */
    char *memo_path; /* RUN/UUID/console */
    struct hx_memo memo;
    int upstream; /* -1: xenconsoled has none for us now */
    int master;   /* of ours */
    int slave;    /* of ours: kept open, so that the master never sees EIO */
    struct hx_bound_log log;
    char ring[HX_CONSOLE_RING]; /* the newest of all output */
    uint64_t written;           /* bytes that ever went into the ring */
    uint64_t shown;             /* of them, those that went to ours */
    char input[1024];           /* typed, and not taken by upstream yet */
    size_t input_len;
};

/*
 * Opens log and terminal; takes up where a killed monitor stopped.  `console`
 * is released by hx_console_close(), after a failure too.
 */
int hx_console_open(struct hx_console *console, const struct hx_pod_dir *dir,
                    struct hx_err *err);
void hx_console_close(struct hx_console *console);

/*
 * Attaches to what stands in console/tty: xenconsoled's terminal, or our own
 * link ("" and everything else is none).  True: console->link shall be written
 * there.
 */
bool hx_console_attach(struct hx_console *console, const char *tty);

/* Fills fds[0..1] for poll(2); and does what it reported. */
void hx_console_poll(const struct hx_console *console, struct pollfd fds[2]);
void hx_console_serve(struct hx_console *console, const struct pollfd fds[2]);

/* What a container has put out: for viewers. */
void hx_console_add(struct hx_console *console, const char *data, size_t len);

/* The domain has ended: reads on until nothing has come for quiet_ms, 0 for
 * what is there; at most max_ms. */
void hx_console_drain(struct hx_console *console, int quiet_ms, int max_ms);

/* The kernel's last sentence, "Kernel panic - not syncing: ...", printable,
 * or NULL; the caller's. */
char *hx_console_panic(struct hx_console *console);

#endif
