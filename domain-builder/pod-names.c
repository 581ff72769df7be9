/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "image/base/file.h"

#define LOCK_TIMEOUT_MS 10000

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "naming a pod");
}

/* LIB/pods/.names/NAME, or the folder itself for ""; NULL without memory. */
static char *link_path(const struct hx_pod_dirs *dirs, const char *name)
{
    char *path;

    return asprintf(&path, "%s/pods/.names/%s", dirs->lib, name) < 0 ? NULL
                                                                     : path;
}

int hx_pod_names_lock(const struct hx_pod_dirs *dirs, int *fd_r,
                      struct hx_err *err)
{
    _cleanup_free_ char *names = link_path(dirs, "");
    _cleanup_free_ char *lock = NULL;
    int r;

    if (!names || asprintf(&lock, "%s/pods/.lock", dirs->lib) < 0) {
        lock = NULL;
        return no_memory(err);
    }
    names[strlen(names) - 1] = '\0';
    if (access(names, F_OK) < 0) {
        /* 0711: a store beside us may be readable, the pods' folders are not */
        r = hx_mkdir_p(dirs->lib, 0711, err);
        if (r == 0)
            r = hx_mkdir_p(names, 0700, err);
        if (r < 0)
            return r;
    }
    return hx_lock(lock, 1, LOCK_TIMEOUT_MS, fd_r, err);
}

/* The text of a link, if it is a UUID. */
static int read_link(const char *path, char uuid_r[HX_POD_UUID_TEXT])
{
    char text[HX_POD_UUID_TEXT + 1];
    ssize_t len = readlink(path, text, sizeof(text));

    if (len != HX_POD_UUID_TEXT - 1)
        return -1;
    text[len] = '\0';
    if (!hx_pod_uuid_valid(text))
        return -1;
    memcpy(uuid_r, text, HX_POD_UUID_TEXT);
    return 0;
}

int hx_pod_names_find(const struct hx_pod_dirs *dirs, const char *name,
                      char uuid_r[HX_POD_UUID_TEXT])
{
    _cleanup_free_ char *path = link_path(dirs, name);
    _cleanup_free_ char *folder = NULL;
    char uuid[HX_POD_UUID_TEXT];

    if (!path || read_link(path, uuid) < 0)
        return -1;
    if (asprintf(&folder, "%s/pods/%s", dirs->lib, uuid) < 0) {
        folder = NULL;
        return -1;
    }
    if (access(folder, F_OK) < 0)
        return -1;
    memcpy(uuid_r, uuid, HX_POD_UUID_TEXT);
    return 0;
}

int hx_pod_names_check(const struct hx_pod_dirs *dirs, const char *name,
                       struct hx_err *err)
{
    char uuid[HX_POD_UUID_TEXT];

    if (hx_pod_names_find(dirs, name, uuid) < 0)
        return 0;
    return hx_err_set(err, HX_ERR_EXISTS,
                      "naming the pod: the name %s is in use by the pod %s; "
                      "take another with --name, or remove that one with "
                      "'xl hyper-destroy %s'",
                      name, uuid, name);
}

int hx_pod_names_put(const struct hx_pod_dirs *dirs, const char *name,
                     const char *uuid, struct hx_err *err)
{
    _cleanup_free_ char *path = link_path(dirs, name);

    if (!path)
        return no_memory(err);
    if ((unlink(path) < 0 && errno != ENOENT) || symlink(uuid, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "naming the pod %s", name);
    return 0;
}

int hx_pod_names_drop(const struct hx_pod_dirs *dirs, const char *uuid,
                      struct hx_err *err)
{
    return hx_pod_names_tidy(dirs, uuid, "", err);
}

int hx_pod_names_tidy(const struct hx_pod_dirs *dirs, const char *uuid,
                      const char *name, struct hx_err *err)
{
    _cleanup_free_ char *folder = link_path(dirs, "");
    _cleanup_close_ int lock = -1;
    _cleanup_closedir_ DIR *names = NULL;
    struct dirent *entry;
    int r = hx_pod_names_lock(dirs, &lock, err);

    if (r < 0)
        return r;
    names = folder ? opendir(folder) : NULL;
    if (!names)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the pods' names");
    /* All of them: what pod.json says of the name may be lost or broken. */
    while ((entry = readdir(names))) {
        _cleanup_free_ char *path = link_path(dirs, entry->d_name);
        char text[HX_POD_UUID_TEXT];

        if (path && strcmp(entry->d_name, name) != 0 &&
            read_link(path, text) == 0 && strcmp(text, uuid) == 0)
            unlink(path);
    }
    return 0;
}
