/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy-child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/base/strv.h"
#include "image/helper.h"

#define PROGRAM "copy"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* After fork: async-signal-safe calls only. */
_Noreturn static void run(const char *path, char *const *argv, int in, int out,
                          int words, pid_t parent)
{
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(words, 2) < 0)
        _exit(127);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execv(path, argv);
    _exit(127);
}

static int start(char *const *argv, const char *path, bool reads,
                 struct hx_copy_child *child, struct hx_err *err)
{
    _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int words = memfd_create("words", MFD_CLOEXEC);
    _cleanup_close_ int reading = -1, writing = -1;
    pid_t parent = getpid();
    int tar[2];

    if (null < 0 || words < 0 || pipe2(tar, O_CLOEXEC) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting %s", path);
    reading = tar[0];
    writing = tar[1];
    child->pid = fork();
    if (child->pid < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting %s", path);
    if (child->pid == 0)
        run(path, argv, reads ? reading : null, reads ? words : writing, words,
            parent);
    child->tar = hx_steal_fd(reads ? &writing : &reading);
    child->words = hx_steal_fd(&words);
    return 0;
}

int hx_copy_child_start(char *const *args, bool reads,
                        struct hx_copy_child *child_r, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_helper_path(PROGRAM);
    _cleanup_strv_ char **argv = NULL;

    if (!path || hx_strv_add(&argv, PROGRAM) < 0 ||
        hx_strv_add_all(&argv, args) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting " PROGRAM);
    return start(argv, path, reads, child_r, err);
}

static int explain(int status, const char *said, struct hx_err *err)
{
    if (WIFSIGNALED(status))
        return hx_err_set(err, HX_ERR_SYSTEM,
                          PROGRAM " was killed by signal %d (%s)",
                          WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) == 127)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          PROGRAM " could not be started; is xl-hyper "
                                  "installed whole?");
    return hx_err_set(err,
                      WEXITSTATUS(status) == 2 ? HX_ERR_GUEST : HX_ERR_SYSTEM,
                      "%s", *said ? said : PROGRAM " failed without a word");
}

int hx_copy_child_finish(struct hx_copy_child *child, uint64_t *bytes_r,
                         struct hx_err *err)
{
    char said[HX_ERR_MSG_MAX] = "";
    int status = 0;
    ssize_t n;

    hx_cleanup_close(&child->tar);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    n = pread(child->words, said, sizeof(said) - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    hx_cleanup_close(&child->words);
    *child = (struct hx_copy_child){ .tar = -1, .words = -1 };
    if (status != 0)
        return explain(status, said, err);
    if (bytes_r && *said)
        *bytes_r = strtoull(said, NULL, 10);
    return 0;
}
