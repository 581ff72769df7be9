/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-init/etcfiles.h"
#include "pv-init/mounts.h"
#include "pv-init/process.h"
#include "pv-init/reaper.h"
#include "pv-init/root.h"
#include "pv-init/sandbox.h"

/* A terminal's size until dom0 tells one. */
#define ROWS    24
#define COLUMNS 80

static void cgroup_path(unsigned index, char path_r[64])
{
    snprintf(path_r, 64, HX_INIT_CGROUP "/%u", index);
}

int hx_init_container_cgroup(unsigned index)
{
    char path[64];

    cgroup_path(index, path);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Makes it, with its limits. */
static int make_cgroup(const struct hx_init_confine *confine, unsigned index,
                       struct hx_init_err *err)
{
    char path[64];

    cgroup_path(index, path);
    /* A kernel without cgroups leaves the ramdisk's folder as it was. */
    if (access(HX_INIT_CGROUP "/cgroup.procs", F_OK) == 0)
        mkdir(path, 0755);
    return hx_init_confine_cgroup(confine, path, err);
}

/* fork(2) into new namespaces and a cgroup. */
static pid_t clone_process(int cgroup)
{
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };

    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* -- in the child ------------------------------------------------------------
 */

/* All steps until the exec; the exit code of the one that failed. */
static int become_program(const struct hx_init_config *config, unsigned index,
                          const struct hx_init_plumbing *p,
                          const struct hx_init_plumbing_spec *spec,
                          struct hx_init_err *err)
{
    const struct hx_init_container_config *own = &config->containers[index];
    char root[HX_INIT_PATH_MAX], etc[HX_INIT_PATH_MAX];
    const struct hx_init_sandbox sandbox = {
        .root = root,
        .etc = etc,
        .cwd = own->cwd,
        .read_only = own->writable == HX_INIT_WRITABLE_NONE,
        .unmasked = own->confine.unmasked,
        .privileged = own->confine.privileged,
    };
    _init_close_ int here = -1, reaper = -1;
    struct hx_init_user user;
    char **env;

    hx_init_root_path(index, root);
    snprintf(etc, sizeof(etc), HX_INIT_POD "/%u/etc", index);
    /* Optional like cgroups themselves. */
    unshare(CLONE_NEWCGROUP);
    if (own->confine.init && (reaper = hx_init_reaper_open(err)) < 0)
        return HX_INIT_EXIT_SETUP;
    if (hx_init_confine_sysctls(&own->confine, err) < 0 ||
        hx_init_sandbox_enter(&sandbox, err) < 0)
        return HX_INIT_EXIT_SETUP;
    here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || hx_init_user_find(here, own->user, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    env = hx_init_process_env(own, config->hostname, user.home);
    if (!env) {
        hx_init_fail_sys(err, ENOMEM, "preparing the environment");
        return HX_INIT_EXIT_SETUP;
    }
    if (hx_init_plumbing_connect(p, spec, &user, err) < 0 ||
        hx_init_process_become(own, &user, err) < 0)
        return HX_INIT_EXIT_SETUP;
    if (reaper >= 0)
        return hx_init_reaper_exec(reaper, own->args, env, err);
    return hx_init_process_exec(own->args, env, err);
}

static void __attribute__((noreturn))
run_child(const struct hx_init_config *config, unsigned index,
          const struct hx_init_plumbing *p,
          const struct hx_init_plumbing_spec *spec)
{
    struct hx_init_err err;
    int exit_code;

    hx_init_plumbing_default_signals();
    exit_code = become_program(config, index, p, spec, &err);
    hx_init_plumbing_fail(p, exit_code, &err);
}

/* -- in pv-init --------------------------------------------------------------
 */

static int prepare(const struct hx_init_config *config, unsigned index,
                   struct hx_init_err *err)
{
    char etc[HX_INIT_PATH_MAX];

    snprintf(etc, sizeof(etc), HX_INIT_POD "/%u/etc", index);
    if (hx_init_mkdir_p(etc) < 0)
        return hx_init_fail_sys(err, errno, "making %s", etc);
    /* Its own, so that a container that fills it harms no other one. */
    if (hx_init_mount("etc", etc, "tmpfs", MS_NOSUID | MS_NODEV,
                      "mode=0755,size=4m", err) < 0)
        return -1;
    return hx_init_etcfiles_write(etc, config, err);
}

int hx_init_container_start(const struct hx_init_config *config, unsigned index,
                            struct hx_init_started *started_r,
                            struct hx_init_err *err)
{
    const struct hx_init_container_config *own = &config->containers[index];
    const struct hx_init_plumbing_spec spec = { .tty = own->tty,
                                                .has_stdin = own->has_stdin,
                                                .console = true,
                                                .rows = ROWS,
                                                .columns = COLUMNS };
    _init_close_ int cgroup = -1, status = -1;
    struct hx_init_plumbing p;
    pid_t pid;

    if (hx_init_plumbing_open(&p, &spec, err) < 0)
        return hx_init_fail_prefix(err, "starting container %s", own->name);
    if (prepare(config, index, err) < 0 ||
        make_cgroup(&own->confine, index, err) < 0)
        goto fail;
    cgroup = hx_init_container_cgroup(index);
    pid = clone_process(cgroup);
    if (pid < 0) {
        hx_init_fail_sys(err, errno, "creating its process");
        goto fail;
    }
    if (pid == 0)
        run_child(config, index, &p, &spec);
    status = hx_init_plumbing_take(&p, pid, started_r);
    hx_init_plumbing_hear(status, &spec, started_r, true);
    if (started_r->exit_code != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        hx_init_started_release(started_r);
        hx_init_fail_prefix(&started_r->why, "starting container %s",
                            own->name);
    }
    return 0;
fail:
    hx_init_plumbing_close(&p);
    return hx_init_fail_prefix(err, "starting container %s", own->name);
}

unsigned hx_init_container_oom_kills(unsigned index)
{
    _init_close_ int fd = -1;
    _init_free_ char *text = NULL;
    const char *line;
    char path[64];
    size_t len;

    snprintf(path, sizeof(path), HX_INIT_CGROUP "/%u/memory.events", index);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || hx_init_read_fd(fd, 4096, &text, &len) < 0)
        return 0;
    line = strstr(text, "oom_kill ");
    return line ? (unsigned)strtoul(line + strlen("oom_kill "), NULL, 10) : 0;
}
