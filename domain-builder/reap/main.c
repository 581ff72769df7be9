/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a monitor becomes when its pod has ended: gives back what the pod had,
 * and removes an --rm pod.
 *
 *     reap [--state-dir DIR] [--run-dir DIR] UUID
 *
 * Killed at any moment it leaves work that the next command finds and does.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-reconcile.h"

static int reap(const struct hx_host_options *options, const char *uuid,
                struct hx_err *err)
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
    hx_host_close(host);
    return r == -HX_ERR_NOT_FOUND ? 0 : r;
}

/* The monitor's lock (pod-monitor.h), the one descriptor that it left open, is
 * ours as long as we live, and not libxl's children's. */
static void keep_for_us(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return;
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
    keep_for_us();
    if (reap(&where, argv[optind], &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    return 0;
}
