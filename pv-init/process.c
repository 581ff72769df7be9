/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *env_value(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    }
    return NULL;
}

static bool add_default(char **list, size_t *count, const char *const *env,
                        const char *name, const char *value)
{
    const char *given = env_value(env, name);

    /* An empty HOME is as good as none; so says Docker's runtime. */
    if (given && (given[0] || strcmp(name, "HOME") != 0))
        return true;
    return asprintf(&list[(*count)++], "%s=%s", name, value) >= 0;
}

char **hx_init_process_env(const struct hx_init_container_config *config,
                           const char *hostname, const char *home)
{
    size_t count = 0, given = 0;
    char **list;

    while (config->env && config->env[given])
        given++;
    list = calloc(given + 5, sizeof(*list));
    if (!list)
        return NULL;
    if (!add_default(list, &count, config->env, "PATH", HX_INIT_PATH_DEFAULT) ||
        !add_default(list, &count, config->env, "HOSTNAME", hostname) ||
        (config->tty &&
         !add_default(list, &count, config->env, "TERM", "xterm"))) {
        free(list);
        return NULL;
    }
    for (given = 0; config->env && config->env[given]; given++) {
        /* Two HOMEs would leave the choice to the program. */
        if (strcmp(config->env[given], "HOME=") != 0)
            list[count++] = (char *)config->env[given];
    }
    if (!add_default(list, &count, config->env, "HOME", home)) {
        free(list);
        return NULL;
    }
    return list;
}

int hx_init_process_become(const struct hx_init_container_config *config,
                           const struct hx_init_user *user,
                           struct hx_init_err *err)
{
    setsid();
    if (config->tty)
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    umask(0022);
    if (hx_init_confine_begin(&config->confine, err) < 0)
        return -1;
    /* As root: the folder may be closed to the user, and Docker enters it. */
    if (chdir(config->cwd) < 0)
        return hx_init_fail_sys(err, errno, "entering the working directory %s",
                                config->cwd);
    if (setgroups(user->group_count, user->groups) < 0 ||
        setresgid(user->gid, user->gid, user->gid) < 0 ||
        setresuid(user->uid, user->uid, user->uid) < 0)
        return hx_init_fail_sys(err, errno, "becoming user %u, group %u",
                                user->uid, user->gid);
    return hx_init_confine_finish(&config->confine, user->uid, err);
}

/* A regular file that this process may execute. */
static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Looks for `name` in PATH; false when no folder has such a program. */
static bool find_program(const char *name, const char *path,
                         char found_r[PATH_MAX])
{
    while (path) {
        size_t len = strcspn(path, ":");
        int n = len == 0 ? snprintf(found_r, PATH_MAX, "./%s", name)
                         : snprintf(found_r, PATH_MAX, "%.*s/%s", (int)len,
                                    path, name);

        if (n < PATH_MAX && is_program(found_r))
            return true;
        path = path[len] ? path + len + 1 : NULL;
    }
    return false;
}

int hx_init_process_exec(const char *const *args, char *const *env,
                         struct hx_init_err *err)
{
    const char *name = args[0];
    char found[PATH_MAX];
    struct stat st;

    if (!strchr(name, '/')) {
        const char *path = env_value((const char *const *)env, "PATH");

        if (!name[0] || !find_program(name, path, found)) {
            hx_init_fail(err,
                         "exec: \"%.200s\": executable file not found in $PATH",
                         name);
            return HX_INIT_EXIT_NOT_FOUND;
        }
        name = found;
    } else if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        hx_init_fail(err, "exec: \"%.200s\": is a directory", name);
        return HX_INIT_EXIT_NOT_RUNABLE;
    }
    execve(name, (char *const *)args, env);
    hx_init_fail_sys(err, errno, "exec: \"%.200s\"", name);
    return errno == ENOENT || errno == ENOTDIR ? HX_INIT_EXIT_NOT_FOUND
                                               : HX_INIT_EXIT_NOT_RUNABLE;
}
