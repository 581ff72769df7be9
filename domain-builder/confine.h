/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a container is confined: what was asked for, as the pod's record keeps
 * it and as the guest is told (pv-init/guest-abi.h, "confine").
 *
 * A zeroed struct is Docker's default.
 */
#ifndef HX_CONFINE_H
#define HX_CONFINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/base/strv.h"

/* In place of a program: no filter. */
#define HX_SECCOMP_UNCONFINED "unconfined"

struct hx_confine_spec {
    bool privileged;
    bool no_new_privs;
    bool init;      /* a reaper of orphans is PID 1 */
    bool unmasked;  /* --security-opt systempaths=unconfined */
    char **cap_add; /* "CAP_NET_ADMIN", "ALL" */
    char **cap_drop;
    char **security_opt; /* as typed: for hyper-inspect */
    char *seccomp;       /* the program in base64, or HX_SECCOMP_UNCONFINED;
                            NULL: the installed default */
    char **ulimits;      /* "nofile=1024:4096"; -1 is unlimited */
    char **sysctls;      /* "net.core.somaxconn=1024" */
    int oom_score_adj;   /* -1000..1000 */
    uint64_t pids_limit; /* 0: none */
    uint64_t nano_cpus;  /* 1e9 is one CPU; 0: all */
    uint64_t cpu_shares; /* 2..262144; 0: 1024 */
};

void hx_confine_release(struct hx_confine_spec *confine);

/* Turns the borrowed pointers of a flat copy into owned ones, each owned or
 * NULL afterwards, also on failure: -1 without memory. */
int hx_confine_own(struct hx_confine_spec *confine);

/* NULL when a text is not UTF-8, or without memory. */
json_t *hx_confine_to_json(const struct hx_confine_spec *confine);
/* The other way; `obj` NULL gives the default.  Fills a zeroed struct, which
 * is the caller's to release in any case. */
int hx_confine_from_json(const json_t *obj, const char *what,
                         struct hx_confine_spec *confine, struct hx_err *err);

/* The guest's "confine"; `seccomp` is the default program.  NULL as above. */
json_t *hx_confine_for_guest(const struct hx_confine_spec *confine,
                             const char *seccomp);

/*
 * The installed default program, in `folder`; the caller's to free.  A folder
 * without it: HX_ERR_NOT_FOUND.
 */
int hx_confine_load_seccomp(const char *folder, char **program_r,
                            struct hx_err *err);

struct hx_ulimit {
    const char *name;   /* static */
    int64_t soft, hard; /* -1: unlimited */
};

/* "nofile=1024" or "nofile=1024:4096"; HX_ERR_USAGE, `what` being the option's
 * name for the message. */
int hx_ulimit_parse(const char *what, const char *text, struct hx_ulimit *out,
                    struct hx_err *err);

/* "net.core.somaxconn=1024", of Docker's list of those that are a
 * container's; HX_ERR_USAGE. */
int hx_sysctl_check(const char *what, const char *text, struct hx_err *err);

#endif
