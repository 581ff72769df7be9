/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

int hx_init_console_write(int fd, const void *data, size_t len, int stall_ms)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0 || errno == EAGAIN) {
            struct pollfd writable = { .fd = fd, .events = POLLOUT };

            int r = poll(&writable, 1, stall_ms);

            if (r == 0 || (r < 0 && errno != EINTR))
                return -1;
            if (writable.revents & (POLLERR | POLLHUP | POLLNVAL))
                return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

int hx_init_console_say(int fd, const char *text)
{
    char line[HX_ABI_VALUE_MAX + 32];
    int len = snprintf(line, sizeof(line), "pv-init: %s\r\n", text);

    if (len >= (int)sizeof(line))
        len = (int)sizeof(line) - 1;
    return hx_init_console_write(fd, line, (size_t)len,
                                 HX_INIT_CONSOLE_STALL_MS);
}

static void nothing(int signum)
{
    (void)signum;
}

void hx_init_console_drain(int fd)
{
    /* tcdrain(3) has no time-out of its own. */
    const struct sigaction interrupt = { .sa_handler = nothing };

    sigaction(SIGALRM, &interrupt, NULL);
    alarm(HX_INIT_CONSOLE_STALL_MS / 1000);
    tcdrain(fd);
    alarm(0);
}
