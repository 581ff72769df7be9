/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a monitor becomes when its pod has ended: gives back what the pod had,
 * removes an --rm pod, and starts one again that has a restart policy.  A
 * command starts it, too, when that one was killed.
 *
 *     reap [--state-dir DIR] [--run-dir DIR] UUID
 *
 * Killed at any moment it leaves work that the next command finds and does.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-reconcile.h"
#include "domain-builder/pod-restart.h"

/* `monitor` is its lock, or -1; whoever builds the pod again needs it. */
static int reap(const struct hx_host_options *options, const char *uuid,
                int monitor, struct hx_err *err)
{
    static const struct hx_reconcile_options how = {
        .may_adopt = false, /* we are the monitor */
        .lock_timeout_ms = -1,
    };
    struct hx_host *host = NULL;
    int r = hx_host_open(options, &host, err);

    if (r < 0)
        return r;
    r = hx_pod_reconcile_one(host, uuid, &how, err);
    if (monitor >= 0)
        close(monitor);
    if (r == 0)
        r = hx_pod_restart_by_policy(host, uuid, err);
    hx_host_close(host);
    return r == -HX_ERR_NOT_FOUND ? 0 : r;
}

/* The monitor's lock (pod-monitor.h), the one descriptor that it left open, is
 * ours as long as we live, and not libxl's children's. */
static int keep_for_us(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return fd;
    return -1;
}

/* All programs are beside each other, wherever that is. */
static const char *folder_of(const char *program, char *text, size_t size)
{
    const char *slash = strrchr(program, '/');

    if (!slash || slash == program || (size_t)(slash - program) >= size)
        return NULL;
    snprintf(text, size, "%.*s", (int)(slash - program), program);
    return text;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "state-dir", required_argument, NULL, 's' },
        { "run-dir", required_argument, NULL, 'r' },
        { 0 },
    };
    struct hx_host_options where = { 0 };
    struct hx_err err = { 0 };
    char folder[4096];
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            where.state_dir = optarg;
        else if (option == 'r')
            where.run_dir = optarg;
        else
            return 2;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: reap [--state-dir DIR] [--run-dir DIR] UUID\n");
        return 2;
    }
    /* Ignored by the monitor for its own sake, and inherited; libxl's children
     * shall have them as ever. */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    where.pkglib_dir = folder_of(argv[0], folder, sizeof(folder));
    if (reap(&where, argv[optind], keep_for_us(), &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return 0;
}
