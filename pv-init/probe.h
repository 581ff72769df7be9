/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One probe of a container's health: a process beside the container's first
 * one, as an exec (exec.h), whose output is kept up to a bound.
 *
 *     hx_init_probe_start(&probe, config, index, pid, &err);
 *     n = hx_init_probe_poll(&probe, fds);
 *     poll(...);
 *     hx_init_probe_polled(&probe, fds);
 *     ... waitpid(2) has given probe.pid ...
 *     code = hx_init_probe_ended(&probe, code);
 */
#ifndef HX_INIT_PROBE_H
#define HX_INIT_PROBE_H

#include <poll.h>

#include "pv-init/channel-abi.h"
#include "pv-init/config.h"
#include "pv-init/plumbing.h"

struct hx_init_probe {
    pid_t pid;  /* 0: none that is not reaped */
    int status; /* -1: it has executed its program, or never will */
    struct hx_init_plumbing_spec spec;
    struct hx_init_started begun;
    size_t len;
    bool cut; /* there was more */
    char output[HX_CH_HEALTH_OUTPUT_MAX];
};

void hx_init_probe_init(struct hx_init_probe *probe);

/* Starts it and does not wait.  -1: the attempt could not be made; what the
 * probe has said is the sentence. */
int hx_init_probe_start(struct hx_init_probe *probe,
                        const struct hx_init_config *config, unsigned index,
                        pid_t container);

/* Adds a sentence of pv-init's to its output. */
void hx_init_probe_say(struct hx_init_probe *probe, const char *text);

/* SIGKILL to all that it has started in its process group; waitpid(2) will
 * give it. */
void hx_init_probe_kill(struct hx_init_probe *probe);

/* Nothing is heard of it any more; its process goes on. */
void hx_init_probe_mute(struct hx_init_probe *probe);

/* It was reaped: reads what it has left, and returns the exit code, or
 * HX_CH_HEALTH_NO_CODE when its program never ran. */
int hx_init_probe_ended(struct hx_init_probe *probe, int exit_code);

/* Fills `fds` (room for HX_INIT_PROBE_FDS) with what to wait for, and takes
 * the same array when poll(2) has been there.  Both return the number. */
#define HX_INIT_PROBE_FDS 3
size_t hx_init_probe_poll(const struct hx_init_probe *probe,
                          struct pollfd *fds);
size_t hx_init_probe_polled(struct hx_init_probe *probe,
                            const struct pollfd *fds);

#endif
