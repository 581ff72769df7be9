/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pv-init/container.h"
#include "pv-init/process.h"
#include "pv-init/root.h"
#include "pv-init/sandbox.h"

/* What the process needs to know of where it goes. */
struct place {
    const struct hx_init_exec_request *request;
    const struct hx_init_container_config *container; /* NULL with "vm" */
    const char *hostname;
    int first; /* pidfd of the container's first process; -1 with "vm" */
};

/* -- in the process ----------------------------------------------------------
 */

/* The container's tree.  Network, host name and IPC are pv-init's, too. */
static int enter_container(const struct place *place, struct hx_init_err *err)
{
    if (setns(place->first, CLONE_NEWNS) < 0) {
        /* It ended since this process was made, which is about to die, too. */
        if (errno == ESRCH)
            return hx_init_fail(err, "container %s does not run any more",
                                place->container->name);
        return hx_init_fail_sys(err, errno, "entering the container");
    }
    /* Optional like cgroups themselves. */
    setns(place->first, CLONE_NEWCGROUP);
    return 0;
}

/*
 * The domain's own processes see all of it, with the programs of the first
 * image; that its container has ended does not matter.  pv-init's own code
 * needs none.
 */
static int enter_vm(const struct hx_init_exec_request *request,
                    struct hx_init_err *err)
{
    char root[HX_INIT_PATH_MAX];

    if (request->service.kind != HX_INIT_SERVICE_NONE)
        return 0;
    hx_init_root_path(0, root);
    return hx_init_sandbox_enter_vm(root, err);
}

/* A container's configuration with what the request changes. */
static int describe(const struct place *place,
                    struct hx_init_container_config *out,
                    struct hx_init_err *err)
{
    const struct hx_init_exec_request *request = place->request;

    if (place->container) {
        *out = *place->container;
    } else {
        *out = (struct hx_init_container_config){ .user = "", .cwd = "/" };
        hx_init_confine_default(&out->confine);
    }
    out->args = request->args;
    out->tty = request->tty;
    if (request->user)
        out->user = request->user;
    if (request->cwd)
        out->cwd = request->cwd;
    if (request->privileged || request->vm) {
        out->confine.capabilities = HX_INIT_CAPS_ALL;
        out->confine.no_new_privs = false;
        out->confine.filter = NULL;
    }
    /* Its own code needs no filter, which may know nothing of what it calls. */
    if (request->service.kind != HX_INIT_SERVICE_NONE) {
        out->user = "0:0";
        out->cwd = "/";
        out->confine.filter = NULL;
    }
    out->env = hx_init_exec_request_env(request, out->env);
    return out->env ? 0 : hx_init_fail_sys(err, ENOMEM, "its environment");
}

/* All steps until the exec; the exit code of the one that failed. */
static int become_program(const struct place *place,
                          const struct hx_init_plumbing *p,
                          const struct hx_init_plumbing_spec *spec,
                          struct hx_init_err *err)
{
    struct hx_init_container_config own;
    _init_close_ int here = -1;
    struct hx_init_user user;
    char **env;

    if ((place->container ? enter_container(place, err)
                          : enter_vm(place->request, err)) < 0 ||
        describe(place, &own, err) < 0)
        return HX_INIT_EXIT_SETUP;
    here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0) {
        hx_init_fail_sys(err, errno, "opening the root");
        return HX_INIT_EXIT_SETUP;
    }
    if (hx_init_user_find(here, own.user, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    env = hx_init_process_env(&own, place->hostname, user.home);
    if (!env) {
        hx_init_fail_sys(err, ENOMEM, "preparing the environment");
        return HX_INIT_EXIT_SETUP;
    }
    if (hx_init_plumbing_connect(p, spec, &user, err) < 0 ||
        hx_init_process_become(&own, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    if (place->request->service.kind != HX_INIT_SERVICE_NONE)
        hx_init_service_run(&place->request->service);
    return hx_init_process_exec(own.args, env, err);
}

static void __attribute__((noreturn))
run_child(const struct place *place, const struct hx_init_plumbing *p,
          const struct hx_init_plumbing_spec *spec)
{
    struct hx_init_err err;
    int exit_code;

    hx_init_plumbing_default_signals();
    exit_code = become_program(place, p, spec, &err);
    hx_init_plumbing_fail(p, exit_code, &err);
}

/* -- in pv-init --------------------------------------------------------------
 */

static pid_t clone_into(int cgroup)
{
    struct clone_args args = { .exit_signal = SIGCHLD };

    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/*
 * fork(2) into the PID namespace of `first`.  setns(2) with a PID namespace
 * changes nothing but where children are born; so pv-init points there, forks
 * and points back, and has no process in between whose end would have to be
 * passed on.
 */
static pid_t clone_beside(int first, int cgroup)
{
    _init_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    pid_t pid;
    int why;

    if (own < 0 || setns(first, CLONE_NEWPID) < 0)
        return -1;
    pid = clone_into(cgroup);
    if (pid == 0)
        return 0;
    why = errno;
    /* Whatever came next would be born in the container. */
    if (setns(own, CLONE_NEWPID) < 0)
        abort();
    errno = why;
    return pid;
}

/* ENOMEM is also what a PID namespace says whose first process ends. */
static void explain_clone(const struct place *place, int errnum,
                          struct hx_init_err *err)
{
    if (place->container && (errnum == ESRCH || errnum == ENOMEM))
        hx_init_fail(err, "container %s does not run%s", place->container->name,
                     errnum == ENOMEM ? " any more, or memory ran out" : "");
    else
        hx_init_fail_sys(err, errnum, "creating its process");
}

static int open_first(const struct hx_init_container_config *container,
                      pid_t pid, struct hx_init_err *err)
{
    int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

    if (fd < 0)
        hx_init_fail(err, "container %s does not run", container->name);
    return fd;
}

static int find_place(const struct hx_init_config *config,
                      const struct hx_init_exec_request *request,
                      pid_t container_pid, struct place *place_r, int *cgroup_r,
                      struct hx_init_err *err)
{
    *place_r = (struct place){ .request = request,
                               .hostname = config->hostname,
                               .first = -1 };
    if (request->vm)
        return 0;
    if (request->container >= config->container_count)
        return hx_init_fail(err, "the pod has no container %u",
                            request->container);
    place_r->container = &config->containers[request->container];
    place_r->first = open_first(place_r->container, container_pid, err);
    if (place_r->first < 0)
        return -1;
    *cgroup_r = hx_init_container_cgroup(request->container);
    return 0;
}

int hx_init_exec_start(const struct hx_init_config *config,
                       const struct hx_init_exec_request *request,
                       pid_t container_pid, struct hx_init_started *started_r,
                       struct hx_init_plumbing_spec *spec_r, int *status_r,
                       struct hx_init_err *err)
{
    const struct hx_init_plumbing_spec spec = {
        .tty = request->tty,
        .has_stdin = request->has_stdin,
        .detached = request->detach,
        .rows = request->rows,
        .columns = request->columns,
    };
    _init_close_ int cgroup = -1, first = -1;
    struct hx_init_plumbing p;
    struct place place;
    pid_t pid;
    int r = find_place(config, request, container_pid, &place, &cgroup, err);

    first = place.first;
    if (r < 0 || hx_init_plumbing_open(&p, &spec, err) < 0)
        return -1;
    pid = request->vm ? clone_into(-1) : clone_beside(first, cgroup);
    if (pid == 0)
        run_child(&place, &p, &spec);
    if (pid < 0) {
        explain_clone(&place, errno, err);
        hx_init_plumbing_close(&p);
        return -1;
    }
    *status_r = hx_init_plumbing_take(&p, pid, started_r);
    *spec_r = spec;
    return 0;
}
