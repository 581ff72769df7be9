/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pods: one domain with one or more containers, and its whole life.
 *
 * A pod is a folder, /var/lib/hyper/pods/UUID, and a domain with that UUID.
 * The folder says what was asked for and what came of it; whether the pod
 * runs is asked of Xen alone.
 *
 *     creating --> running <--> paused
 *        |          |  ^
 *     (undone)     exited   (domain gone, folder kept until hyper-destroy)
 *
 * Every function here may be killed at any instruction.  hx_pod_reconcile(),
 * which each command runs first, finishes or undoes what it finds.
 */
#ifndef HX_POD_H
#define HX_POD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "domain-builder/confine.h"
#include "domain-builder/health.h"
#include "image/base/err.h"
#include "image/base/strv.h"

#define HX_POD_UUID_TEXT 37 /* 36 characters and the NUL */
#define HX_BOOT_ID_TEXT  37 /* the same form; "" is unknown */

enum hx_domain_type { HX_DOMAIN_AUTO, HX_DOMAIN_PV, HX_DOMAIN_PVH };

enum hx_writable { HX_WRITABLE_DISK, HX_WRITABLE_TMPFS, HX_WRITABLE_NONE };

/* Whether a pod that has ended is started again, as Docker has it. */
enum hx_restart {
    HX_RESTART_NO,
    HX_RESTART_ON_FAILURE, /* when its exit code is not 0 */
    HX_RESTART_ALWAYS,     /* and with dom0, even if stopped before */
    HX_RESTART_UNLESS_STOPPED
};

struct hx_container_spec {
    char *name;
    char *image;              /* as the user named it, "nginx:latest" */
    char *image_id;           /* "sha256:..." */
    char *root_disk;          /* path of the squashfs file in the store */
    char **args;              /* what is executed: at least one */
    size_t entrypoint_count;  /* how many of them are the entrypoint; the others
                                 are the command */
    char **env;               /* complete: image, then user, then defaults */
    size_t default_env_count; /* how many at its end are such defaults */
    char *user;               /* Docker's six forms; "" is root */
    char *cwd;                /* absolute */
    int stop_signal;          /* 1..64 */
    unsigned stop_timeout_ms;
    enum hx_writable writable;
    bool tty;
    bool open_stdin; /* its standard input is kept open, for an attach */
    struct hx_confine_spec confine;
    struct hx_health_spec health;
};

struct hx_net_spec {
    bool none;    /* no vif at all */
    char *bridge; /* NULL is the configured one, made when missing */
    char *ip;     /* "172.30.0.9" or "172.30.0.9/24"; NULL: the pool */
    char *mac;    /* "00:16:3e:xx:xx:xx"; NULL: derived from the UUID */
};

struct hx_pod_spec {
    char *name; /* [A-Za-z0-9][A-Za-z0-9_.-]{0,62} */
    enum hx_domain_type type;
    uint64_t mem_kib;       /* memory and maxmem */
    unsigned vcpus;         /* 1..128 */
    char *hostname;         /* NULL: the name, cut to a valid one */
    uint64_t scratch_bytes; /* size of the writable disk, sparse */
    struct hx_net_spec net;
    bool auto_remove; /* --rm */
    bool paused;      /* leave it paused once built */
    enum hx_restart restart;
    unsigned restart_max; /* of on-failure; 0: no limit */
    struct hx_container_spec *containers;
    size_t container_count;
};

/* pod-spec.c */
const char *hx_restart_name(enum hx_restart policy);
/* "no", "always", "unless-stopped", "on-failure" or "on-failure:3": false when
 * it is none, and nothing is touched. */
bool hx_restart_parse(const char *text, enum hx_restart *policy_r,
                      unsigned *max_r);
void hx_pod_spec_release(struct hx_pod_spec *spec);

enum hx_pod_state {
    HX_POD_CREATING,
    HX_POD_RUNNING,
    HX_POD_PAUSED,
    HX_POD_EXITED
};

/* How a pod ended; stable names for --json in hx_pod_end_name(). */
enum hx_pod_end {
    HX_END_NONE,      /* has not ended */
    HX_END_EXIT,      /* the process: exit_code */
    HX_END_FAILED,    /* pv-init could not start it: exit_code 125..127 and
                         message */
    HX_END_CRASH,     /* the guest's kernel */
    HX_END_DESTROYED, /* `xl destroy` or the like, without our doing */
    HX_END_KILLED,    /* hyper-destroy -f, or stop that had to destroy */
    HX_END_LOST,      /* gone, and nobody was there to see how */
    HX_END_SHUTDOWN   /* stopped because dom0 goes down: exit_code is the
                         process's */
};

/* Who asked a pod to stop.  A user keeps its restart policy from starting it
 * again. */
enum hx_pod_stopper { HX_STOPPER_NONE, HX_STOPPER_USER, HX_STOPPER_HOST };

/* What health checks say (pod-health.h). */
enum hx_health_status {
    HX_HEALTH_NONE, /* there are none */
    HX_HEALTH_STARTING,
    HX_HEALTH_HEALTHY,
    HX_HEALTH_UNHEALTHY
};

/* A pod as it is now. */
struct hx_pod {
    char uuid[HX_POD_UUID_TEXT];
    uint32_t domid; /* 0 when there is no domain */
    enum hx_pod_state state;
    enum hx_pod_end end;
    int exit_code;         /* 0..255 with state exited; -1 before */
    char *message;         /* why, printable; or NULL */
    int64_t created_at_ms; /* Unix time; 0: unknown */
    int64_t started_at_ms;
    int64_t finished_at_ms;
    char *ip;      /* with prefix, or NULL */
    char *gateway; /* or NULL */
    char *mac;
    char *bridge;
    char *vif;       /* "vif3.0", or NULL */
    char *stages;    /* times of its start: see hx_pod_add_stage() */
    bool reaped;     /* exited, and all it had outside its folder given back */
    bool oom_killed; /* its process was killed for lack of memory */
    enum hx_health_status health; /* as last heard of; the worst of its
                                     containers */
    enum hx_pod_stopper stopper;
    unsigned restart_count;        /* by its policy, since hyper-start */
    int64_t restart_at_ms;         /* exited, and starts again then; or 0 */
    unsigned restart_delay_ms;     /* the last one before a restart */
    char boot_id[HX_BOOT_ID_TEXT]; /* of dom0, when it was last started */
    uint64_t built_mem_kib;   /* what its domain has been built with; 0: not */
    unsigned built_vcpus;     /* known */
    char *domain_name;        /* its domain's in Xen, "" while that changes;
                                 NULL: as the pod's */
    struct hx_pod_hold *hold; /* keeps an --rm pod's folder; or NULL */
    struct hx_pod_spec spec;
};

struct hx_pod_hold; /* pod-state.h */

void hx_pod_release(struct hx_pod *pod);

struct hx_host; /* host.h: libxl, xenstore and the folders, opened lazily */

/*
 * Builds and starts a pod: address, disks, ramdisk, domain, monitor.  Each
 * step is undone when a later one fails, and nothing is left.  On return the
 * domain runs (or is paused, when the spec says so).
 */
int hx_pod_create(struct hx_host *host, const struct hx_pod_spec *spec,
                  struct hx_pod *pod_r, struct hx_err *err);

/* By name, UUID, a UUID's first 4 digits or more, or domid. */
int hx_pod_find(struct hx_host *host, const char *name, struct hx_pod *pod_r,
                struct hx_err *err);

/* All pods, newest first; freed with hx_pod_list_free. */
int hx_pod_list(struct hx_host *host, struct hx_pod **pods_r, size_t *count_r,
                struct hx_err *err);
void hx_pod_list_free(struct hx_pod *pods, size_t count);

/*
 * Waits until the pod has ended, its log is complete and its resources are
 * given back; timeout_ms -1 is for ever.  The pod is filled anew.
 * HX_ERR_STATE on time-out; HX_ERR_INTERRUPTED when a signal handler ran: the
 * caller does what the signal asks for and waits again.
 *
 * A pod from hx_pod_create() or hx_pod_find() can be waited for even if it is
 * an --rm pod that has ended since: it is not removed before hx_pod_release().
 * Who waited for one calls hx_pod_reconcile(host, uuid) after that.
 */
int hx_pod_wait(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                struct hx_err *err);

/* A signal to the containers' processes; waits for the guest's answer at most
 * 5 s, and a minute for one that boots (HX_ERR_GUEST). */
int hx_pod_kill(struct hx_host *host, const struct hx_pod *pod, int signum,
                struct hx_err *err);

/* Stop signal, wait, KILL, wait 5 s, destroy the domain.  timeout_ms -1: the
 * containers' own.  The folder stays, unless the pod has auto_remove.  One
 * that has ended is no error.  HX_ERR_INTERRUPTED as hx_pod_wait().  One that
 * cannot be asked to stop is left alone. */
int hx_pod_stop(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                struct hx_err *err);

/* The same because dom0 goes down: its policy starts it again when dom0 is
 * back, which hx_pod_stop() prevents. */
int hx_pod_stop_for_host(struct hx_host *host, struct hx_pod *pod,
                         int timeout_ms, struct hx_err *err);

/* Removes the pod and everything of it.  A running one: HX_ERR_STATE unless
 * `force`. */
int hx_pod_destroy(struct hx_host *host, struct hx_pod *pod, bool force,
                   struct hx_err *err);

/*
 * Runs an exited pod again, with its folder, its writable layer and its log.
 * One that runs is no error; HX_ERR_STATE when it is paused or being created.
 * A start that fails leaves the pod as it was.  Otherwise as hx_pod_create().
 */
int hx_pod_start(struct hx_host *host, struct hx_pod *pod, struct hx_err *err);

/* hx_pod_stop(), unless it has ended, and hx_pod_start().  An --rm pod is not
 * removed in between. */
int hx_pod_restart(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                   struct hx_err *err);

/* Holds all virtual CPUs, and lets them go on.  HX_ERR_STATE: it does not run,
 * or is paused already, or is not. */
int hx_pod_pause(struct hx_host *host, struct hx_pod *pod, struct hx_err *err);
int hx_pod_resume(struct hx_host *host, struct hx_pod *pod, struct hx_err *err);

/* HX_ERR_USAGE: it is no name, or the pod's own; HX_ERR_EXISTS. */
int hx_pod_rename(struct hx_host *host, struct hx_pod *pod, const char *name,
                  struct hx_err *err);

/* What of a pod can be changed, and by hx_pod_start() takes effect anew. */
struct hx_pod_update {
    bool set_restart;
    enum hx_restart restart;
    unsigned restart_max;
    uint64_t mem_kib; /* 0: as it is */
    unsigned vcpus;   /* 0: as it is */
};

/* A running one gets it at once.  HX_ERR_USAGE: more memory or CPUs than its
 * domain was built with; HX_ERR_STATE: an --rm pod and a policy. */
int hx_pod_update(struct hx_host *host, struct hx_pod *pod,
                  const struct hx_pod_update *update, struct hx_err *err);

/* It has ended, and its restart policy starts it again in a moment. */
bool hx_pod_restarting(const struct hx_pod *pod);

/*
 * Path of the log of container `index`, its output in Docker's json-file
 * format; PATH.1 is the older part (docs/pods.md, Logs).  *path_r is the
 * caller's.  That the file is there is not looked at.
 */
int hx_pod_log_path(struct hx_host *host, const struct hx_pod *pod,
                    size_t index, char **path_r, struct hx_err *err);

/* What the health checks of container `index` have found; *record_r is the
 * caller's, see pod-health.h. */
struct hx_health_record;
int hx_pod_health(struct hx_host *host, const struct hx_pod *pod, size_t index,
                  struct hx_health_record *record_r, struct hx_err *err);

/*
 * Puts right what killed commands, dead monitors and other tools left: half
 * created pods are undone, ended domains reaped, resources of domains that
 * are gone released, monitors of running pods started again.  `uuid` NULL is
 * all pods.  Cheap when there is nothing to do.
 */
int hx_pod_reconcile(struct hx_host *host, const char *uuid,
                     struct hx_err *err);

const char *hx_pod_state_name(enum hx_pod_state state);
const char *hx_pod_end_name(enum hx_pod_end end);
const char *hx_domain_type_name(enum hx_domain_type type);

#endif
