/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

static volatile sig_atomic_t caught;

static void on_signal(int signum)
{
    caught = signum;
}

static int read_line(int fd, struct hx_buf *out, struct hx_err *err)
{
    ssize_t n;
    char c;

    while ((n = read(fd, &c, 1)) != 0 && !caught) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "reading from the terminal");
        if (c == '\n')
            return 0;
        if (hx_buf_add(out, &c, 1) < 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "logging in: what was typed is too long");
    }
    return hx_err_set(err, HX_ERR_INTERRUPTED, "logging in: nothing was typed");
}

/*
 * Signals that would end or stop us wait until the echo is on again, so that
 * the shell finds its terminal as it was.
 */
static int read_without_echo(int fd, struct hx_buf *out, struct hx_err *err)
{
    static const int signums[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
    enum { COUNT = sizeof(signums) / sizeof(*signums) };
    struct sigaction catch = { .sa_handler = on_signal };
    struct sigaction before[COUNT];
    struct termios was, quiet;
    int r;

    if (tcgetattr(fd, &was) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking the terminal");
    for (int i = 0; i < COUNT; i++)
        sigaction(signums[i], &catch, &before[i]);
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "turning off the echo");
    else
        r = read_line(fd, out, err);
    tcsetattr(fd, TCSAFLUSH, &was);
    for (int i = 0; i < COUNT; i++)
        sigaction(signums[i], &before[i], NULL);
    if (caught)
        raise(caught);
    return r;
}

int hx_secret_prompt(const char *question, bool echo, struct hx_buf *out,
                     struct hx_err *err)
{
    _cleanup_close_ int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    int r;

    if (fd < 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "logging in: there is no terminal to ask on; use -u "
                          "and --password-stdin");
    if (write(fd, question, strlen(question)) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking on the terminal");
    if (echo)
        return read_line(fd, out, err);
    r = read_without_echo(fd, out, err);
    if (write(fd, "\n", 1) < 0 && r == 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "asking on the terminal");
    return r;
}

int hx_secret_read_stdin(struct hx_buf *out, struct hx_err *err)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "--password-stdin: reading");
        if (hx_buf_add(out, chunk, (size_t)n) < 0)
            return hx_err_set(err, HX_ERR_LIMIT,
                              "--password-stdin: more than %zu bytes",
                              HX_SECRET_MAX_BYTES);
    }
    explicit_bzero(chunk, sizeof(chunk));
    /* As docker: one line end, which `echo` adds. */
    if (out->len && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    if (out->len && out->data[out->len - 1] == '\r')
        out->data[--out->len] = '\0';
    if (out->data && strlen(out->data) != out->len)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--password-stdin: a NUL byte is in it");
    return 0;
}

void hx_secret_forget(struct hx_buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->size);
    hx_buf_release(secret);
}
