/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/env.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "image/base/file.h"
#include "image/base/strv.h"

#define BLANKS " \t\r\v\f"

static void env_remove(char **env, const char *name)
{
    size_t len = strlen(name);
    char **to = env;

    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            free(*env);
        else
            *to++ = *env;
    }
    if (to)
        *to = NULL;
}

static int put(char ***env, const char *assignment, struct hx_err *err)
{
    if (hx_env_put(env, assignment) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "setting the environment");
    return 0;
}

/* NAME=value from the caller's environment; `removes` is -e's way. */
static int inherit(char ***env, const char *name, char *const *caller,
                   bool removes, struct hx_err *err)
{
    const char *value = hx_env_get(caller, name);
    _cleanup_free_ char *assignment = NULL;

    if (!value) {
        if (removes)
            env_remove(*env, name);
        return 0;
    }
    if (asprintf(&assignment, "%s=%s", name, value) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "setting the environment");
    return put(env, assignment, err);
}

int hx_env_apply(char ***env, const char *setting, char *const *caller,
                 struct hx_err *err)
{
    if (!*setting || *setting == '=')
        return hx_err_set(err, HX_ERR_USAGE,
                          "-e '%.64s': the name is missing; write NAME=VALUE",
                          setting);
    if (strchr(setting, '='))
        return put(env, setting, err);
    return inherit(env, setting, caller, true, err);
}

static int apply_line(char ***env, char *line, const char *path,
                      unsigned number, char *const *caller, struct hx_err *err)
{
    size_t name;

    line += strspn(line, BLANKS);
    if (!*line || *line == '#')
        return 0;
    name = strcspn(line, "=");
    if (name == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s line %u: the name is missing; write NAME=VALUE",
                          path, number);
    if (strcspn(line, BLANKS) < name)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s line %u: a name with a blank in it; write "
                          "NAME=VALUE",
                          path, number);
    if (line[name])
        return put(env, line, err);
    return inherit(env, line, caller, false, err);
}

int hx_env_apply_text(char ***env, const char *text, const char *path,
                      char *const *caller, struct hx_err *err)
{
    unsigned number = 1;

    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (; *text; number++) {
        size_t len = strcspn(text, "\n");
        _cleanup_free_ char *line = strndup(text, len);
        size_t used = len;
        int r;

        if (!line)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading %s", path);
        if (used && line[used - 1] == '\r')
            line[used - 1] = '\0';
        r = apply_line(env, line, path, number, caller, err);
        if (r < 0)
            return r;
        text += len + (text[len] == '\n');
    }
    return 0;
}

int hx_env_apply_file(char ***env, const char *path, char *const *caller,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int r;

    r = hx_file_read(path, HX_ENV_FILE_MAX_BYTES, &text, err);
    if (r < 0)
        return hx_err_prefix(err, "--env-file");
    if (text.data && strlen(text.data) != text.len)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--env-file: %s holds a NUL byte and is no text",
                          path);
    return hx_env_apply_text(env, text.data ? text.data : "", path, caller,
                             err);
}
