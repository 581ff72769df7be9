/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/buf.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/base/strv.h"

#define LINE_MAX_BYTES  65536
#define INPUT_MAX_BYTES 4096
#define OVER_MS         200

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum hx_err_code hx_err_code_of_name(const char *name)
{
    for (int code = 1; code < HX_ERR_CODES; code++) {
        if (strcmp(hx_err_name((enum hx_err_code)code), name) == 0)
            return (enum hx_err_code)code;
    }
    return HX_ERR_SYSTEM;
}

static char *join(const char *folder, const char *program)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", folder, program) < 0 ? NULL : path;
}

/* The running program's folder, when it is a build tree's. */
static char *own_folder(void)
{
    static const char *const helpers[] = { "pull", "mkroot", "mklayer" };
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n <= 0)
        return NULL;
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        _cleanup_free_ char *path = join(self, helpers[i]);

        if (!path || access(path, X_OK) < 0)
            return NULL;
    }
    return strdup(self);
}

char *hx_helper_path(const char *program)
{
    const char *folder = getenv("HX_LIBEXEC");
    _cleanup_free_ char *own = NULL;

    if (folder && *folder)
        return join(folder, program);
    own = own_folder();
    return join(own ? own : HX_PKGLIBDIR, program);
}

struct pipes {
    int out[2]; /* the child's lines */
    int in[2];  /* its input */
    int errors; /* memory file for what it says on standard error */
};

static void close_pair(int pair[2])
{
    hx_cleanup_close(&pair[0]);
    hx_cleanup_close(&pair[1]);
}

static void close_pipes(struct pipes *p)
{
    close_pair(p->out);
    close_pair(p->in);
    hx_cleanup_close(&p->errors);
}

static int open_pipes(struct pipes *p, const char *input)
{
    *p = (struct pipes){ { -1, -1 }, { -1, -1 }, -1 };
    if (pipe2(p->out, O_CLOEXEC) < 0)
        return -1;
    p->errors = memfd_create("stderr", MFD_CLOEXEC);
    if (p->errors < 0)
        return -1;
    if (!input) {
        p->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return p->in[0] < 0 ? -1 : 0;
    }
    if (strlen(input) > INPUT_MAX_BYTES) {
        errno = E2BIG;
        return -1;
    }
    /* Fits into the pipe: nothing blocks, though nobody reads yet. */
    if (pipe2(p->in, O_CLOEXEC) < 0 ||
        hx_write_all(p->in[1], input, strlen(input)) < 0)
        return -1;
    close(p->in[1]);
    p->in[1] = -1;
    return 0;
}

static void reset_signals(void)
{
    const struct sigaction initial = { .sa_handler = SIG_DFL };
    sigset_t none;

    sigemptyset(&none);
    for (int signum = 1; signum < NSIG; signum++)
        sigaction(signum, &initial, NULL); /* not KILL, STOP and libc's own */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, after vfork: it has our memory, so system calls only. */
_Noreturn static void child(const struct hx_helper *helper, const char *path,
                            char *const *argv, const struct pipes *p,
                            pid_t parent)
{
    if (dup2(p->in[0], 0) < 0 || dup2(p->out[1], 1) < 0 ||
        dup2(p->errors, 2) < 0)
        _exit(127);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (int fd = 0; fd < 3; fd++)
        fcntl(fd, F_SETFD, 0);
    for (size_t i = 0; i < helper->fd_count; i++)
        fcntl(helper->fds[i], F_SETFD, 0);
    reset_signals();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execv(path, argv);
    _exit(127);
}

/* The child shares our memory until it is another program: copying the tables
 * of ours would take longer than all else here.  No handler of ours may run in
 * it. */
static pid_t start(const struct hx_helper *helper, const char *path,
                   char *const *argv, const struct pipes *p)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = vfork();
    if (pid == 0)
        child(helper, path, argv, p, parent);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static void take_error(const json_t *error, struct hx_err *err)
{
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));

    hx_err_set(err, hx_err_code_of_name(code ? code : ""), "%s",
               message ? message : "failed without a word");
}

/* One line of the child's; 1 when it was an error. */
static int take_line(const struct hx_helper *helper, const char *text,
                     size_t len, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = json_loadb(text, len, 0, NULL);
    const json_t *error;

    if (!json_is_object(doc))
        return 0;
    error = json_object_get(doc, "error");
    if (error) {
        take_error(error, err);
        return 1;
    }
    if (helper->line)
        helper->line(doc, helper->opaque);
    return 0;
}

/* Until the child has said something, or has ended. */
static void wait_for_line(const struct hx_helper *helper, int fd, pid_t pid)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };

    while (poll(&poller, 1, OVER_MS) == 0) {
        if (helper->is_over(helper->opaque))
            kill(pid, SIGTERM);
    }
}

/* Reads lines until the child closes its end; 1 when one was an error. */
static int read_lines(const struct hx_helper *helper, int fd, pid_t pid,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf buf = HX_BUF_INIT(LINE_MAX_BYTES);
    char chunk[4096];
    int failed = 0;

    for (;;) {
        char *start, *end;
        ssize_t n;

        if (helper->is_over)
            wait_for_line(helper, fd, pid);
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed;
        /* A line that is too long is dropped; none of ours is. */
        if (hx_buf_add(&buf, chunk, (size_t)n) < 0) {
            hx_buf_clear(&buf);
            continue;
        }
        start = buf.data;
        while (
            (end = memchr(start, '\n', buf.len - (size_t)(start - buf.data)))) {
            failed |= take_line(helper, start, (size_t)(end - start), err);
            start = end + 1;
        }
        buf.len -= (size_t)(start - buf.data);
        memmove(buf.data, start, buf.len);
    }
}

/* How the child ended, when it left no error of its own. */
static int explain(const struct hx_helper *helper, const char *path, int status,
                   int errors, struct hx_err *err)
{
    char words[200] = "";
    ssize_t n = pread(errors, words, sizeof(words) - 1, 0);

    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    if (WIFSIGNALED(status)) {
        int signum = WTERMSIG(status);

        if (signum == SIGINT || signum == SIGTERM || signum == SIGHUP)
            return hx_err_set(err, HX_ERR_INTERRUPTED, "%s: interrupted",
                              helper->program);
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "%s was killed by signal %d (%s)%s%s", path, signum,
                          strsignal(signum), *words ? ": " : "", words);
    }
    if (WEXITSTATUS(status) == 127)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "%s could not be started%s%s; is xl-hyper installed "
                          "whole?",
                          path, *words ? ": " : "", words);
    return hx_err_set(err, HX_ERR_SYSTEM, "%s failed with status %d%s%s", path,
                      WEXITSTATUS(status), *words ? ": " : "", words);
}

static int await(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) {
        /* Without a status (the caller ignores SIGCHLD) the lines decide. */
        if (errno != EINTR)
            return 0;
    }
    return status;
}

int hx_helper_run(const struct hx_helper *helper, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_helper_path(helper->program);
    _cleanup_strv_ char **argv = NULL;
    _cleanup_(close_pipes) struct pipes p;
    struct hx_err unseen;
    int failed, status;
    pid_t pid;

    if (!err)
        err = &unseen;
    if (open_pipes(&p, helper->input) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting %s",
                          helper->program);
    if (!path || hx_strv_add(&argv, helper->program) < 0 ||
        hx_strv_add_all(&argv, helper->args) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting %s",
                          helper->program);
    pid = start(helper, path, argv, &p);
    if (pid < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting %s", path);
    close(p.out[1]);
    p.out[1] = -1;
    failed = read_lines(helper, p.out[0], pid, err);
    status = await(pid);
    if (failed)
        return -(int)err->code;
    return status == 0 ? 0 : explain(helper, path, status, p.errors, err);
}
