/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/walls/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/base/rest.h"
#include "image/walls/filter.h"

#define MIB (UINT64_C(1) << 20)
/* What a thread's stack takes of RLIMIT_DATA, and what the C library reserves
 * for its allocations, which only RLIMIT_AS counts. */
#define STACK_BYTES (8 * MIB)
#define ARENA_BYTES (192 * MIB)
/* Libraries, and maps that cost no memory but their page tables. */
#define SPARE_BYTES (512 * MIB)
#define PROCESSES   128

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static int fail(const struct hx_walls *walls, const char *what,
                struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking '%s' in: %s",
                      walls->program, what);
}

/* -- namespaces ----------------------------------------------------------- */

/* An empty folder in place of all files.  Nothing is undone when a step cannot
 * be had: what was done takes from this process alone. */
static void empty_root(void)
{
    const unsigned long flags =
        MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/tmp", "tmpfs", flags, "size=4k,mode=500") < 0 ||
        chdir("/tmp") < 0)
        return;
    /* A root that came with the kernel, or that chroot made, cannot be left
     * behind; without capabilities there is no way back to it all the same. */
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        umount2(".", MNT_DETACH);
    else if (chroot(".") < 0)
        return;
    (void)!chdir("/");
}

/* One by one, since a kernel may lack some. */
static void leave_namespaces(void)
{
    static const int others[] = { CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
                                  CLONE_NEWCGROUP };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        unshare(others[i]);
    if (unshare(CLONE_NEWNS) == 0)
        empty_root();
}

/* -- the user ------------------------------------------------------------- */

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    const struct __user_cap_data_struct none[2] = { 0 };

    return (int)syscall(SYS_capset, &header, none);
}

static int set_user(uid_t id)
{
    return setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -1 : 0;
}

/* Root of a user namespace may have no such user to become. */
static int drop_user(const struct hx_walls *walls, uid_t id, struct hx_err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(walls, "no_new_privs", err);
    for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
        ;
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || set_user(id) < 0) &&
        errno != EPERM && errno != EINVAL)
        return fail(walls, "its user", err);
    if (drop_capabilities() < 0)
        return fail(walls, "capabilities", err);
    return 0;
}

/* -- descriptors and limits ----------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return x < y ? -1 : x > y;
}

/* All but 1, 2 and those given. */
static int close_others(const struct hx_walls *walls, struct hx_err *err)
{
    int *kept = calloc(walls->fd_count + 1, sizeof(*kept));
    unsigned next = 3;

    if (!kept)
        return fail(walls, "descriptors", err);
    memcpy(kept, walls->fds, walls->fd_count * sizeof(*kept));
    qsort(kept, walls->fd_count, sizeof(*kept), by_number);
    for (size_t i = 0; i < walls->fd_count; i++) {
        unsigned fd = (unsigned)kept[i];

        if (fd > next)
            close_range(next, fd - 1, 0);
        if (fd >= next)
            next = fd + 1;
    }
    free(kept);
    close(STDIN_FILENO);
    close_range(next, ~0U, 0);
    return 0;
}

/* Soft and hard are one: the first process of a namespace ignores SIGXCPU and
 * SIGXFSZ.  A bound that is lower already stays. */
static int limit(int resource, uint64_t value)
{
    struct rlimit both;

    if (getrlimit((unsigned)resource, &both) < 0)
        return -1;
    if (both.rlim_max > value)
        both.rlim_max = value;
    both.rlim_cur = both.rlim_max;
    return setrlimit((unsigned)resource, &both);
}

static int set_limits(const struct hx_walls *walls, struct hx_err *err)
{
    uint64_t data = walls->memory_bytes + (walls->threads + 1) * STACK_BYTES;
    uint64_t space = data + (walls->threads + 1) * ARENA_BYTES + SPARE_BYTES;

    signal(SIGXFSZ, SIG_IGN); /* a write says EFBIG then */
    if (limit(RLIMIT_DATA, data) < 0 || limit(RLIMIT_AS, space) < 0 ||
        limit(RLIMIT_CPU, walls->cpu_s) < 0 ||
        limit(RLIMIT_FSIZE, walls->file_bytes) < 0 ||
        limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, 0) < 0)
        return fail(walls, "limits", err);
    /* Counted by user: of another's processes we know nothing. */
    if (getuid() >= HX_WALLS_UID_FIRST &&
        getuid() < HX_WALLS_UID_FIRST + HX_WALLS_UID_COUNT &&
        limit(RLIMIT_NPROC, PROCESSES) < 0)
        return fail(walls, "limits", err);
    return 0;
}

/* -- the child ------------------------------------------------------------ */

/* `warden` is a pipe whose other end the caller has; it says nothing until it
 * is gone. */
static int die_with(const struct hx_walls *walls, int warden,
                    struct hx_err *err)
{
    char byte;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return fail(walls, "its parent's death", err);
    if (read(warden, &byte, 1) < 0 && errno == EAGAIN)
        return 0;
    _exit(1);
}

static int go_behind(const struct hx_walls *walls, uid_t id, int warden,
                     struct hx_err *err)
{
    int rc;

    leave_namespaces();
    rc = drop_user(walls, id, err);
    /* After the user, whose change takes both back. */
    if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        rc = fail(walls, "memory", err);
    if (rc == 0)
        rc = die_with(walls, warden, err);
    if (rc == 0)
        rc = close_others(walls, err);
    if (rc == 0)
        rc = set_limits(walls, err);
    return rc == 0 ? hx_walls_filter(walls, err) : rc;
}

pid_t hx_walls_confine(const struct hx_walls *walls, struct hx_err *err)
{
    uid_t id = HX_WALLS_UID_FIRST + (uid_t)getpid() % HX_WALLS_UID_COUNT;
    int warden[2];
    pid_t pid;

    if (SANITIZED)
        return 0;
    if (pipe2(warden, O_CLOEXEC | O_NONBLOCK) < 0)
        return fail(walls, "a pipe", err);
    /* It is the next child that gets the new one; and a user who is not root
     * needs his own namespace of users for all others. */
    if (unshare(CLONE_NEWPID) < 0)
        (void)!unshare(CLONE_NEWUSER | CLONE_NEWPID);
    pid = fork();
    if (pid < 0)
        return fail(walls, "its process", err);
    close(warden[pid == 0]);
    if (pid > 0)
        return pid; /* warden[1] is closed by our end */
    return go_behind(walls, id, warden[0], err);
}

/* -- how it ended --------------------------------------------------------- */

static int out_of_time(const struct hx_walls *walls, const struct rusage *usage)
{
    return usage->ru_utime.tv_sec + usage->ru_stime.tv_sec + 1 >=
           (time_t)walls->cpu_s;
}

static int explain(int signum, const struct hx_walls *walls,
                   const struct rusage *usage, struct hx_err *err)
{
    const char *program = walls->program;

    if (signum == SIGKILL && out_of_time(walls, usage))
        return hx_err_set(err, HX_ERR_LIMIT,
                          "'%s' was ended because it used more than %u s of "
                          "processor time",
                          program, walls->cpu_s);
    if (signum == SIGKILL)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "'%s' was killed from outside, perhaps because the "
                          "host has no memory left; try again",
                          program);
    if (signum == SIGSYS)
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "'%s' was ended because it made a system call that "
                          "is forbidden to it; do not trust the %s, and "
                          "report it",
                          program, walls->source);
    return hx_err_set(err, HX_ERR_SYSTEM,
                      "'%s' crashed (signal %d, %s); do not trust the %s, and "
                      "report it",
                      program, signum, strsignal(signum), walls->source);
}

int hx_walls_await(pid_t pid, const struct hx_walls *walls, struct hx_err *err)
{
    struct rusage usage;
    int status;

    hx_rest();
    while (wait4(pid, &status, 0, &usage) < 0) {
        if (errno != EINTR)
            return fail(walls, "waiting for it", err);
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return explain(WTERMSIG(status), walls, &usage, err);
}

void hx_walls_name(const struct hx_walls *walls, struct hx_err *err)
{
    if (err->sys == ENOMEM)
        hx_err_set(err, HX_ERR_LIMIT,
                   "'%s' was ended because it got no more memory, of which it "
                   "may use %llu MiB",
                   walls->program,
                   (unsigned long long)(walls->memory_bytes / MIB));
    if (err->sys == EFBIG)
        hx_err_set(err, HX_ERR_LIMIT,
                   "'%s' was ended because it wrote more than %llu MiB",
                   walls->program,
                   (unsigned long long)(walls->file_bytes / MIB));
}
