/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's side of the control channel as a whole: connects to the guest
 * and connects again, writes what its containers put out to their logs, tells
 * it the time, and serves the commands.
 *
 *     guest -- vchan -- link --+-- N-json.log, and console for its viewers
 *                              +-- RUN/UUID/control: commands
 *
 * A guest that breaks the protocol loses the connection, and gets the next one
 * later and later.  One that floods its log is listened to only now and then:
 * in the long run the log takes one part in HX_CONTROL_LOG_SHARE of a CPU's
 * time.
 */
#ifndef HX_CONTROL_H
#define HX_CONTROL_H

#include <poll.h>

#include "domain-builder/monitor/clients.h"
#include "domain-builder/monitor/console.h"
#include "domain-builder/pod-state.h"

#define HX_CONTROL_HELLO_MS     10000 /* for the guest's HELLO */
#define HX_CONTROL_RETRY_MS     1000  /* doubled with each failure, up to: */
#define HX_CONTROL_RETRY_MAX_MS 60000
#define HX_CONTROL_CLOCK_MS     60000 /* how often the guest is told the time */
#define HX_CONTROL_LOG_SHARE    4
#define HX_CONTROL_LOG_BURST_US 50000 /* CPU time at once */

struct hx_control;

/* Opens logs and socket; `console`, borrowed, shows what containers put out.
 * *control_r is the caller's. */
int hx_control_open(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                    uint32_t domid, const struct hx_pod_spec *spec,
                    struct hx_console *console, struct hx_control **control_r,
                    struct hx_err *err);
/* Takes NULL. */
void hx_control_close(struct hx_control *control);

/* The guest has published a channel, perhaps anew. */
void hx_control_published(struct hx_control *control);

/* Fills `fds` (room for HX_CONTROL_FDS) and returns their number; and does
 * what poll(2) reported, or what is due. */
#define HX_CONTROL_FDS (1 + HX_CLIENTS_FDS)
size_t hx_control_poll(struct hx_control *control, struct pollfd *fds);
int hx_control_timeout_ms(const struct hx_control *control);
void hx_control_serve(struct hx_control *control, const struct pollfd *fds,
                      size_t count);

/* The domain has ended: takes what it has left in the channel, and writes all
 * that the logs hold back. */
void hx_control_drain(struct hx_control *control);

#endif
