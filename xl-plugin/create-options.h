/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hyper-create and hyper-run can be told.
 */
#ifndef HX_CREATE_OPTIONS_H
#define HX_CREATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/pod.h"
#include "image/image.h"
#include "xl-plugin/confine-options.h"
#include "xl-plugin/health-options.h"
#include "xl-plugin/options.h"

/* Strings are borrowed from argv; NULL is "not said". */
struct hx_create_options {
    /* the domain */
    const char *name;
    enum hx_domain_type type;
    uint64_t mem_kib;
    unsigned vcpus;
    bool paused;
    bool auto_remove;
    enum hx_restart restart;
    unsigned restart_max; /* of on-failure; 0: no limit */
    uint64_t scratch_bytes;

    /* the process */
    char **env; /* the strings of -e, as typed; owned */
    char **env_files;
    const char *entrypoint; /* "" is: none, and no Cmd either */
    const char *user;
    const char *workdir;
    const char *hostname;
    int stop_signal;         /* 0: the image's */
    int64_t stop_timeout_ms; /* -1: the default */
    bool read_only;
    bool tty;
    bool open_stdin;
    struct hx_confine_options confine;
    struct hx_health_options health;

    /* the network */
    const char *network; /* "none", or a bridge */
    const char *ip;
    const char *mac;

    /* the image */
    enum hx_pull_policy pull;
    const char *platform;
    bool quiet;

    /* what to do */
    bool dry_run;
    bool console; /* create: xl console after the start */
    bool detach;  /* run */
    bool json;
    const char *image;
    char *const *args; /* what follows the image; ends in NULL */
};

/* Options of both commands, for their tables. */
#define HX_CREATE_OPTION_TABLE                                                 \
    { HX_CREATE_NAME, "name", "NAME",                                          \
      "name of the pod and its domain (default: the image's, and 6 "           \
      "digits)" },                                                             \
        { HX_CREATE_TYPE, "type", "TYPE",                                      \
          "pv, pvh or auto (default auto: pvh "                                \
          "where the host can)" },                                             \
        { 'm', "memory", "SIZE",                                               \
          "memory of the domain: 64 or 64m, 1g (default 64m)" },               \
        { HX_CREATE_VCPUS, "vcpus", "N", "virtual CPUs (default 1)" },         \
        { 'e', "env", "NAME[=VALUE]",                                          \
          "set an environment variable, or pass on the caller's" },            \
        { HX_CREATE_ENV_FILE, "env-file", "FILE",                              \
          "read environment variables from a file" },                          \
        { 'u', "user", "USER[:GROUP]",                                         \
          "run as this user, by name or number" },                             \
        { 'w', "workdir", "PATH", "working directory in the container" },      \
        { HX_CREATE_ENTRYPOINT, "entrypoint", "PROGRAM",                       \
          "replace the image's entrypoint and command" },                      \
        { HX_CREATE_HOSTNAME, "hostname", "NAME",                              \
          "host name in the pod (default: the pod's name)" },                  \
        { 't', "tty", NULL, "give the process a terminal" },                   \
        { 'i', "interactive", NULL,                                            \
          "keep standard input open, and pass it on while attached" },         \
        { HX_CREATE_STOP_SIGNAL, "stop-signal", "SIGNAL",                      \
          "what hyper-stop sends first (default: the image's, or TERM)" },     \
        { HX_CREATE_STOP_TIMEOUT, "stop-timeout", "SECONDS",                   \
          "how long hyper-stop waits before KILL (default 10)" },              \
        { HX_CREATE_NETWORK, "network", "BRIDGE",                              \
          "bridge to connect to, or none (default: the configured one)" },     \
        { HX_CREATE_IP, "ip", "ADDRESS[/PREFIX]",                              \
          "IPv4 address (default: a free one of the pool)" },                  \
        { HX_CREATE_MAC, "mac", "ADDRESS",                                     \
          "MAC address of the network card" },                                 \
        { HX_CREATE_MAC, "mac-address", "ADDRESS", NULL },                     \
        { HX_CREATE_READ_ONLY, "read-only", NULL,                              \
          "no writable layer over the image" },                                \
        HX_CONFINE_OPTION_TABLE HX_HEALTH_OPTION_TABLE{                        \
            HX_CREATE_SCRATCH, "scratch", "SIZE",                              \
            "most that the writable layer can hold "                           \
            "(default 10g; takes what is "                                     \
            "used)"                                                            \
        },                                                                     \
        { HX_CREATE_RM, "rm", NULL, "remove the pod when it has ended" },      \
        { HX_CREATE_PULL, "pull", "WHEN",                                      \
          "pull the image always, missing or never (default missing)" },       \
        { HX_CREATE_PLATFORM, "platform", "OS/ARCH",                           \
          "platform to pull (default: the host's)" },                          \
        { 'q', "quiet", NULL, "no progress of a pull" },                       \
        { HX_CREATE_PAUSED, "paused", NULL,                                    \
          "leave the domain paused; 'xl unpause' starts it" },                 \
        { HX_OPT_DRY_RUN, "dry-run", NULL,                                     \
          "print the domain's configuration as JSON, and do nothing" },        \
        { HX_OPT_JSON, "json", NULL,                                           \
          "print the pod as JSON, as hyper-inspect" },                         \
        { 'p', "publish", "PORTS", NULL }, { 'P', "publish-all", NULL, NULL }, \
        { 'v', "volume", "VOLUME", NULL },                                     \
        { HX_CREATE_MOUNT, "mount", "MOUNT", NULL },                           \
        { HX_CREATE_RESTART, "restart", "POLICY",                              \
          "start the pod again when it has ended: no, on-failure[:N], "        \
          "always or unless-stopped (default no)" },

enum {
    HX_CREATE_NAME = HX_OPT_OWN,
    HX_CREATE_TYPE,
    HX_CREATE_VCPUS,
    HX_CREATE_ENV_FILE,
    HX_CREATE_ENTRYPOINT,
    HX_CREATE_HOSTNAME,
    HX_CREATE_STOP_SIGNAL,
    HX_CREATE_STOP_TIMEOUT,
    HX_CREATE_NETWORK,
    HX_CREATE_IP,
    HX_CREATE_MAC,
    HX_CREATE_READ_ONLY,
    HX_CREATE_SCRATCH,
    HX_CREATE_RM,
    HX_CREATE_PULL,
    HX_CREATE_PLATFORM,
    HX_CREATE_PAUSED,
    HX_CREATE_MOUNT,
    HX_CREATE_RESTART
};

/* Defaults; options that are flags of one command stay for it to set. */
void hx_create_options_init(struct hx_create_options *options);
void hx_create_options_release(struct hx_create_options *options);

/* An hx_option_fn for the table above; `opaque` is the options. */
int hx_create_option(void *opaque, int key, const char *value,
                     struct hx_err *err);

/* A restart policy; HX_ERR_USAGE. */
int hx_create_restart(const char *value, enum hx_restart *policy_r,
                      unsigned *max_r, struct hx_err *err);

/* What only shows when all are known: combinations that cannot be. */
int hx_create_options_check(const struct hx_create_options *options,
                            struct hx_err *err);

#endif
