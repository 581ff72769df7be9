/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's own group; 2 would be udev's. */
#define KERNEL_EVENTS 1

int hx_init_uevent_open(struct hx_init_err *err)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                   .nl_groups = KERNEL_EVENTS };
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    NETLINK_KOBJECT_UEVENT);

    if (fd < 0)
        return hx_init_fail_sys(err, errno, "listening for devices");
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        hx_init_fail_sys(err, errno, "listening for devices");
        close(fd);
        return -1;
    }
    return fd;
}

int hx_init_uevent_wait(int fd, int other, uint64_t deadline_us)
{
    struct pollfd readable[2] = { { .fd = fd, .events = POLLIN },
                                  { .fd = other, .events = POLLIN } };
    uint64_t now_us = hx_init_now_us();
    char message[2048];

    if (now_us >= deadline_us)
        return 0;
    if (poll(readable, 2, (int)((deadline_us - now_us) / 1000) + 1) == 0)
        return 0;
    /* What it says does not matter, nor whether some were lost (ENOBUFS). */
    while (recv(fd, message, sizeof(message), 0) >= 0 || errno == ENOBUFS)
        ;
    return 1;
}
