/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a container's processes are confined: what "confine" of the
 * configuration (guest-abi.h) asks for, and doing it.
 *
 * The same holds for the container's first process and for those executed in
 * it later; process.h's hx_init_process_become() does all of it, in the order
 * of Docker's runtime:
 *
 *     limits, OOM score, no_new_privs
 *     the seccomp filter, unless no_new_privs: that takes CAP_SYS_ADMIN
 *     the bounding set
 *     the user
 *     the capabilities: root has the bounding set, others have none
 *     the seccomp filter with no_new_privs: the last thing before the exec
 */
#ifndef HX_INIT_CONFINE_H
#define HX_INIT_CONFINE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "pv-init/json-fields.h"

#define HX_INIT_CAPS_ALL UINT64_MAX

struct hx_init_ulimit {
    int resource; /* RLIMIT_... */
    struct rlimit limit;
};

struct hx_init_sysctl {
    const char *name; /* "net/core/somaxconn": below /proc/sys, no dots */
    const char *value;
};

struct hx_init_confine {
    uint64_t capabilities; /* 1 << CAP_...; unknown ones do no harm */
    bool no_new_privs;
    /* Everything of the domain's devices, /sys and cgroups to be written. */
    bool privileged;
    bool init;     /* the first process is reaper.h's */
    bool unmasked; /* nothing of /proc and /sys is hidden or read-only */
    int oom_score_adj;
    struct sock_filter *filter; /* NULL: none */
    unsigned short filter_len;  /* instructions */
    struct hx_init_ulimit *ulimits;
    size_t ulimit_count;
    struct hx_init_sysctl *sysctls; /* the pod's, set as a container starts */
    size_t sysctl_count;
    uint64_t pids_max;     /* 0: no limit */
    uint64_t cpu_quota_us; /* of each 100 ms; 0: no limit */
    uint64_t cpu_weight;   /* 1..10000; 0: the kernel's 100 */
};

/*
 * Pure: the fields of the object that `at` stands for.  *out is zeroed first
 * and to be released in any case; strings are borrowed from the document.
 */
int hx_init_confine_parse(struct hx_init_fields *at,
                          struct hx_init_confine *out);
/* What holds without an object: Docker's defaults, but no filter. */
void hx_init_confine_default(struct hx_init_confine *out);
void hx_init_confine_release(struct hx_init_confine *confine);

/* The kernel settings; with pv-init's own /proc, before the sandbox. */
int hx_init_confine_sysctls(const struct hx_init_confine *confine,
                            struct hx_init_err *err);

/* The limits of a container as a whole, into its folder among the cgroups.  A
 * kernel without the controller is an error only when it is asked for. */
int hx_init_confine_cgroup(const struct hx_init_confine *confine,
                           const char *folder, struct hx_init_err *err);

/* As root, before the change of user, and after it. */
int hx_init_confine_begin(const struct hx_init_confine *confine,
                          struct hx_init_err *err);
int hx_init_confine_finish(const struct hx_init_confine *confine, uid_t uid,
                           struct hx_init_err *err);

#endif
