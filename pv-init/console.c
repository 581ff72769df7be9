/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <termios.h>
#include <unistd.h>

#include "pv-init/guest-abi.h"

/* syslog(2): which messages reach the console; 1 is emergencies only. */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define SYSLOG_LEVEL_EMERGENCIES    1

int hx_init_console_open(struct hx_init_err *err)
{
    int fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return hx_init_fail_sys(err, errno, "opening the console /dev/hvc0");
    hx_init_console_make_raw(fd);
    klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, SYSLOG_LEVEL_EMERGENCIES);
    return fd;
}

void hx_init_console_make_raw(int fd)
{
    struct termios mode;

    if (tcgetattr(fd, &mode) < 0)
        return;
    cfmakeraw(&mode);
    tcsetattr(fd, TCSANOW, &mode);
}

int hx_init_console_write(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0 || errno == EAGAIN) {
            struct pollfd writable = { .fd = fd, .events = POLLOUT };

            if (poll(&writable, 1, -1) < 0 && errno != EINTR)
                return -1;
            if (writable.revents & (POLLERR | POLLHUP | POLLNVAL))
                return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static int write_mark(int fd, const char *nonce, const char *tail)
{
    char mark[128];
    int len =
        snprintf(mark, sizeof(mark), "%s%s%s", HX_ABI_MARK_HEAD, nonce, tail);

    return hx_init_console_write(fd, mark, (size_t)len);
}

int hx_init_console_start_mark(int fd, const char *nonce)
{
    return write_mark(fd, nonce, HX_ABI_MARK_START);
}

int hx_init_console_end_mark(int fd, const char *nonce)
{
    return write_mark(fd, nonce, HX_ABI_MARK_END);
}

void hx_init_console_say(int fd, const char *text)
{
    char line[HX_ABI_VALUE_MAX + 32];
    int len = snprintf(line, sizeof(line), "pv-init: %s\r\n", text);

    if (len >= (int)sizeof(line))
        len = (int)sizeof(line) - 1;
    hx_init_console_write(fd, line, (size_t)len);
}

void hx_init_console_drain(int fd)
{
    while (tcdrain(fd) < 0 && errno == EINTR)
        ;
}
