/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH };

static int wake_pipe[2] = { -1, -1 };
static struct termios before;
static bool is_raw;

static void on_signal(int signum)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signum;

    /* A full pipe has plenty of them already. */
    if (write(wake_pipe[1], &byte, 1) < 0)
        errno = saved;
    errno = saved;
}

static int catch_these(const int *signums, size_t count, int *wake_r,
                       struct hx_err *err)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = SA_RESTART };

    if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "catching signals");
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++) {
        struct sigaction old;

        sigaction(signums[i], NULL, &old);
        if (old.sa_handler != SIG_IGN || signums[i] == SIGWINCH)
            sigaction(signums[i], &action, NULL);
    }
    *wake_r = wake_pipe[0];
    return 0;
}

int hx_tty_catch(int *wake_r, struct hx_err *err)
{
    signal(SIGPIPE, SIG_IGN);
    return catch_these(caught, sizeof(caught) / sizeof(*caught), wake_r, err);
}

int hx_tty_catch_resize(int *wake_r, struct hx_err *err)
{
    static const int resize = SIGWINCH;

    return catch_these(&resize, 1, wake_r, err);
}

void hx_tty_uncatch(void)
{
    for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++) {
        struct sigaction now;

        sigaction(caught[i], NULL, &now);
        if (now.sa_handler == on_signal)
            signal(caught[i], SIG_DFL);
    }
}

int hx_tty_caught(void)
{
    unsigned char byte;

    return read(wake_pipe[0], &byte, 1) == 1 ? byte : 0;
}

int hx_tty_raw(struct hx_err *err)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the terminal");
    raw = before;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "setting the terminal");
    is_raw = true;
    return 0;
}

void hx_tty_restore(void)
{
    if (is_raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    is_raw = false;
}

bool hx_tty_size(unsigned *rows_r, unsigned *columns_r)
{
    static const int order[] = { STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO };

    for (int i = 0; i < 3; i++) {
        struct winsize size;

        if (ioctl(order[i], TIOCGWINSZ, &size) == 0 && size.ws_row &&
            size.ws_col) {
            *rows_r = size.ws_row;
            *columns_r = size.ws_col;
            return true;
        }
    }
    return false;
}

void hx_tty_die(int signum)
{
    sigset_t one;

    hx_tty_restore();
    signal(signum, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, signum);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(signum);
    exit(128 + signum);
}
