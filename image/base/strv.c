/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/strv.h"

#include <stdlib.h>
#include <string.h>

size_t hx_strv_len(char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    return n;
}

int hx_strv_add(char ***v, const char *text)
{
    size_t n = hx_strv_len(*v);
    char *copy = strdup(text);
    char **grown;

    if (!copy)
        return -1;
    grown = realloc(*v, (n + 2) * sizeof(*grown));
    if (!grown) {
        free(copy);
        return -1;
    }
    grown[n] = copy;
    grown[n + 1] = NULL;
    *v = grown;
    return 0;
}

int hx_strv_add_all(char ***v, char *const *more)
{
    for (size_t i = 0; more && more[i]; i++) {
        if (hx_strv_add(v, more[i]) < 0)
            return -1;
    }
    return 0;
}

void hx_strv_free(char ***v)
{
    if (!v || !*v)
        return;
    for (char **p = *v; *p; p++)
        free(*p);
    free(*v);
    *v = NULL;
}

static size_t name_len(const char *assignment)
{
    return strcspn(assignment, "=");
}

const char *hx_env_get(char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    }
    return NULL;
}

int hx_env_put(char ***env, const char *assignment)
{
    size_t len = name_len(assignment);

    for (char **p = *env; p && *p; p++) {
        if (name_len(*p) == len && strncmp(*p, assignment, len) == 0) {
            char *copy = strdup(assignment);

            if (!copy)
                return -1;
            free(*p);
            *p = copy;
            return 0;
        }
    }
    return hx_strv_add(env, assignment);
}
