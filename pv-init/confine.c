/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a cgroup's processor time is counted in; Docker's. */
#define CPU_PERIOD_US 100000

int hx_init_confine_sysctls(const struct hx_init_confine *confine,
                            struct hx_init_err *err)
{
    size_t i;

    for (i = 0; i < confine->sysctl_count; i++) {
        const struct hx_init_sysctl *sysctl = &confine->sysctls[i];
        char path[256];

        snprintf(path, sizeof(path), "/proc/sys/%s", sysctl->name);
        if (hx_init_put_file(path, sysctl->value) < 0)
            return hx_init_fail_sys(err, errno, "setting the sysctl %s to %s",
                                    sysctl->name, sysctl->value);
    }
    return 0;
}

static int put_cgroup(const char *folder, const char *name, const char *value,
                      struct hx_init_err *err)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (hx_init_put_file(path, value) < 0)
        return hx_init_fail_sys(err, errno, "setting the limit %s to %s", name,
                                value);
    return 0;
}

int hx_init_confine_cgroup(const struct hx_init_confine *confine,
                           const char *folder, struct hx_init_err *err)
{
    char value[64];

    if (confine->pids_max > 0) {
        snprintf(value, sizeof(value), "%llu",
                 (unsigned long long)confine->pids_max);
        if (put_cgroup(folder, "pids.max", value, err) < 0)
            return -1;
    }
    if (confine->cpu_quota_us > 0) {
        snprintf(value, sizeof(value), "%llu %d",
                 (unsigned long long)confine->cpu_quota_us, CPU_PERIOD_US);
        if (put_cgroup(folder, "cpu.max", value, err) < 0)
            return -1;
    }
    if (confine->cpu_weight > 0) {
        snprintf(value, sizeof(value), "%llu",
                 (unsigned long long)confine->cpu_weight);
        if (put_cgroup(folder, "cpu.weight", value, err) < 0)
            return -1;
    }
    return 0;
}

/* As dockerd's children have them, and then those that were asked for. */
static int set_limits(const struct hx_init_confine *confine,
                      struct hx_init_err *err)
{
    static const struct hx_init_ulimit docker[] = {
        { RLIMIT_NOFILE, { 1024, 524288 } },
        { RLIMIT_NPROC, { RLIM_INFINITY, RLIM_INFINITY } },
        { RLIMIT_SIGPENDING, { RLIM_INFINITY, RLIM_INFINITY } },
    };
    size_t i;

    for (i = 0; i < HX_INIT_COUNT(docker); i++)
        setrlimit((unsigned)docker[i].resource, &docker[i].limit);
    for (i = 0; i < confine->ulimit_count; i++) {
        const struct hx_init_ulimit *own = &confine->ulimits[i];

        if (setrlimit((unsigned)own->resource, &own->limit) < 0)
            return hx_init_fail_sys(
                err, errno, "setting resource limit %d to %llu:%llu",
                own->resource, (unsigned long long)own->limit.rlim_cur,
                (unsigned long long)own->limit.rlim_max);
    }
    return 0;
}

/* O_NONBLOCK: a container that may mount has what it likes there. */
static int set_oom_score(int score, struct hx_init_err *err)
{
    _init_close_ int fd = -1;
    char text[16];
    int len = snprintf(text, sizeof(text), "%d", score);

    if (score == 0)
        return 0;
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)len) != len)
        return hx_init_fail_sys(err, errno, "setting the OOM score to %d",
                                score);
    return 0;
}

static int load_filter(const struct hx_init_confine *confine,
                       struct hx_init_err *err)
{
    struct sock_fprog program = { .len = confine->filter_len,
                                  .filter = confine->filter };

    if (!confine->filter)
        return 0;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return hx_init_fail_sys(err, errno,
                                "loading the seccomp filter of %u instructions",
                                program.len);
    return 0;
}

static int bound_capabilities(uint64_t keep, struct hx_init_err *err)
{
    unsigned i;

    /* EINVAL: past the last one this kernel knows. */
    for (i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!(keep & 1ull << i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return hx_init_fail_sys(err, errno, "dropping capability %u", i);
    }
    return 0;
}

/* The change of user may have taken them all; never does this give any. */
static int limit_capabilities(uint64_t keep, struct hx_init_err *err)
{
    struct __user_cap_header_struct head = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct data[2] = { { 0 } };

    if (syscall(SYS_capget, &head, data) < 0)
        return hx_init_fail_sys(err, errno, "reading the capabilities");
    data[0].effective = data[0].permitted &= (uint32_t)keep;
    data[1].effective = data[1].permitted &= (uint32_t)(keep >> 32);
    data[0].inheritable = data[1].inheritable = 0;
    if (syscall(SYS_capset, &head, data) < 0)
        return hx_init_fail_sys(err, errno, "dropping capabilities");
    return 0;
}

int hx_init_confine_begin(const struct hx_init_confine *confine,
                          struct hx_init_err *err)
{
    /* Until the exec this is a copy of pv-init, with the pod's secrets: what
     * else runs in the container shall not look into it (CVE-2016-9962). */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return hx_init_fail_sys(err, errno, "closing its memory to others");
    if (set_limits(confine, err) < 0 ||
        set_oom_score(confine->oom_score_adj, err) < 0)
        return -1;
    if (confine->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return hx_init_fail_sys(err, errno, "setting no_new_privs");
    if (!confine->no_new_privs && load_filter(confine, err) < 0)
        return -1;
    return bound_capabilities(confine->capabilities, err);
}

int hx_init_confine_finish(const struct hx_init_confine *confine, uid_t uid,
                           struct hx_init_err *err)
{
    if (limit_capabilities(uid == 0 ? confine->capabilities : 0, err) < 0)
        return -1;
    return confine->no_new_privs ? load_filter(confine, err) : 0;
}
