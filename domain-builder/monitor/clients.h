/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's socket for commands, RUN/UUID/control, and what goes between
 * them and the guest; the contract is in pv-init/channel-abi.h.
 *
 * Commands are served while the guest is connected.  What they send before
 * waits in the kernel; when the guest is lost, all of them are closed, and
 * they come again and resume.
 *
 * One that does not read holds up nobody: its output waits for it, a window
 * for each stream, and its sessions stall in the guest.  A guest that does not
 * read holds up all commands, and nothing else.
 */
#ifndef HX_CLIENTS_H
#define HX_CLIENTS_H

#include <poll.h>

#include "domain-builder/monitor/link.h"
#include "image/base/err.h"

#define HX_CLIENTS_MAX 128 /* at a time; more wait to be accepted */
/* Stats that are asked for and not answered; the oldest is forgotten. */
#define HX_CLIENTS_STATS 64
/* A container that runs and whose stdin was not told of for so long has none.
 */
#define HX_CLIENTS_INPUT_MS 1000

struct hx_clients;

/* Makes the socket; `link`, borrowed, is the guest's.  `tell_time` is called
 * when a command asks for the guest's clock to be set.  *clients_r is the
 * caller's. */
int hx_clients_open(const char *path, struct hx_link *link,
                    void (*tell_time)(void *ctx), void *ctx,
                    struct hx_clients **clients_r, struct hx_err *err);
/* Takes NULL.  The socket's name stays: who connects is refused. */
void hx_clients_close(struct hx_clients *clients);

/* Fills `fds` (room for HX_CLIENTS_FDS), and does what poll(2) reported;
 * between the two nothing but hx_clients_take() and hx_clients_lost(). */
#define HX_CLIENTS_FDS (HX_CLIENTS_MAX + 1)
size_t hx_clients_poll(const struct hx_clients *clients, struct pollfd *fds);
void hx_clients_serve(struct hx_clients *clients, const struct pollfd *fds,
                      size_t count);
/* Milliseconds until something is due without any event; -1: never. */
int hx_clients_timeout_ms(const struct hx_clients *clients);

/* A frame that the link has found right, unless it is a container's output. */
void hx_clients_take(struct hx_clients *clients,
                     const struct hx_ch_frame *frame, const uint8_t *payload);

/* The guest is not connected any more. */
void hx_clients_lost(struct hx_clients *clients);

#endif
