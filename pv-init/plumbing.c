/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/plumbing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pv-init/terminal.h"

/* The process's words; the end of file means that it executed. */
struct answer {
    int32_t exit_code; /* 0: it goes on; the terminal may come with it */
    int32_t inside;    /* its number, or 0 */
    struct hx_init_err err;
};

static void close_pair(int fds[2])
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        hx_init_close_p(&fds[i]);
        fds[i] = -1;
    }
}

int hx_init_plumbing_open(struct hx_init_plumbing *p,
                          const struct hx_init_plumbing_spec *spec,
                          struct hx_init_err *err)
{
    bool pipes = !spec->tty && !spec->detached;

    *p = (struct hx_init_plumbing){
        { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }
    };
    if ((pipes && spec->has_stdin && pipe2(p->in, O_CLOEXEC) < 0) ||
        (pipes &&
         (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0)) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->status) < 0) {
        hx_init_fail_sys(err, errno, "making pipes");
        hx_init_plumbing_close(p);
        return -1;
    }
    return 0;
}

void hx_init_plumbing_close(struct hx_init_plumbing *p)
{
    close_pair(p->in);
    close_pair(p->out);
    close_pair(p->err);
    close_pair(p->status);
}

/* -- in the process ----------------------------------------------------------
 */

void hx_init_plumbing_default_signals(void)
{
    sigset_t none;
    int signum;

    for (signum = 1; signum <= SIGRTMAX; signum++)
        signal(signum, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* `fd` or, without one, /dev/null becomes descriptor `number`. */
static int connect_one(int fd, int number, const struct hx_init_user *user)
{
    _init_close_ int null = -1;

    if (fd >= 0)
        return fchown(fd, user->uid, user->gid) < 0 || dup2(fd, number) < 0 ? -1
                                                                            : 0;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null < 0 || dup2(null, number) < 0 ? -1 : 0;
}

static int connect_terminal(int status,
                            const struct hx_init_plumbing_spec *spec,
                            const struct hx_init_user *user,
                            struct hx_init_err *err)
{
    _init_close_ int master = -1, slave = -1;
    struct answer answer = { 0 };

    if (hx_init_terminal_open(user->uid, spec->console, spec->rows,
                              spec->columns, &master, &slave, err) < 0)
        return -1;
    if (hx_init_terminal_send(status, master, &answer, sizeof(answer)) < 0 ||
        dup2(slave, STDIN_FILENO) < 0 || dup2(slave, STDOUT_FILENO) < 0 ||
        dup2(slave, STDERR_FILENO) < 0)
        return hx_init_fail_sys(err, errno, "connecting the terminal");
    return 0;
}

int hx_init_plumbing_connect(const struct hx_init_plumbing *p,
                             const struct hx_init_plumbing_spec *spec,
                             const struct hx_init_user *user,
                             struct hx_init_err *err)
{
    struct answer answer = { .inside = (int32_t)getpid() };

    if (spec->tty) {
        if (connect_terminal(p->status[1], spec, user, err) < 0)
            return -1;
    } else if (connect_one(p->in[0], STDIN_FILENO, user) < 0 ||
               connect_one(p->out[1], STDOUT_FILENO, user) < 0 ||
               connect_one(p->err[1], STDERR_FILENO, user) < 0) {
        return hx_init_fail_sys(err, errno, "connecting stdin and the outputs");
    }
    if (send(p->status[1], &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
        return hx_init_fail_sys(err, errno, "telling its number");
    return 0;
}

void hx_init_plumbing_fail(const struct hx_init_plumbing *p, int exit_code,
                           const struct hx_init_err *err)
{
    const struct answer answer = { .exit_code = exit_code, .err = *err };

    send(p->status[1], &answer, sizeof(answer), MSG_NOSIGNAL);
    _exit(exit_code);
}

/* -- in pv-init --------------------------------------------------------------
 */

int hx_init_plumbing_take(struct hx_init_plumbing *p, pid_t pid,
                          struct hx_init_started *started_r)
{
    int status = p->status[0];

    *started_r = (struct hx_init_started){
        .pid = pid,
        .in = p->in[1],
        .out = { p->out[0], p->err[0] },
    };
    p->in[1] = p->out[0] = p->err[0] = p->status[0] = -1;
    hx_init_plumbing_close(p);
    return status;
}

static void take_terminal(const struct hx_init_plumbing_spec *spec,
                          struct hx_init_started *started, int master)
{
    hx_init_close_p(&started->out[0]);
    started->out[0] = master;
    if (!spec->has_stdin || started->in >= 0)
        return;
    /* A second one, so that the input can be closed and the output not. */
    started->in = fcntl(master, F_DUPFD_CLOEXEC, 0);
}

bool hx_init_plumbing_hear(int status, const struct hx_init_plumbing_spec *spec,
                           struct hx_init_started *started, bool wait)
{
    for (;;) {
        struct pollfd readable = { .fd = status, .events = POLLIN };
        struct answer answer;
        int fd = -1;
        ssize_t n;

        if (poll(&readable, 1, wait ? -1 : 0) == 0)
            return false;
        n = hx_init_terminal_receive(status, &fd, &answer, sizeof(answer));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(answer)) {
            hx_init_close_p(&fd);
            return true;
        }
        if (fd >= 0)
            take_terminal(spec, started, fd);
        if (answer.inside != 0)
            started->inside = answer.inside;
        if (answer.exit_code != 0) {
            started->exit_code = answer.exit_code;
            answer.err.msg[sizeof(answer.err.msg) - 1] = '\0';
            started->why = answer.err;
        }
    }
}

void hx_init_started_release(struct hx_init_started *started)
{
    hx_init_close_p(&started->in);
    hx_init_close_p(&started->out[0]);
    hx_init_close_p(&started->out[1]);
    started->in = started->out[0] = started->out[1] = -1;
}
