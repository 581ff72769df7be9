/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's terminal, made in its own devpts so that it has a name there
 * (/dev/pts/0, and /dev/console as in Docker), and its master's way to
 * pv-init.
 */
#ifndef HX_INIT_TERMINAL_H
#define HX_INIT_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "pv-init/base.h"

/* In the container's root.  The terminal belongs to `owner` and becomes
 * /dev/console if wanted; both descriptors are the caller's and close at
 * exec. */
int hx_init_terminal_open(uid_t owner, bool console, unsigned rows,
                          unsigned columns, int *master_r, int *slave_r,
                          struct hx_init_err *err);

/* One message with a descriptor over a SOCK_SEQPACKET; 0 or -1 with errno. */
int hx_init_terminal_send(int socket, int fd, const void *data, size_t len);

/* Takes a message: its length, 0 at the end, -1 with errno.  *fd_r is the
 * descriptor that came with it, the caller's, or untouched. */
ssize_t hx_init_terminal_receive(int socket, int *fd_r, void *data, size_t len);

#endif
