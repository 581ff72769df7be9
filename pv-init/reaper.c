/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/process.h"

/* As docker's is called; it is what ps shows. */
#define NAME           "docker-init"
#define FILE_OF_PVINIT "/init"

int hx_init_reaper_open(struct hx_init_err *err)
{
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    };
    int fd = open_tree(AT_FDCWD, FILE_OF_PVINIT,
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd >= 0 &&
        mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
        return fd;
    hx_init_fail_sys(err, errno, "opening %s for --init", FILE_OF_PVINIT);
    hx_init_close_p(&fd);
    return -1;
}

int hx_init_reaper_exec(int fd, const char *const *args, char *const *env,
                        struct hx_init_err *err)
{
    size_t count = 0;
    const char **own;
    char path[32];

    while (args[count])
        count++;
    own = calloc(count + 3, sizeof(*own));
    if (own) {
        own[0] = NAME;
        own[1] = "--";
        memcpy(own + 2, args, count * sizeof(*own));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        execve(path, (char *const *)own, env);
        free(own);
    }
    hx_init_fail_sys(err, errno, "executing %s for --init", FILE_OF_PVINIT);
    return HX_INIT_EXIT_SETUP;
}

bool hx_init_is_reaper(const char *name)
{
    return name && strcmp(name, NAME) == 0;
}

/* In the child: a group of its own, in front of the terminal if there is one;
 * nobody else asks for it. */
static void __attribute__((noreturn)) run(char **args, const sigset_t *mask)
{
    struct hx_init_err err = { "" };
    int exit_code;

    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    exit_code = hx_init_process_exec((const char *const *)args, environ, &err);
    dprintf(STDERR_FILENO, "%s: %s\n", NAME, err.msg);
    _exit(exit_code);
}

/* Waits for all that have ended; true when `child` was among them. */
static bool reap(pid_t child, int *exit_code_r)
{
    bool ended = false;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != child)
            continue;
        ended = true;
        *exit_code_r =
            WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return ended;
}

int hx_init_reaper_main(int argc, char **argv)
{
    int exit_code = 0, signum;
    sigset_t all, before;
    pid_t child;

    prctl(PR_SET_NAME, NAME);
    if (argc < 3 || strcmp(argv[1], "--") != 0)
        return HX_INIT_EXIT_SETUP;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    child = fork();
    if (child < 0) {
        dprintf(STDERR_FILENO, "%s: fork: %s\n", NAME, strerror(errno));
        return HX_INIT_EXIT_SETUP;
    }
    if (child == 0)
        run(argv + 2, &before);
    for (;;) {
        if (sigwait(&all, &signum) != 0)
            continue;
        if (signum != SIGCHLD)
            kill(child, signum);
        else if (reap(child, &exit_code))
            return exit_code;
    }
}
