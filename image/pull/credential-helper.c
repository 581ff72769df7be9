/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/credential-helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/base/clock.h"
#include "image/base/file.h"
#include "image/base/json.h"

#define PREFIX           "docker-credential-"
#define NAME_MAX_BYTES   64
#define SERVER_MAX_BYTES 1024
#define ANSWER_MAX_BYTES ((size_t)64 << 10)
#define POLL_MS          5
#define USUAL_PATH                                                             \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct run {
    char what[sizeof(PREFIX) + NAME_MAX_BYTES];
    char *path;
    pid_t pid;
    int64_t until_ms;
    struct hx_buf answer;
};

int hx_credential_helper_check(const char *name, const char *what,
                               struct hx_err *err)
{
    size_t len = strlen(name);

    if (len > 0 && len <= NAME_MAX_BYTES && *name != '.' &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789._-") == len)
        return 0;
    return hx_err_set(err, HX_ERR_USAGE,
                      "%s: '%.64s' cannot name a credential helper; write "
                      "what follows docker-credential- in its program's name",
                      what, name);
}

/* The program in PATH; folders that are not absolute are passed over. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");

    if (!path || !*path)
        path = USUAL_PATH;
    while (*path) {
        size_t len = strcspn(path, ":");
        char *file = NULL;
        struct stat st;

        if (*path == '/' &&
            asprintf(&file, "%.*s/%s", (int)len, path, name) < 0)
            return NULL;
        if (*path == '/' && stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
            access(file, X_OK) == 0)
            return file;
        free(file);
        path += len + (path[len] == ':');
    }
    return NULL;
}

/* In the child, after fork: async-signal-safe calls only. */
_Noreturn static void child(const char *path, char *const *argv, int input,
                            int output, pid_t parent)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    sigset_t none;

    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(null, 2) == 2 &&
        close_range(3, ~0U, 0) == 0 && getppid() == parent)
        execv(path, argv);
    _exit(127);
}

/* Its input fits into the pipe: nothing blocks, though nobody reads yet. */
static int start(struct run *run, const char *server, int *output_r)
{
    char word[] = "get", *argv[] = { run->what, word, NULL };
    _cleanup_close_ int from = -1, to = -1, input = -1, output = -1;
    pid_t parent = getpid();
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0)
        return -1;
    input = in[0];
    to = in[1];
    if (pipe2(out, O_CLOEXEC) < 0)
        return -1;
    from = out[0];
    output = out[1];
    if (hx_write_all(to, server, strlen(server)) < 0)
        return -1;
    run->pid = fork();
    if (run->pid == 0)
        child(run->path, argv, input, output, parent);
    if (run->pid < 0)
        return -1;
    setpgid(run->pid, run->pid);
    *output_r = hx_steal_fd(&from);
    return 0;
}

static int too_slow(const struct run *run, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_AUTH,
                      "%s gave no answer in time, and was ended", run->what);
}

/* All of its answer, until it closes its end. */
static int read_answer(struct run *run, int fd, struct hx_err *err)
{
    char chunk[4096];
    int rc = 0;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left_ms = run->until_ms - hx_clock_monotonic_ms();
        ssize_t n;

        if (left_ms <= 0) {
            rc = too_slow(run, err);
            break;
        }
        if (poll(&p, 1, (int)left_ms) <= 0)
            continue;
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (hx_buf_add(&run->answer, chunk, (size_t)n) < 0) {
            rc = hx_err_set(err, HX_ERR_LIMIT,
                            "%s answered with more than %zu KiB", run->what,
                            ANSWER_MAX_BYTES >> 10);
            break;
        }
    }
    explicit_bzero(chunk, sizeof(chunk));
    return rc;
}

/*
 * Its end, and that of all it has started: its group is killed while its
 * process is there, so that the number cannot be another's.
 */
static int await(struct run *run, int rc, int *status_r, struct hx_err *err)
{
    static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    siginfo_t info = { 0 };

    while (rc == 0) {
        if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOWAIT | WNOHANG) <
                0 ||
            info.si_pid == run->pid)
            break;
        if (hx_clock_monotonic_ms() >= run->until_ms)
            rc = too_slow(run, err);
        else
            nanosleep(&pause, NULL);
    }
    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, status_r, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

int hx_credential_helper_parse(const char *data, size_t len, const char *what,
                               struct hx_credentials *found_r,
                               struct hx_err *err)
{
    const char *user = NULL, *secret = NULL;
    struct hx_credentials found = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = hx_json_str(doc, "Username", what, HX_JSON_REQUIRED, &user, err);
    if (rc == 0)
        rc = hx_json_str(doc, "Secret", what, HX_JSON_REQUIRED, &secret, err);
    if (rc < 0 || (!*user && !*secret))
        return rc;
    if (strcmp(user, "<token>") == 0) {
        found.identity_token = strdup(secret);
    } else {
        found.user = strdup(user);
        found.password = strdup(secret);
    }
    if (!found.identity_token && (!found.user || !found.password)) {
        hx_credentials_release(&found);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    }
    *found_r = found;
    return 0;
}

/* What it says when it failed; docker's helpers say so on standard output. */
static int explain(const struct run *run, int status, struct hx_err *err)
{
    const char *words = run->answer.data ? run->answer.data : "";
    int len = (int)strcspn(words, "\r\n");

    if (strncmp(words, "credentials not found", 21) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return hx_err_set(err, HX_ERR_AUTH, "%s was killed by signal %d",
                          run->what, WTERMSIG(status));
    return hx_err_set(err, HX_ERR_AUTH, "%s failed with status %d%s%.*s",
                      run->what, WEXITSTATUS(status), len ? ": " : "",
                      len > 200 ? 200 : len, words);
}

static int ask(struct run *run, const char *server,
               struct hx_credentials *found_r, struct hx_err *err)
{
    _cleanup_close_ int output = -1;
    int status = 0, rc;

    if (start(run, server, &output) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "starting %s", run->path);
    rc = read_answer(run, output, err);
    rc = await(run, rc, &status, err);
    if (rc < 0)
        return rc;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return explain(run, status, err);
    return hx_credential_helper_parse(run->answer.data ? run->answer.data : "",
                                      run->answer.len, run->what, found_r, err);
}

int hx_credential_helper_get(const char *name, const char *server,
                             long timeout_ms, struct hx_credentials *found_r,
                             struct hx_err *err)
{
    struct run run = { .until_ms = hx_clock_monotonic_ms() + timeout_ms,
                       .answer = HX_BUF_INIT(ANSWER_MAX_BYTES) };
    int rc = hx_credential_helper_check(name, "credential helper", err);

    if (rc < 0)
        return rc;
    if (strlen(server) > SERVER_MAX_BYTES)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s%s: the registry's name is too "
                          "long",
                          PREFIX, name);
    snprintf(run.what, sizeof(run.what), PREFIX "%s", name);
    run.path = find_program(run.what);
    if (!run.path)
        return hx_err_set(err, HX_ERR_AUTH,
                          "%s is not in PATH; install it, or log in with 'xl "
                          "hyper-login'",
                          run.what);
    rc = ask(&run, server, found_r, err);
    free(run.path);
    if (run.answer.data)
        explicit_bzero(run.answer.data, run.answer.len);
    hx_buf_release(&run.answer);
    return rc;
}
