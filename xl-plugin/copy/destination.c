/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"

static int open_base(struct hx_destination *dest, const char *folder,
                     struct hx_err *err)
{
    dest->base = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dest->base < 0)
        return hx_err_sys(
            err, errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM, errno,
            "copying to %s: folder %s", dest->path, folder);
    return 0;
}

/* The last component of `path` becomes TOP's new name. */
static int open_parent(struct hx_destination *dest, const char *path,
                       struct hx_err *err)
{
    _cleanup_free_ char *folder = strdup(path);
    size_t len = strlen(path);
    char *name;

    if (!folder)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "copying to %s", path);
    while (len > 1 && folder[len - 1] == '/')
        folder[--len] = '\0';
    name = strrchr(folder, '/');
    name = name ? name + 1 : folder;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "copying to %s: there is no such folder", path);
    if (strlen(name) > NAME_MAX)
        return hx_err_sys(err, HX_ERR_USAGE, ENAMETOOLONG, "copying to %s",
                          path);
    strcpy(dest->to, name);
    *name = '\0';
    return open_base(dest, *folder ? folder : ".", err);
}

static int find_existing(struct hx_destination *dest, const char *top,
                         const struct stat *st, struct hx_err *err)
{
    _cleanup_free_ char *real = NULL;

    if (S_ISDIR(st->st_mode)) {
        strcpy(dest->to, strcmp(top, ".") == 0 ? "" : top);
        return open_base(dest, dest->path, err);
    }
    /* The file behind a link is replaced, and not the link. */
    real = realpath(dest->path, NULL);
    if (!real)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "copying to %s",
                          dest->path);
    dest->for_file = true;
    return open_parent(dest, real, err);
}

int hx_destination_find(const char *path, const char *top,
                        struct hx_destination *dest_r, struct hx_err *err)
{
    struct hx_destination dest = { .base = -1, .path = path };
    struct stat st;
    int r;

    if (!*top || strlen(top) > NAME_MAX || strchr(top, '/') ||
        strcmp(top, "..") == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "'%.60s' is no name of a file to be copied", top);
    if (!*path)
        return hx_err_set(err, HX_ERR_USAGE, "a copy to nowhere");
    if (stat(path, &st) == 0) {
        r = find_existing(&dest, top, &st, err);
    } else if (errno == ENOENT && lstat(path, &st) < 0) {
        dest.for_folder = path[strlen(path) - 1] == '/';
        r = open_parent(&dest, path, err);
    } else {
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "copying to %s", path);
    }
    if (r == 0)
        *dest_r = dest;
    return r;
}

int hx_destination_check(const struct hx_destination *dest, bool is_folder,
                         struct hx_err *err)
{
    if (dest->for_file && is_folder)
        return hx_err_set(err, HX_ERR_EXISTS,
                          "copying to %s: it is a file, and a folder cannot "
                          "take its place",
                          dest->path);
    if (dest->for_folder && !is_folder)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "copying to %s: there is no such folder; make it "
                          "first, or leave out the slash",
                          dest->path);
    return 0;
}

void hx_destination_release(struct hx_destination *dest)
{
    hx_cleanup_close(&dest->base);
    dest->base = -1;
}
