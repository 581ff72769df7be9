/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* /dev/console is the terminal too, for the programs that want it. */
static int bind_console(int number)
{
    char slave[32];

    snprintf(slave, sizeof(slave), "/dev/pts/%d", number);
    if (mknod("/dev/console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
        return -1;
    return mount(slave, "/dev/console", NULL, MS_BIND, NULL);
}

int hx_init_terminal_open(uid_t owner, bool console, unsigned rows,
                          unsigned columns, int *master_r, int *slave_r,
                          struct hx_init_err *err)
{
    const struct winsize size = { .ws_row = (unsigned short)rows,
                                  .ws_col = (unsigned short)columns };
    _init_close_ int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    _init_close_ int slave = -1;
    int unlock = 0, number;

    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
        ioctl(master, TIOCGPTN, &number) < 0)
        return hx_init_fail_sys(err, errno, "making a terminal");
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || fchown(slave, owner, (gid_t)-1) < 0 ||
        ioctl(slave, TIOCSWINSZ, &size) < 0 ||
        (console && bind_console(number) < 0))
        return hx_init_fail_sys(err, errno, "making a terminal");
    *master_r = master;
    *slave_r = slave;
    master = slave = -1;
    return 0;
}

union control {
    char buf[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int hx_init_terminal_send(int socket, int fd, const void *data, size_t len)
{
    struct iovec part = { .iov_base = (void *)data, .iov_len = len };
    union control control = { { 0 } };
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.buf,
        .msg_controllen = sizeof(control.buf),
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

ssize_t hx_init_terminal_receive(int socket, int *fd_r, void *data, size_t len)
{
    struct iovec part = { .iov_base = data, .iov_len = len };
    union control control = { { 0 } };
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.buf,
        .msg_controllen = sizeof(control.buf),
    };
    ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head;

    if (n < 0)
        return -1;
    head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET &&
        head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd_r, CMSG_DATA(head), sizeof(int));
    return n;
}
