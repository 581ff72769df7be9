/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of hyper-create and hyper-run that say how the process is confined:
 * docker's, with docker's meanings.
 */
#ifndef HX_CONFINE_OPTIONS_H
#define HX_CONFINE_OPTIONS_H

#include "domain-builder/confine.h"
#include "xl-plugin/options.h"

struct hx_confine_options {
    struct hx_confine_spec spec; /* owned; without `seccomp` */
    const char *profile;         /* of --security-opt seccomp=; or NULL */
};

enum {
    HX_CONFINE_CAP_ADD = HX_OPT_LONG + 256,
    HX_CONFINE_CAP_DROP,
    HX_CONFINE_PRIVILEGED,
    HX_CONFINE_SECURITY_OPT,
    HX_CONFINE_ULIMIT,
    HX_CONFINE_SYSCTL,
    HX_CONFINE_OOM_SCORE_ADJ,
    HX_CONFINE_PIDS_LIMIT,
    HX_CONFINE_CPUS,
    HX_CONFINE_CPU_SHARES,
    HX_CONFINE_INIT
};

/* For the tables of both commands. */
#define HX_CONFINE_OPTION_TABLE                                                \
    { HX_CONFINE_CAP_ADD, "cap-add", "CAP", "add a capability, or ALL" },      \
        { HX_CONFINE_CAP_DROP, "cap-drop", "CAP",                              \
          "drop a capability, or ALL" },                                       \
        { HX_CONFINE_PRIVILEGED, "privileged", NULL,                           \
          "all capabilities and devices of the pod's domain" },                \
        { HX_CONFINE_SECURITY_OPT, "security-opt", "OPTION",                   \
          "no-new-privileges, seccomp=FILE, seccomp=unconfined or "            \
          "systempaths=unconfined" },                                          \
        { HX_CONFINE_ULIMIT, "ulimit", "TYPE=SOFT[:HARD]",                     \
          "resource limit, as in nofile=1024:4096" },                          \
        { HX_CONFINE_SYSCTL, "sysctl", "NAME=VALUE",                           \
          "kernel setting of the pod, as in net.core.somaxconn=1024" },        \
        { HX_CONFINE_OOM_SCORE_ADJ, "oom-score-adj", "N",                      \
          "how soon it is killed when memory runs out, -1000 to 1000" },       \
        { HX_CONFINE_PIDS_LIMIT, "pids-limit", "N",                            \
          "most processes and threads (default: no limit)" },                  \
        { HX_CONFINE_CPUS, "cpus", "N",                                        \
          "most of the virtual CPUs' time, as in 1.5" },                       \
        { HX_CONFINE_CPU_SHARES, "cpu-shares", "N",                            \
          "weight among the pod's containers, 2 to 262144" },                  \
        { HX_CONFINE_INIT, "init", NULL,                                       \
          "put a process that reaps orphans and passes signals on before "     \
          "it" },

/* Whether `key` is one of the table's. */
bool hx_confine_has_option(int key);
/* Takes it; HX_ERR_USAGE or HX_ERR_UNSUPPORTED. */
int hx_confine_option(struct hx_confine_options *options, int key,
                      const char *value, struct hx_err *err);

/* What can only be told with the number of virtual CPUs. */
int hx_confine_check(const struct hx_confine_options *options, unsigned vcpus,
                     struct hx_err *err);

void hx_confine_options_release(struct hx_confine_options *options);

#endif
