/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walls around a conversion, each tried from inside: a child goes behind
 * them and does what is forbidden, and its warden tells how it ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/base/cleanup.h"
#include "image/walls/walls.h"
#include "tests/unit/unit.h"

#define MIB      (1u << 20)
#define FILE_MAX (8u * MIB)

/* Open before the walls are there: the layer and the output are given, the
 * other is not. */
static int layer, output, other;
static struct hx_walls walls;
static pid_t parent; /* the warden */

/* What a warden says of its child. */
struct end {
    int status; /* its exit status, or negative */
    struct hx_err err;
};

/* Sanitizers need what is forbidden, so there are no walls with them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static int setup(void **state)
{
    static int fds[2];

    (void)state;
    layer = open("/etc/passwd", O_RDONLY);
    other = open("/etc/passwd", O_RDONLY);
    output = memfd_create("disk", 0);
    fds[0] = output; /* in no order */
    fds[1] = layer;
    walls = (struct hx_walls){ .program = "mkroot",
                               .source = "image",
                               .fds = fds,
                               .fd_count = 2,
                               .output_fd = output,
                               .threads = 1,
                               .memory_bytes = 64 * MIB,
                               .file_bytes = FILE_MAX,
                               .cpu_s = 5 };
    return layer < 0 || other < 0 || output < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    close(layer);
    close(other);
    close(output);
    return 0;
}

/* In a process of its own, which becomes the warden. */
static void warden(int (*attempt)(void), int out)
{
    struct end end = { 0 };
    pid_t pid;

    signal(SIGSEGV, SIG_DFL); /* cmocka has its own */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    hx_err_clear(&end.err);
    parent = getpid();
    pid = hx_walls_confine(&walls, &end.err);
    if (pid == 0)
        _exit(attempt());
    if (pid < 0)
        end.status = (int)pid;
    else
        end.status = hx_walls_await(pid, &walls, &end.err);
    (void)!write(out, &end, sizeof(end));
    _exit(0);
}

static struct end try(int (*attempt)(void))
{
    struct end end = { .status = -1000 };
    int out[2];
    pid_t pid;

    if (SANITIZED)
        skip();
    assert_int_equal(pipe(out), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        warden(attempt, out[1]);
    close(out[1]);
    assert_int_equal(read(out[0], &end, sizeof(end)), sizeof(end));
    close(out[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return end;
}

/* -- what a conversion needs ---------------------------------------------- */

static void *add_one(void *arg)
{
    ++*(int *)arg;
    return NULL;
}

static int do_its_work(void)
{
    char *memory = malloc(8 * MIB), byte;
    pthread_t thread;
    int n = 0;

    if (!memory || pread(layer, &byte, 1, 0) != 1 ||
        pwrite(output, "x", 1, 0) != 1 || ftruncate(output, 4096) < 0)
        return 1;
    if (pthread_create(&thread, NULL, add_one, &n) != 0 ||
        pthread_join(thread, NULL) != 0 || n != 1)
        return 2;
    if (write(STDOUT_FILENO, "", 0) != 0 || write(STDERR_FILENO, "", 0) != 0)
        return 3;
    free(memory);
    return 42;
}

static void test_it_can_do_its_work(void **state)
{
    struct end end = try(do_its_work);
    struct stat st;

    (void)state;
    if (end.status != 42)
        fail_msg("status %d: %s", end.status, end.err.msg);
    assert_int_equal(fstat(output, &st), 0);
    assert_int_equal(st.st_size, 4096);
}

/* -- system calls --------------------------------------------------------- */

#define CALL(name, ...)                                                        \
    static int name(void)                                                      \
    {                                                                          \
        syscall(__VA_ARGS__);                                                  \
        return 0;                                                              \
    }

CALL(do_open, SYS_open, "/etc/passwd", O_RDONLY)
CALL(do_openat, SYS_openat, AT_FDCWD, "/", O_RDONLY)
CALL(do_openat2, 437, AT_FDCWD, "/", NULL, 0)
CALL(do_creat, SYS_creat, "/x", 0600)
CALL(do_open_by_handle, SYS_open_by_handle_at, 0, NULL, 0)
CALL(do_stat, SYS_newfstatat, AT_FDCWD, "/etc/passwd", NULL, 0)
CALL(do_unlink, SYS_unlink, "/x")
CALL(do_mkdir, SYS_mkdir, "/x", 0700)
CALL(do_mknod, SYS_mknod, "/x", S_IFREG, 0)
CALL(do_rename, SYS_rename, "/x", "/y")
CALL(do_chmod, SYS_fchmod, output, 04777)
CALL(do_chdir, SYS_chdir, "/")
CALL(do_socket, SYS_socket, AF_INET, SOCK_STREAM, 0)
CALL(do_socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL)
CALL(do_pipe, SYS_pipe2, NULL, 0)
CALL(do_memfd, SYS_memfd_create, "x", 0)
CALL(do_dup, SYS_dup, layer)
CALL(do_fcntl, SYS_fcntl, layer, F_DUPFD, 0)
CALL(do_ioctl, SYS_ioctl, STDOUT_FILENO, 0x5412 /* TIOCSTI */, "x")
CALL(do_read, SYS_read, layer, NULL, 0)
CALL(do_write_layer, SYS_write, layer, "x", 1)
CALL(do_pwrite_layer, SYS_pwrite64, layer, "x", 1, 0)
CALL(do_pwrite_stdout, SYS_pwrite64, STDOUT_FILENO, "x", 1, 0)
CALL(do_truncate_layer, SYS_ftruncate, layer, 0)
CALL(do_fallocate, SYS_fallocate, output, 0, 0, MIB)
CALL(do_sendfile, SYS_sendfile, output, layer, NULL, 1)
CALL(do_fork, SYS_fork)
CALL(do_vfork, SYS_vfork)
CALL(do_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
CALL(do_clone_namespace, SYS_clone, CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0, 0)
CALL(do_exec, SYS_execve, "/bin/true", NULL, NULL)
CALL(do_execveat, SYS_execveat, layer, "", NULL, NULL, AT_EMPTY_PATH)
CALL(do_kill_parent, SYS_kill, parent, SIGKILL)
CALL(do_kill_all, SYS_kill, -1, SIGKILL)
CALL(do_kill_thread, SYS_tgkill, getpid() + 1, getpid() + 1, SIGKILL)
CALL(do_ptrace, SYS_ptrace, PTRACE_ATTACH, 1, NULL, NULL)
CALL(do_read_process, SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0)
CALL(do_write_process, SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0)
CALL(do_pidfd, SYS_pidfd_open, 1, 0)
CALL(do_setuid, SYS_setuid, 0)
CALL(do_setresuid, SYS_setresuid, 0, 0, 0)
CALL(do_setgroups, SYS_setgroups, 0, NULL)
CALL(do_capset, SYS_capset, NULL, NULL)
CALL(do_prctl, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
CALL(do_prlimit, SYS_prlimit64, 0, RLIMIT_CORE, NULL, NULL)
CALL(do_mount, SYS_mount, "none", "/", "tmpfs", 0, NULL)
CALL(do_umount, SYS_umount2, "/", MNT_DETACH)
CALL(do_chroot, SYS_chroot, "/")
CALL(do_pivot, SYS_pivot_root, ".", ".")
CALL(do_unshare, SYS_unshare, CLONE_NEWUSER)
CALL(do_setns, SYS_setns, layer, 0)
CALL(do_module, SYS_init_module, NULL, 0, "")
CALL(do_bpf, SYS_bpf, 0, NULL, 0)
CALL(do_perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
CALL(do_io_uring, SYS_io_uring_setup, 1, NULL)
CALL(do_userfaultfd, SYS_userfaultfd, 0)
CALL(do_keyctl, SYS_keyctl, 0, 0, 0, 0, 0)
CALL(do_shmget, SYS_shmget, 0, 4096, 0600)
CALL(do_reboot, SYS_reboot, 0, 0, 0, NULL)
CALL(do_clock, SYS_clock_settime, CLOCK_REALTIME, NULL)
CALL(do_shared_memory, SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANON,
     -1, 0)
CALL(do_map_code, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
     MAP_PRIVATE | MAP_ANON, -1, 0)
CALL(do_make_code, SYS_mprotect, NULL, 4096, PROT_READ | PROT_EXEC)
CALL(do_x32, 0x40000000 | SYS_getpid)
CALL(do_unknown, 100000)

/* 32-bit calls have numbers of their own: 20 is getpid. */
static int do_i386(void)
{
    int r = 20;

    __asm__ volatile("int $0x80" : "+a"(r) : : "memory");
    return 0;
}

static void test_forbidden_calls_end_it(void **state)
{
    static const struct {
        const char *name;
        int (*attempt)(void);
    } table[] = {
#define ROW(name) { #name, name }
        ROW(do_open),
        ROW(do_openat),
        ROW(do_openat2),
        ROW(do_creat),
        ROW(do_open_by_handle),
        ROW(do_stat),
        ROW(do_unlink),
        ROW(do_mkdir),
        ROW(do_mknod),
        ROW(do_rename),
        ROW(do_chmod),
        ROW(do_chdir),
        ROW(do_socket),
        ROW(do_socketpair),
        ROW(do_pipe),
        ROW(do_memfd),
        ROW(do_dup),
        ROW(do_fcntl),
        ROW(do_ioctl),
        ROW(do_read),
        ROW(do_write_layer),
        ROW(do_pwrite_layer),
        ROW(do_pwrite_stdout),
        ROW(do_truncate_layer),
        ROW(do_fallocate),
        ROW(do_sendfile),
        ROW(do_fork),
        ROW(do_vfork),
        ROW(do_clone),
        ROW(do_clone_namespace),
        ROW(do_exec),
        ROW(do_execveat),
        ROW(do_kill_parent),
        ROW(do_kill_all),
        ROW(do_kill_thread),
        ROW(do_ptrace),
        ROW(do_read_process),
        ROW(do_write_process),
        ROW(do_pidfd),
        ROW(do_setuid),
        ROW(do_setresuid),
        ROW(do_setgroups),
        ROW(do_capset),
        ROW(do_prctl),
        ROW(do_prlimit),
        ROW(do_mount),
        ROW(do_umount),
        ROW(do_chroot),
        ROW(do_pivot),
        ROW(do_unshare),
        ROW(do_setns),
        ROW(do_module),
        ROW(do_bpf),
        ROW(do_perf),
        ROW(do_io_uring),
        ROW(do_userfaultfd),
        ROW(do_keyctl),
        ROW(do_shmget),
        ROW(do_reboot),
        ROW(do_clock),
        ROW(do_shared_memory),
        ROW(do_map_code),
        ROW(do_make_code),
        ROW(do_x32),
        ROW(do_unknown),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct end end = try(table[i].attempt);

        if (end.status != -HX_ERR_SYSTEM ||
            !strstr(end.err.msg, "a system call that is forbidden to it"))
            fail_msg("%s: status %d: %s", table[i].name, end.status,
                     end.err.msg);
    }
}

/* A kernel may do without 32-bit calls: the instruction is then a fault. */
static void test_calls_of_32_bits_end_it(void **state)
{
    struct end end = try(do_i386);

    (void)state;
    assert_int_equal(end.status, -HX_ERR_SYSTEM);
    if (!strstr(end.err.msg, "that is forbidden to it") &&
        !strstr(end.err.msg, "crashed (signal 11"))
        fail_msg("%s", end.err.msg);
}

/* -- descriptors ---------------------------------------------------------- */

static int read_other(void)
{
    char byte;

    return pread(other, &byte, 1, 0) < 0 && errno == EBADF ? 42 : 1;
}

static void test_other_descriptors_are_closed(void **state)
{
    (void)state;
    assert_int_equal(try(read_other).status, 42);
}

/* -- limits --------------------------------------------------------------- */

/* MiB that are had, in pieces; more than 200 of them is beyond all doubt. */
static int take_memory(void)
{
    int mib = 0;
    char *piece;

    while (mib < 200 && (piece = malloc(MIB))) {
        memset(piece, 1, MIB);
        mib++;
    }
    return mib;
}

static int take_at_once(void)
{
    return malloc(1000ul * MIB) ? 1 : errno == ENOMEM ? 42 : 2;
}

/* Memory that nobody writes to costs page tables. */
static int take_space(void)
{
    int gib = 0;

    while (gib < 100 && mmap(NULL, 1024ul * MIB, PROT_READ,
                             MAP_PRIVATE | MAP_ANON, -1, 0) != MAP_FAILED)
        gib++;
    return gib;
}

static void test_memory(void **state)
{
    struct hx_err err;

    (void)state;
    assert_in_range(try(take_memory).status, 48, 96);
    assert_int_equal(try(take_at_once).status, 42);
    assert_in_range(try(take_space).status, 0, 2);
    hx_err_sys(&err, HX_ERR_SYSTEM, ENOMEM, "keeping the file tree");
    hx_walls_name(&walls, &err);
    assert_int_equal(err.code, HX_ERR_LIMIT);
    assert_string_equal(err.msg,
                        "'mkroot' was ended because it got no more memory, of "
                        "which it may use 64 MiB");
}

static int spin(void)
{
    volatile unsigned i = 0;

    do
        i++;
    while (getpid() > 0);
    return (int)i;
}

static void test_processor_time(void **state)
{
    struct end end;

    (void)state;
    walls.cpu_s = 1;
    end = try(spin);
    assert_int_equal(end.status, -HX_ERR_LIMIT);
    assert_string_equal(end.err.msg,
                        "'mkroot' was ended because it used more than 1 s of "
                        "processor time");
}

static int write_too_much(void)
{
    return pwrite(output, "xy", 2, FILE_MAX - 1) != 1 ? 1
           : pwrite(output, "x", 1, FILE_MAX) >= 0    ? 2
           : errno != EFBIG                           ? 3
           : ftruncate(output, FILE_MAX + 1) == 0     ? 4
           : errno != EFBIG                           ? 5
                                                      : 42;
}

static void test_file_size(void **state)
{
    struct hx_err err;
    struct stat st;

    (void)state;
    assert_int_equal(try(write_too_much).status, 42);
    assert_int_equal(fstat(output, &st), 0);
    assert_int_equal(st.st_size, FILE_MAX);
    hx_err_sys(&err, HX_ERR_SYSTEM, EFBIG, "writing the root disk");
    hx_walls_name(&walls, &err);
    assert_int_equal(err.code, HX_ERR_LIMIT);
    assert_string_equal(err.msg,
                        "'mkroot' was ended because it wrote more than 8 MiB");
}

static void test_other_errors_stay(void **state)
{
    struct hx_err err;

    (void)state;
    hx_err_sys(&err, HX_ERR_SYSTEM, ENOSPC, "writing the root disk");
    hx_walls_name(&walls, &err);
    assert_int_equal(err.code, HX_ERR_NO_SPACE);
    assert_non_null(strstr(err.msg, "writing the root disk"));
}

/* -- how else it may end -------------------------------------------------- */

static int crash(void)
{
    char *volatile nowhere = NULL;

    return *nowhere;
}

static int give_up(void)
{
    abort();
}

static void test_crashes(void **state)
{
    struct end end = try(crash);

    (void)state;
    assert_int_equal(end.status, -HX_ERR_SYSTEM);
    assert_non_null(strstr(end.err.msg, "crashed (signal 11"));
    end = try(give_up);
    assert_int_equal(end.status, -HX_ERR_SYSTEM);
    assert_non_null(strstr(end.err.msg, "crashed (signal"));
}

/* -- seen from outside ---------------------------------------------------- */

/* A child that waits behind its walls for ever. */
struct waiting {
    pid_t warden, child;
};

static int wait_for_ever(void)
{
    int word = 0;

    (void)!write(STDERR_FILENO, "", 0);
    do
        syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    while (word == 0);
    return 0;
}

static char *slurp(pid_t pid, const char *name)
{
    static char text[65536];
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    hx_cleanup_close(&fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static pid_t only_child(pid_t pid)
{
    char name[64];

    snprintf(name, sizeof(name), "task/%d/children", pid);
    return (pid_t)atoi(slurp(pid, name));
}

/* Returns when the child has its filter, at most 10 s. */
static struct waiting start_waiting(void)
{
    static const struct timespec pause = { .tv_nsec = 10000000 };
    struct waiting w = { 0 };

    if (SANITIZED)
        skip();
    w.warden = fork();
    assert_true(w.warden >= 0);
    if (w.warden == 0)
        warden(wait_for_ever, STDERR_FILENO);
    for (int i = 0; i < 1000; i++) {
        w.child = only_child(w.warden);
        if (w.child > 0 && strstr(slurp(w.child, "status"), "Seccomp:\t2"))
            return w;
        nanosleep(&pause, NULL);
    }
    fail_msg("no child behind its walls");
    return w;
}

static void stop_waiting(const struct waiting *w)
{
    static const struct timespec pause = { .tv_nsec = 10000000 };
    int gone = 0;

    kill(w->warden, SIGTERM);
    assert_int_equal(waitpid(w->warden, NULL, 0), w->warden);
    for (int i = 0; i < 1000 && !gone; i++) {
        gone = kill(w->child, 0) < 0 && errno == ESRCH;
        gone = gone || strstr(slurp(w->child, "stat"), ") Z ");
        nanosleep(&pause, NULL);
    }
    assert_true(gone);
}

static void test_it_ends_with_its_warden(void **state)
{
    struct waiting w = start_waiting();

    (void)state;
    stop_waiting(&w);
}

static void test_no_privileges(void **state)
{
    static const char *const lines[] = {
        "\nGroups:\t \n",
        "\nCapInh:\t0000000000000000\n",
        "\nCapPrm:\t0000000000000000\n",
        "\nCapEff:\t0000000000000000\n",
        "\nCapBnd:\t0000000000000000\n",
        "\nCapAmb:\t0000000000000000\n",
        "\nNoNewPrivs:\t1\n",
        "\nSeccomp:\t2\n",
    };
    struct waiting w = start_waiting();
    char *status = slurp(w.child, "status");
    unsigned uid[4] = { 0 }, gid[4] = { 0 };

    (void)state;
    if (geteuid() == 0) {
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
            if (!strstr(status, lines[i]))
                fail_msg("not '%s' in %s", lines[i], status);
        sscanf(strstr(status, "\nUid:"), "\nUid:\t%u\t%u\t%u\t%u", &uid[0],
               &uid[1], &uid[2], &uid[3]);
        sscanf(strstr(status, "\nGid:"), "\nGid:\t%u\t%u\t%u\t%u", &gid[0],
               &gid[1], &gid[2], &gid[3]);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(uid[i],
                             HX_WALLS_UID_FIRST +
                                 (unsigned)w.warden % HX_WALLS_UID_COUNT);
            assert_int_equal(gid[i], uid[i]);
        }
    }
    stop_waiting(&w);
}

/* The layer, the output, and standard output and error. */
static void test_four_descriptors(void **state)
{
    struct waiting w = { 0 };
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    char path[64];
    int count = 0;

    (void)state;
    if (geteuid() != 0)
        skip();
    w = start_waiting();
    snprintf(path, sizeof(path), "/proc/%d/fd", w.child);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += entry->d_name[0] != '.';
    assert_int_equal(count, 4);
    stop_waiting(&w);
}

static void expect_limit(const char *limits, const char *name, uint64_t max)
{
    const char *at = strstr(limits, name);
    unsigned long long soft = ~0ull, hard = ~0ull;

    assert_non_null(at);
    sscanf(at + strlen(name), "%llu %llu", &soft, &hard);
    if (soft > max || hard != soft)
        fail_msg("%s: %llu, %llu", name, soft, hard);
}

static void test_limits_are_set(void **state)
{
    struct waiting w = start_waiting();
    char *limits = slurp(w.child, "limits");

    (void)state;
    expect_limit(limits, "Max cpu time", 5);
    expect_limit(limits, "Max file size", FILE_MAX);
    expect_limit(limits, "Max data size", 128 * MIB);
    expect_limit(limits, "Max address space", 2048ull * MIB);
    expect_limit(limits, "Max core file size", 0);
    expect_limit(limits, "Max open files", 0);
    if (geteuid() == 0)
        expect_limit(limits, "Max processes", 128);
    stop_waiting(&w);
}

/* It sees no file, no network and no process but itself. */
static void test_namespaces(void **state)
{
    static const char *const names[] = { "net", "mnt", "pid",
                                         "ipc", "uts", "cgroup" };
    struct waiting w = { 0 };
    char path[64], *mounts;
    struct stat st;

    (void)state;
    if (geteuid() != 0)
        skip();
    w = start_waiting();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char ours[64] = "", theirs[64] = "";

        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        assert_true(readlink(path, ours, sizeof(ours) - 1) > 0);
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", w.child, names[i]);
        assert_true(readlink(path, theirs, sizeof(theirs) - 1) > 0);
        if (strcmp(ours, theirs) == 0)
            fail_msg("%s is ours", names[i]);
    }
    snprintf(path, sizeof(path), "/proc/%d/root/.", w.child);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(st.st_mode & 07777, 0500);
    snprintf(path, sizeof(path), "/proc/%d/root/x", w.child);
    assert_int_equal(mkdir(path, 0700), -1);
    assert_int_equal(errno, EROFS);
    /* One mount, and no interface but a loopback that is down. */
    mounts = slurp(w.child, "mountinfo");
    assert_non_null(strchr(mounts, '\n'));
    assert_string_equal(strchr(mounts, '\n'), "\n");
    assert_string_equal(slurp(w.child, "net/route"), "");
    stop_waiting(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_can_do_its_work),
        TEST(test_forbidden_calls_end_it),
        TEST(test_calls_of_32_bits_end_it),
        TEST(test_other_descriptors_are_closed),
        TEST(test_memory),
        TEST(test_processor_time),
        TEST(test_file_size),
        TEST(test_other_errors_stay),
        TEST(test_crashes),
        TEST(test_it_ends_with_its_warden),
        TEST(test_four_descriptors),
        TEST(test_no_privileges),
        TEST(test_limits_are_set),
        TEST(test_namespaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
