/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/etcfiles.h"
#include "pv-init/mounts.h"
#include "pv-init/process.h"
#include "pv-init/root.h"
#include "pv-init/sandbox.h"
#include "pv-init/terminal.h"

/* Both ends of what the child's outputs and its answer go through. */
struct plumbing {
    int out[2], err[2]; /* pipes: read end, write end; -1 with a tty */
    int status[2];      /* sockets: pv-init's, the child's */
};

/* The child's answer; none at all (end of file) means that it executed. */
struct answer {
    int32_t exit_code; /* 0: the terminal's descriptor comes with it */
    struct hx_init_err err;
};

static void plumbing_close(struct plumbing *p)
{
    int *fds[] = { &p->out[0], &p->out[1],    &p->err[0],
                   &p->err[1], &p->status[0], &p->status[1] };
    unsigned i;

    for (i = 0; i < HX_INIT_COUNT(fds); i++) {
        hx_init_close_p(fds[i]);
        *fds[i] = -1;
    }
}

static int plumbing_open(struct plumbing *p, bool tty, struct hx_init_err *err)
{
    *p = (struct plumbing){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
    if ((!tty &&
         (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0)) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->status) < 0)
        return hx_init_fail_sys(err, errno, "making pipes");
    return 0;
}

/*
 * The container's folder among the cgroups, with its limits; *fd_r is -1 when
 * the kernel has none.
 */
static int open_cgroup(const struct hx_init_confine *confine, unsigned index,
                       int *fd_r, struct hx_init_err *err)
{
    char path[64];

    snprintf(path, sizeof(path), HX_INIT_CGROUP "/%u", index);
    /* A kernel without cgroups leaves the ramdisk's folder as it was. */
    if (access(HX_INIT_CGROUP "/cgroup.procs", F_OK) == 0 &&
        (mkdir(path, 0755) == 0 || errno == EEXIST))
        *fd_r = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return hx_init_confine_cgroup(confine, path, err);
}

/* fork(2) into new namespaces and a cgroup. */
static pid_t clone_process(int cgroup)
{
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };

    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* -- in the child ------------------------------------------------------------
 */

static void default_signals(void)
{
    sigset_t none;
    int signum;

    for (signum = 1; signum <= SIGRTMAX; signum++)
        signal(signum, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * stdin, stdout and stderr.  The pipes become the user's, as in Docker: many
 * images open /dev/stdout by name.
 */
static int connect_pipes(const struct plumbing *p,
                         const struct hx_init_user *user,
                         struct hx_init_err *err)
{
    _init_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0)
        return hx_init_fail_sys(err, errno, "opening /dev/null");
    if (fchown(p->out[1], user->uid, user->gid) < 0 ||
        fchown(p->err[1], user->uid, user->gid) < 0 ||
        dup2(null, STDIN_FILENO) < 0 || dup2(p->out[1], STDOUT_FILENO) < 0 ||
        dup2(p->err[1], STDERR_FILENO) < 0)
        return hx_init_fail_sys(err, errno, "connecting the output");
    return 0;
}

static int connect_terminal(int status, const struct hx_init_user *user,
                            struct hx_init_err *err)
{
    _init_close_ int master = -1, slave = -1;
    struct answer answer = { 0 };

    if (hx_init_terminal_open(user->uid, &master, &slave, err) < 0)
        return -1;
    if (hx_init_terminal_send(status, master, &answer, sizeof(answer)) < 0 ||
        dup2(slave, STDIN_FILENO) < 0 || dup2(slave, STDOUT_FILENO) < 0 ||
        dup2(slave, STDERR_FILENO) < 0)
        return hx_init_fail_sys(err, errno, "connecting the terminal");
    return 0;
}

/* All steps until the exec; the exit code of the one that failed. */
static int become_program(const struct hx_init_config *config, unsigned index,
                          const struct plumbing *p, struct hx_init_err *err)
{
    const struct hx_init_container_config *own = &config->containers[index];
    char root[HX_INIT_PATH_MAX], etc[HX_INIT_PATH_MAX];
    const struct hx_init_sandbox sandbox = {
        .root = root,
        .etc = etc,
        .cwd = own->cwd,
        .read_only = own->writable == HX_INIT_WRITABLE_NONE,
        .unmasked = own->confine.unmasked,
        .privileged = own->confine.privileged,
    };
    _init_close_ int here = -1;
    struct hx_init_user user;
    char **env;

    hx_init_root_path(index, root);
    snprintf(etc, sizeof(etc), HX_INIT_POD "/%u/etc", index);
    /* Optional like cgroups themselves. */
    unshare(CLONE_NEWCGROUP);
    if (hx_init_confine_sysctls(&own->confine, err) < 0 ||
        hx_init_sandbox_enter(&sandbox, err) < 0)
        return HX_INIT_EXIT_SETUP;
    here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || hx_init_user_find(here, own->user, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    env = hx_init_process_env(own, config->hostname, user.home);
    if (!env) {
        hx_init_fail_sys(err, ENOMEM, "preparing the environment");
        return HX_INIT_EXIT_SETUP;
    }
    if ((own->tty ? connect_terminal(p->status[1], &user, err)
                  : connect_pipes(p, &user, err)) < 0 ||
        hx_init_process_become(own, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    return hx_init_process_exec(own->args, env, err);
}

static void __attribute__((noreturn))
run_child(const struct hx_init_config *config, unsigned index,
          const struct plumbing *p)
{
    struct answer answer = { 0 };

    default_signals();
    answer.exit_code = become_program(config, index, p, &answer.err);
    send(p->status[1], &answer, sizeof(answer), MSG_NOSIGNAL);
    _exit(answer.exit_code);
}

/* -- in pv-init --------------------------------------------------------------
 */

/* Takes the child's words until it executes or fails. */
static void await_exec(int status, struct hx_init_started *started,
                       struct hx_init_err *err)
{
    for (;;) {
        struct answer answer;
        int fd = -1;
        ssize_t n =
            hx_init_terminal_receive(status, &fd, &answer, sizeof(answer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(answer))
            return;
        if (fd >= 0) {
            hx_init_close_p(&started->out[0]);
            started->out[0] = fd;
        }
        if (answer.exit_code != 0) {
            started->exit_code = answer.exit_code;
            answer.err.msg[sizeof(answer.err.msg) - 1] = '\0';
            *err = answer.err;
        }
    }
}

static int prepare(const struct hx_init_config *config, unsigned index,
                   struct hx_init_err *err)
{
    char etc[HX_INIT_PATH_MAX];

    snprintf(etc, sizeof(etc), HX_INIT_POD "/%u/etc", index);
    if (hx_init_mkdir_p(etc) < 0)
        return hx_init_fail_sys(err, errno, "making %s", etc);
    /* Its own, so that a container that fills it harms no other one. */
    if (hx_init_mount("etc", etc, "tmpfs", MS_NOSUID | MS_NODEV,
                      "mode=0755,size=4m", err) < 0)
        return -1;
    return hx_init_etcfiles_write(etc, config, err);
}

int hx_init_container_start(const struct hx_init_config *config, unsigned index,
                            struct hx_init_started *started_r,
                            struct hx_init_err *err)
{
    const struct hx_init_container_config *own = &config->containers[index];
    struct hx_init_started started = { .out = { -1, -1 } };
    _init_close_ int cgroup = -1;
    struct plumbing p;

    if (plumbing_open(&p, own->tty, err) < 0 ||
        prepare(config, index, err) < 0 ||
        open_cgroup(&own->confine, index, &cgroup, err) < 0)
        goto fail;
    started.pid = clone_process(cgroup);
    if (started.pid < 0) {
        hx_init_fail_sys(err, errno, "creating its process");
        goto fail;
    }
    if (started.pid == 0)
        run_child(config, index, &p);
    started.out[0] = p.out[0];
    started.out[1] = p.err[0];
    p.out[0] = p.err[0] = -1;
    hx_init_close_p(&p.status[1]);
    p.status[1] = -1;
    await_exec(p.status[0], &started, err);
    plumbing_close(&p);
    if (started.exit_code != 0) {
        while (waitpid(started.pid, NULL, 0) < 0 && errno == EINTR)
            ;
        hx_init_close_p(&started.out[0]);
        hx_init_close_p(&started.out[1]);
        started = (struct hx_init_started){ .pid = -1,
                                            .out = { -1, -1 },
                                            .exit_code = started.exit_code };
        hx_init_fail_prefix(err, "starting container %s", own->name);
    }
    *started_r = started;
    return 0;
fail:
    plumbing_close(&p);
    return hx_init_fail_prefix(err, "starting container %s", own->name);
}

unsigned hx_init_container_oom_kills(unsigned index)
{
    _init_close_ int fd = -1;
    _init_free_ char *text = NULL;
    const char *line;
    char path[64];
    size_t len;

    snprintf(path, sizeof(path), HX_INIT_CGROUP "/%u/memory.events", index);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || hx_init_read_fd(fd, 4096, &text, &len) < 0)
        return 0;
    line = strstr(text, "oom_kill ");
    return line ? (unsigned)strtoul(line + strlen("oom_kill "), NULL, 10) : 0;
}
