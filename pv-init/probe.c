/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "pv-init/exec.h"

/* Of one turn, so that a loud probe leaves time for everything else. */
#define READS_PER_TURN 16

static const char ellipsis[] = "...";

void hx_init_probe_init(struct hx_init_probe *probe)
{
    probe->pid = 0;
    probe->status = -1;
    probe->begun = (struct hx_init_started){ .in = -1, .out = { -1, -1 } };
    probe->len = 0;
    probe->cut = false;
}

/* -- output ------------------------------------------------------------------
 */

static void keep(struct hx_init_probe *probe, const char *data, size_t len)
{
    size_t room = sizeof(probe->output) - probe->len;

    if (len > room) {
        probe->cut = true;
        len = room;
    }
    memcpy(probe->output + probe->len, data, len);
    probe->len += len;
    if (probe->cut)
        memcpy(probe->output + sizeof(probe->output) - strlen(ellipsis),
               ellipsis, strlen(ellipsis));
}

void hx_init_probe_say(struct hx_init_probe *probe, const char *text)
{
    keep(probe, text, strlen(text));
}

/* Reads on when it keeps no more, so that the probe can go on. */
static void read_output(struct hx_init_probe *probe, unsigned i)
{
    char data[4096];
    unsigned turn;

    for (turn = 0; turn < READS_PER_TURN && probe->begun.out[i] >= 0; turn++) {
        ssize_t n = read(probe->begun.out[i], data, sizeof(data));

        if (n > 0) {
            keep(probe, data, (size_t)n);
            continue;
        }
        if (n == 0) {
            hx_init_close_p(&probe->begun.out[i]);
            probe->begun.out[i] = -1;
        }
        return;
    }
}

static void hear(struct hx_init_probe *probe)
{
    if (probe->status < 0 || !hx_init_plumbing_hear(probe->status, &probe->spec,
                                                    &probe->begun, false))
        return;
    hx_init_close_p(&probe->status);
    probe->status = -1;
}

/* -- the process -------------------------------------------------------------
 */

int hx_init_probe_start(struct hx_init_probe *probe,
                        const struct hx_init_config *config, unsigned index,
                        pid_t container)
{
    const struct hx_init_exec_request request = {
        .container = index,
        .args = config->containers[index].health.args,
    };
    struct hx_init_err err;
    unsigned i;

    hx_init_probe_init(probe);
    if (hx_init_exec_start(config, &request, container, &probe->begun,
                           &probe->spec, &probe->status, &err) < 0) {
        hx_init_probe_init(probe);
        hx_init_probe_say(probe, err.msg);
        return -1;
    }
    probe->pid = probe->begun.pid;
    for (i = 0; i < HX_INIT_COUNT(probe->begun.out); i++)
        fcntl(probe->begun.out[i], F_SETFL, O_NONBLOCK);
    return 0;
}

void hx_init_probe_kill(struct hx_init_probe *probe)
{
    if (probe->pid <= 0)
        return;
    kill(-probe->pid, SIGKILL);
    kill(probe->pid, SIGKILL); /* it leads no group yet */
}

void hx_init_probe_mute(struct hx_init_probe *probe)
{
    hx_init_close_p(&probe->status);
    probe->status = -1;
    hx_init_started_release(&probe->begun);
}

int hx_init_probe_ended(struct hx_init_probe *probe, int exit_code)
{
    unsigned i;

    hear(probe);
    for (i = 0; i < HX_INIT_COUNT(probe->begun.out); i++)
        read_output(probe, i);
    probe->pid = 0;
    hx_init_probe_mute(probe);
    if (probe->begun.exit_code == 0)
        return exit_code;
    hx_init_probe_say(probe, probe->begun.why.msg);
    return HX_CH_HEALTH_NO_CODE;
}

/* -- waiting -----------------------------------------------------------------
 */

size_t hx_init_probe_poll(const struct hx_init_probe *probe, struct pollfd *fds)
{
    size_t count = 0;
    unsigned i;

    if (probe->status >= 0)
        fds[count++] = (struct pollfd){ .fd = probe->status, .events = POLLIN };
    for (i = 0; i < HX_INIT_COUNT(probe->begun.out); i++) {
        if (probe->begun.out[i] >= 0)
            fds[count++] =
                (struct pollfd){ .fd = probe->begun.out[i], .events = POLLIN };
    }
    return count;
}

/* The same walk again: nothing has changed in between. */
size_t hx_init_probe_polled(struct hx_init_probe *probe,
                            const struct pollfd *fds)
{
    size_t count = 0;
    unsigned i;

    if (probe->status >= 0 && fds[count++].revents)
        hear(probe);
    for (i = 0; i < HX_INIT_COUNT(probe->begun.out); i++) {
        if (probe->begun.out[i] >= 0 && fds[count++].revents)
            read_output(probe, i);
    }
    return count;
}
