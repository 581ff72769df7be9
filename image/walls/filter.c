/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Written out here and not compiled by libseccomp: a few dozen rules need
 * neither a library in this process nor the time it takes to load.  Sources:
 * seccomp(2), and Documentation/userspace-api/seccomp_filter.rst of Linux.
 */
#include "image/walls/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(__NR_pread64 == 17, "the numbers are those of x86-64");

#define PROGRAM_MAX 256
#define NEW_NAMESPACES                                                         \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |             \
     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
/* Of mmap's flags: shared or private. */
#define MAP_TYPE_BITS 0x0f

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
};

/* (argument & mask) == value; of an argument its low half, which is all that
 * the kernel looks at in those we ask about. */
struct condition {
    unsigned argument;
    uint32_t mask, value;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true,
                uint8_t if_false)
{
    p->code[p->len++] = (struct sock_filter){ code, if_true, if_false, k };
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *p, uint32_t action)
{
    add(p, BPF_RET | BPF_K, action, 0, 0);
}

/* A call is allowed when all conditions hold; else the next rule is asked. */
static void allow_if(struct program *p, int number,
                     const struct condition *conditions, uint8_t count)
{
    uint8_t rest = (uint8_t)(3 * count + 1);

    load(p, offsetof(struct seccomp_data, nr));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, rest);
    for (uint8_t i = 0; i < count; i++) {
        rest = (uint8_t)(rest - 3);
        load(p, offsetof(struct seccomp_data, args) +
                    conditions[i].argument * sizeof(uint64_t));
        add(p, BPF_ALU | BPF_AND | BPF_K, conditions[i].mask, 0, 0);
        add(p, BPF_JMP | BPF_JEQ | BPF_K, conditions[i].value, 0, rest);
    }
    answer(p, SECCOMP_RET_ALLOW);
}

/* The first argument is this number. */
static void allow_for(struct program *p, int number, int first)
{
    const struct condition is = { 0, UINT32_MAX, (uint32_t)first };

    allow_if(p, number, &is, 1);
}

/* Other ABIs have other numbers; x32 shares the architecture's name. */
static void check_abi(struct program *p)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
}

static void allow_output(struct program *p, int output_fd)
{
    allow_for(p, __NR_pwrite64, output_fd);
    allow_for(p, __NR_ftruncate, output_fd);
    allow_for(p, __NR_write, STDOUT_FILENO);
    allow_for(p, __NR_write, STDERR_FILENO);
    allow_for(p, __NR_writev, STDERR_FILENO); /* the C library's last words */
}

/* Memory that is nobody else's, and never code.  What is shared would not
 * count for RLIMIT_DATA. */
static void allow_memory(struct program *p)
{
    static const struct condition map[] = {
        { 2, PROT_EXEC, 0 },
        { 3, MAP_TYPE_BITS, MAP_PRIVATE },
    };

    allow_if(p, __NR_mmap, map, 2);
    allow_if(p, __NR_mprotect, map, 1);
}

/* Threads and no processes.  clone3 has its flags where a filter cannot look;
 * the C library then takes clone. */
static void allow_threads(struct program *p)
{
    static const struct condition thread = { 0, CLONE_THREAD | NEW_NAMESPACES,
                                             CLONE_THREAD };

    allow_if(p, __NR_clone, &thread, 1);
    load(p, offsetof(struct seccomp_data, nr));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1);
    answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

static void build(struct program *p, const struct hx_walls *walls)
{
    static const int plain[] = {
        __NR_pread64,
        __NR_futex,
        __NR_madvise,
        __NR_munmap,
        __NR_mremap,
        __NR_brk,
        __NR_clock_gettime,
        __NR_gettimeofday,
        __NR_getrandom,
        __NR_sched_yield,
        __NR_set_robust_list,
        __NR_rseq,
        __NR_rt_sigprocmask,
        __NR_rt_sigaction,
        __NR_rt_sigreturn,
        __NR_restart_syscall,
        __NR_getpid,
        __NR_gettid,
        __NR_sched_getaffinity,
        __NR_exit,
        __NR_exit_group,
        __NR_sysinfo, /* qsort asks how large it may get */
    };

    check_abi(p);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        allow_if(p, plain[i], NULL, 0);
    allow_output(p, walls->output_fd);
    if (walls->pipe_fd)
        allow_for(p, __NR_read, walls->pipe_fd);
    allow_memory(p);
    allow_threads(p);
    allow_for(p, __NR_tgkill, getpid()); /* abort() */
    answer(p, SECCOMP_RET_KILL_PROCESS);
}

int hx_walls_filter(const struct hx_walls *walls, struct hx_err *err)
{
    struct program p = { .len = 0 };
    struct sock_fprog prog;

    build(&p, walls);
    prog = (struct sock_fprog){ p.len, p.code };
    /* Older kernels slow a filtered process down against Spectre, unless told
     * not to; nothing here runs a stranger's code. */
    if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) == 0 ||
        (errno == EINVAL &&
         syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0))
        return 0;
    return hx_err_sys(err, HX_ERR_UNSUPPORTED, errno,
                      "'%s' cannot be kept from system calls; it needs Linux "
                      "4.14 with CONFIG_SECCOMP_FILTER",
                      walls->program);
}
