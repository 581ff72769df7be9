/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two places of an OCI layout: a folder, and an archive.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/pull/archive.h"
#include "image/pull/supply.h"
#include "image/pull/tree.h"

struct folder {
    struct hx_tree tree; /* first */
    int fd;
    char *path;
};

/* Links are followed, as some builders lay blobs out with them: what is read
 * is checked against its digest. */
static int folder_open(struct hx_tree *tree, const char *name, int *fd_r,
                       struct hx_err *err)
{
    const struct folder *folder = (const struct folder *)tree;
    _cleanup_close_ int fd =
        openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return hx_err_set(err, HX_ERR_NOT_FOUND, "%s: it holds no file %.100s",
                          tree->what, name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s: reading %.100s",
                          tree->what, name);
    if (!S_ISREG(st.st_mode))
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: %.100s is no file",
                          tree->what, name);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

static void folder_free(struct hx_tree *tree)
{
    struct folder *folder = (struct folder *)tree;

    hx_cleanup_close(&folder->fd);
    free(folder->path);
    free(folder);
}

int hx_supply_oci_folder(const struct hx_store *store, const char *path,
                         const char *tag, struct hx_supply **supply_r,
                         struct hx_err *err)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    int saved;

    if (!folder)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", path);
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    saved = errno;
    folder->path = strdup(path);
    folder->tree = (struct hx_tree){ folder_open, folder_free, folder->path };
    if (folder->fd >= 0 && folder->path)
        return hx_layout_new(store, &folder->tree, tag, supply_r, err);
    folder_free(&folder->tree);
    if (saved == ENOENT)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "%s: there is no such folder; check the path", path);
    if (saved == ENOTDIR)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: no folder; an archive is named as "
                          "oci-archive:PATH or docker-archive:PATH",
                          path);
    return hx_err_sys(err, HX_ERR_SYSTEM, saved, "reading %s", path);
}

struct packed {
    struct hx_tree tree; /* first */
    const struct hx_store *store;
    int fd;
    char *path;
    struct hx_archive *archive; /* opened with the first file */
};

static int packed_open(struct hx_tree *tree, const char *name, int *fd_r,
                       struct hx_err *err)
{
    struct packed *packed = (struct packed *)tree;
    int rc = 0;

    if (!packed->archive)
        rc = hx_archive_open(packed->store, packed->fd, packed->path,
                             &packed->archive, err);
    if (rc == 0)
        rc = hx_archive_file(packed->archive, name, fd_r, err);
    return rc;
}

static void packed_free(struct hx_tree *tree)
{
    struct packed *packed = (struct packed *)tree;

    hx_archive_free(packed->archive);
    hx_cleanup_close(&packed->fd);
    free(packed->path);
    free(packed);
}

int hx_supply_oci_archive(const struct hx_store *store, const char *path,
                          const char *tag, struct hx_supply **supply_r,
                          struct hx_err *err)
{
    struct packed *packed = calloc(1, sizeof(*packed));
    int rc;

    if (!packed)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", path);
    packed->store = store;
    packed->fd = -1;
    packed->path = strdup(path);
    packed->tree = (struct hx_tree){ packed_open, packed_free, packed->path };
    rc = packed->path ? hx_archive_open_path(path, &packed->fd, err)
                      : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", path);
    if (rc < 0) {
        packed_free(&packed->tree);
        return rc;
    }
    return hx_layout_new(store, &packed->tree, tag, supply_r, err);
}

int hx_supply_oci_opened(const struct hx_store *store,
                         struct hx_archive *archive, const char *what,
                         struct hx_supply **supply_r, struct hx_err *err)
{
    struct packed *packed = calloc(1, sizeof(*packed));

    if (!packed) {
        hx_archive_free(archive);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    }
    packed->store = store;
    packed->fd = -1;
    packed->archive = archive;
    packed->path = strdup(what);
    packed->tree = (struct hx_tree){ packed_open, packed_free, packed->path };
    if (!packed->path) {
        packed_free(&packed->tree);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    }
    return hx_layout_new(store, &packed->tree, NULL, supply_r, err);
}
