/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pv-init: PID 1 of a HyperKernel domain.
 *
 * The story of a pod, from top to bottom: mount what pv-init needs, read what
 * dom0 wants, attach disks and network, start the containers, stay with them
 * until the last has ended, leave the disk clean, power off.
 *
 * Whatever goes wrong is reported and ends in power-off: when PID 1 ends, the
 * kernel panics.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/console.h"
#include "pv-init/guest-abi.h"
#include "pv-init/kernel.h"
#include "pv-init/mounts.h"
#include "pv-init/netlink.h"
#include "pv-init/network.h"
#include "pv-init/power.h"
#include "pv-init/reaper.h"
#include "pv-init/root.h"
#include "pv-init/supervise.h"
#include "pv-init/uevent.h"

/* Devices take milliseconds; a dom0 under load, some seconds. */
#define DEVICES_TIMEOUT_US 30000000
/* A process that is killed may be in the middle of a write. */
#define REST_TIMEOUT_US 2000000

static int open_channels(struct hx_init_pod *pod, struct hx_init_err *err)
{
    if (hx_init_mounts_base(err) < 0)
        return -1;
    pod->console = hx_init_console_open(err);
    if (pod->console < 0)
        return -1;
    hx_init_control_init(&pod->control);
    if (hx_init_xs_open(&pod->xs, err) < 0)
        return -1;
    hx_init_power_guard(pod->console, hx_init_xs_fd(&pod->xs));
    pod->report.xs = &pod->xs;
    hx_init_report_stage(&pod->report, HX_INIT_STAGE_MOUNTS);
    hx_init_report_begin(&pod->report);
    if (hx_init_supervise_signals(pod, err) < 0)
        return -1;
    return 0;
}

/* The file goes once it is read: no process of an image is to see it. */
static int read_config(struct hx_init_config *config, struct hx_init_err *err)
{
    _init_close_ int fd = open(HX_ABI_CONFIG_PATH, O_RDONLY | O_CLOEXEC);
    _init_free_ char *text = NULL;
    size_t len;
    int r;

    if (fd < 0 || hx_init_read_fd(fd, HX_ABI_CONFIG_MAX_BYTES, &text, &len) < 0)
        return hx_init_fail_sys(err, errno, "reading the configuration %s",
                                HX_ABI_CONFIG_PATH);
    unlink(HX_ABI_CONFIG_PATH);
    r = hx_init_config_parse(text, len, config, err);
    explicit_bzero(text, len);
    if (r == 0 && sethostname(config->hostname, strlen(config->hostname)) < 0)
        return hx_init_fail_sys(err, errno, "setting the host name %s",
                                config->hostname);
    return r;
}

/* Before any process of an image: none is to draw from an empty pool, nor to
 * find the seed. */
static void use_seed(struct hx_init_config *config)
{
    if (config->has_seed)
        hx_init_kernel_add_entropy(config->seed, sizeof(config->seed));
    explicit_bzero(config->seed, sizeof(config->seed));
    config->has_seed = false;
}

static int too_late(const char *disk, const struct hx_init_interface *interface,
                    struct hx_init_err *err)
{
    if (disk)
        return hx_init_fail(err,
                            "disk %s did not appear within %d s; look for its "
                            "backend in dom0 (xl block-list, hotplug log)",
                            disk, DEVICES_TIMEOUT_US / 1000000);
    return hx_init_fail(err,
                        "network interface %s did not appear within %d s; "
                        "look for its backend in dom0 (xl network-list, "
                        "hotplug log)",
                        interface->name, DEVICES_TIMEOUT_US / 1000000);
}

/* Disks and interfaces come in any order; each is used as soon as it is
 * there. */
static int attach_devices(struct hx_init_pod *pod, int events, int nl,
                          struct hx_init_err *err)
{
    uint64_t deadline_us = hx_init_now_us() + DEVICES_TIMEOUT_US;
    const struct hx_init_interface *interface = NULL;
    bool has_root = false, has_network = false;

    for (;;) {
        const char *disk = has_root ? NULL : hx_init_root_missing(&pod->config);

        if (!has_root && !disk) {
            if (hx_init_root_mount(&pod->config, err) < 0)
                return -1;
            has_root = true;
            hx_init_report_stage(&pod->report, HX_INIT_STAGE_ROOT);
        }
        if (!has_network) {
            int r = hx_init_network_try(nl, &pod->config, &interface, err);

            if (r < 0)
                return -1;
            has_network = r > 0;
            if (has_network)
                hx_init_report_stage(&pod->report, HX_INIT_STAGE_NETWORK);
        }
        if (has_root && has_network)
            return 0;
        if (!hx_init_uevent_wait(events, hx_init_xs_fd(&pod->xs), deadline_us))
            return too_late(disk, interface, err);
        hx_init_xs_run(&pod->xs);
    }
}

static int attach(struct hx_init_pod *pod, struct hx_init_err *err)
{
    /* Before the first look, so that nothing appears in between. */
    _init_close_ int events = hx_init_uevent_open(err);
    _init_close_ int nl = -1;

    if (events < 0)
        return -1;
    nl = hx_init_nl_open();
    if (nl < 0)
        return hx_init_fail_sys(err, errno, "opening rtnetlink");
    if (hx_init_network_base(nl, err) < 0)
        return -1;
    return attach_devices(pod, events, nl, err);
}

/* Up to the last container's end. */
static int live(struct hx_init_pod *pod, struct hx_init_err *err)
{
    if (open_channels(pod, err) < 0 || read_config(&pod->config, err) < 0)
        return -1;
    use_seed(&pod->config);
    if (attach(pod, err) < 0)
        return -1;
    /* Who finds it published finds somebody who answers. */
    if (hx_init_control_open(&pod->control, &pod->xs, err) < 0)
        return -1;
    hx_init_supervise_run(pod);
    hx_init_report_stage(&pod->report, HX_INIT_STAGE_EXIT);
    return 0;
}

static void write_last_words(const struct hx_init_pod *pod)
{
    if (pod->console < 0 || !pod->trouble.msg[0])
        return;
    if (hx_init_console_say(pod->console, pod->trouble.msg) == 0)
        hx_init_console_drain(pod->console);
}

/*
 * What an exec with "vm" has left behind is in no container that would end with
 * it, and would hold the disks.  One that cannot be killed is not waited for
 * long.
 */
static void kill_rest(void)
{
    uint64_t until_us = hx_init_now_us() + REST_TIMEOUT_US;
    pid_t pid;

    kill(-1, SIGKILL);
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 &&
           hx_init_now_us() < until_us) {
        if (pid == 0)
            poll(NULL, 0, 1);
    }
}

/*
 * The state comes last: dom0 may destroy the domain as soon as it reads it,
 * and by then the disk is clean and the output taken, if anybody takes it.
 */
static void finish(struct hx_init_pod *pod, int result, struct hx_init_err *err)
{
    struct hx_init_err ignored;

    if (result < 0) {
        hx_init_report_error(&pod->report, err->msg);
        pod->trouble = *err;
    }
    kill_rest();
    hx_init_root_unmount(&pod->config, &ignored);
    write_last_words(pod);
    hx_init_report_state(&pod->report, result < 0 ? "failed" : "exited");
    hx_init_report_close(&pod->report);
}

int main(int argc, char **argv)
{
    /* Zeroes need no room in the ramdisk, as an initializer would. */
    static struct hx_init_pod pod;
    struct hx_init_err err;
    int result;

    /* PID 1 too, of a container. */
    if (argc > 0 && hx_init_is_reaper(argv[0]))
        return hx_init_reaper_main(argc, argv);
    if (getpid() != 1)
        return hx_init_power_helper(argc > 0 ? argv[0] : NULL);
    pod.console = -1;
    pod.signals = -1;
    hx_init_power_guard(STDERR_FILENO, -1);
    hx_init_report_stage(&pod.report, HX_INIT_STAGE_INIT);
    result = live(&pod, &err);
    finish(&pod, result, &err);
    hx_init_power_off(pod.reboot);
}
