/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pod looked after by xl-hyper, whose `inspect` does that and says what
 * came of it. */
#include "xl-plugin/tend.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "image/base/file.h"
#include "image/base/json.h"

#define ANSWER_MAX ((size_t)4 << 20)

static const char program[] = HX_SBINDIR "/xl-hyper";

/* Runs it, its words going into two memory files; its exit status. */
static int run_inspect(const char *name, int out, int said, struct hx_err *err)
{
    char *const args[] = { (char *)program, (char *)"inspect", (char *)"--",
                           (char *)name, NULL };
    posix_spawn_file_actions_t actions;
    int status = 0, r;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, said, 2);
    r = posix_spawn(&pid, program, &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r)
        return hx_err_sys(err, HX_ERR_SYSTEM, r, "running %s", program);
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "waiting for %s",
                              program);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int read_all(int fd, struct hx_buf *text, struct hx_err *err)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return hx_file_read(path, ANSWER_MAX, text, err);
}

/* Its complaint, without the name that ours will begin with. */
static int failed(int said, struct hx_err *err)
{
    static const char prefix[] = "xl-hyper: ";
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    const char *line;

    if (read_all(said, &text, NULL) < 0 || !text.len)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "looking after the pod: %s failed", program);
    line = text.data;
    if (strncmp(line, prefix, sizeof(prefix) - 1) == 0)
        line += sizeof(prefix) - 1;
    return hx_err_set(err, HX_ERR_NOT_FOUND, "%.*s", (int)strcspn(line, "\n"),
                      line);
}

static int read_answer(const char *name, int out, char uuid_r[],
                       struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    _cleanup_json_ json_t *doc = NULL;
    const char *id = NULL, *reason = NULL;
    int running = 0, code = 0;
    int r = read_all(out, &text, err);

    if (r < 0)
        return r;
    doc = json_loadb(text.data ? text.data : "", text.len, 0, NULL);
    if (json_unpack(doc, "[{s:s, s:{s:b, s:i, s:s}}]", "Id", &id, "State",
                    "Running", &running, "ExitCode", &code, "Error",
                    &reason) < 0 ||
        strlen(id) != HX_POD_UUID_TEXT - 1)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "looking after the pod %s: %s said nothing of use",
                          name, program);
    if (!running)
        return hx_tend_ended(name, reason, code, err);
    memcpy(uuid_r, id, HX_POD_UUID_TEXT);
    return 0;
}

int hx_tend(const char *name, char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    _cleanup_close_ int out = memfd_create("inspect", MFD_CLOEXEC);
    _cleanup_close_ int said = memfd_create("complaints", MFD_CLOEXEC);
    int r;

    if (out < 0 || said < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "looking after the pod %s",
                          name);
    r = run_inspect(name, out, said, err);
    if (r < 0)
        return r;
    return r == 0 ? read_answer(name, out, uuid_r, err) : failed(said, err);
}
