/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "image/base/file.h"
#include "image/digest.h"

#define LOCK_WAIT_MS 30000

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "image store");
}

static char *root_path(const char *root, struct hx_err *err)
{
    char *path = NULL;

    if (root[0] == '/') {
        path = strdup(root);
    } else {
        _cleanup_free_ char *here = getcwd(NULL, 0);

        if (here && asprintf(&path, "%s/%s", here, root) < 0)
            path = NULL;
    }
    if (!path)
        hx_err_sys(err, HX_ERR_SYSTEM, errno, "image store %s", root);
    return path;
}

int hx_store_open(const char *root, struct hx_store *store, struct hx_err *err)
{
    static const char *const folders[] = { "blobs/sha256", "disks", "images",
                                           "refs", "tmp" };
    struct hx_store opened = { 0 };
    int rc;

    opened.root = root_path(root ? root : HX_STORE_DEFAULT, err);
    if (!opened.root)
        return -HX_ERR_SYSTEM;
    /* The root is shared with pods/, whose paths others may have to follow. */
    rc = hx_mkdir_p(opened.root, 0711, err);
    for (size_t i = 0; rc == 0 && i < sizeof(folders) / sizeof(folders[0]);
         i++) {
        _cleanup_free_ char *path = hx_store_path(&opened, "%s", folders[i]);

        if (!path)
            rc = no_memory(err);
        else if (access(path, F_OK) < 0)
            rc = hx_mkdir_p(path, 0700, err);
    }
    if (rc < 0) {
        hx_store_close(&opened);
        return hx_err_prefix(err, "opening the image store");
    }
    *store = opened;
    return 0;
}

void hx_store_close(struct hx_store *store)
{
    if (!store)
        return;
    free(store->root);
    *store = (struct hx_store){ 0 };
}

char *hx_store_path(const struct hx_store *store, const char *fmt, ...)
{
    _cleanup_free_ char *rest = NULL;
    char *path = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&rest, fmt, ap);
    va_end(ap);
    if (n < 0) {
        rest = NULL;
        return NULL;
    }
    if (asprintf(&path, "%s/%s", store->root, rest) < 0)
        return NULL;
    return path;
}

char *hx_store_blob_path(const struct hx_store *store, const char *digest)
{
    return hx_store_path(store, "blobs/sha256/%s", hx_digest_hex(digest));
}

char *hx_store_disk_path(const struct hx_store *store, const char *key)
{
    return hx_store_path(store, "disks/%s.squashfs", key);
}

static int lock(const struct hx_store *store, const char *name, int exclusive,
                int *fd_r, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(store, "%s", name);

    if (!path)
        return no_memory(err);
    return hx_lock(path, exclusive, LOCK_WAIT_MS, fd_r, err);
}

int hx_store_lock(const struct hx_store *store, int *fd_r, struct hx_err *err)
{
    return lock(store, "store.lock", 1, fd_r, err);
}

int hx_store_lock_shared(const struct hx_store *store, int *fd_r,
                         struct hx_err *err)
{
    return lock(store, "store.lock", 0, fd_r, err);
}

int hx_store_join_pulls(const struct hx_store *store, int *fd_r,
                        struct hx_err *err)
{
    return lock(store, "pulls.lock", 0, fd_r, err);
}

/*
 * Whether `fd`, which we have locked, is still the file of that name: between
 * our open and our lock others may have removed or renamed it.
 */
static int still_named(int fd, const char *path)
{
    struct stat ours, named;

    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* Makes the file or folder of a template and opens it. */
static int make_temp(char *path, int folder)
{
    if (!folder)
        return mkostemp(path, O_CLOEXEC);
    return mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int new_temp(const struct hx_store *store, const char *prefix,
                    int folder, int *fd_r, char **path_r, struct hx_err *err)
{
    for (int tries = 0; tries < 100; tries++) {
        _cleanup_free_ char *path =
            hx_store_path(store, "tmp/%s-XXXXXX", prefix);
        _cleanup_close_ int fd = -1;

        if (!path)
            return no_memory(err);
        fd = make_temp(path, folder);
        if (fd < 0 && (!folder || errno != ENOENT))
            return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                              "making a temporary file in %s/tmp", store->root);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
            !still_named(fd, path))
            continue;
        *fd_r = hx_steal_fd(&fd);
        *path_r = hx_steal_ptr(&path);
        return 0;
    }
    return hx_err_set(err, HX_ERR_STATE,
                      "making a temporary file in %s/tmp: others remove it "
                      "again and again",
                      store->root);
}

int hx_store_temp(const struct hx_store *store, const char *prefix, int *fd_r,
                  char **path_r, struct hx_err *err)
{
    return new_temp(store, prefix, 0, fd_r, path_r, err);
}

int hx_store_temp_folder(const struct hx_store *store, const char *prefix,
                         int *fd_r, char **path_r, struct hx_err *err)
{
    return new_temp(store, prefix, 1, fd_r, path_r, err);
}

int hx_store_is_young(const struct stat *st, int64_t spare_s)
{
    int64_t age_s = (int64_t)time(NULL) - (int64_t)st->st_mtime;

    return age_s < spare_s && age_s > -spare_s;
}

/* One that a killed pull had only just made is of no use to the next. */
static int is_spared(const char *name, const struct stat *st, int64_t spare_s)
{
    return strncmp(name, "blob-", 5) == 0 && S_ISREG(st->st_mode) &&
           st->st_size > 0 && hx_store_is_young(st, spare_s);
}

static void sweep_one(const struct hx_store *store, int dir, const char *name,
                      int64_t spare_s, uint64_t *freed_bytes)
{
    _cleanup_close_ int fd = openat(
        dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    _cleanup_free_ char *path = hx_store_path(store, "tmp/%s", name);
    struct stat st;

    /* Its writer may have renamed it before we had the lock, and another one
     * begun a new file of that name. */
    if (fd < 0 || !path || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
        !still_named(fd, path) || fstat(fd, &st) < 0 ||
        is_spared(name, &st, spare_s))
        return;
    if (unlinkat(dir, name, 0) == 0)
        *freed_bytes += (uint64_t)st.st_size;
    else if (errno == EISDIR)
        hx_rm_rf(path, NULL);
}

int hx_store_sweep_temps(const struct hx_store *store, int64_t spare_s,
                         uint64_t *freed_bytes, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_path(store, "tmp");
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;

    if (!path)
        return no_memory(err);
    dir = opendir(path);
    if (!dir)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading %s", path);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            sweep_one(store, dirfd(dir), entry->d_name, spare_s, freed_bytes);
    }
    return 0;
}

/* Makes the folders above the last component of `path`. */
static int make_parents(const char *path, struct hx_err *err)
{
    _cleanup_free_ char *parent = strdup(path);
    char *slash;

    if (!parent)
        return no_memory(err);
    slash = strrchr(parent, '/');
    *slash = '\0';
    return access(parent, F_OK) == 0 ? 0 : hx_mkdir_p(parent, 0700, err);
}

int hx_store_write(const struct hx_store *store, const char *path,
                   const void *data, size_t len, struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int rc, saved;

    rc = make_parents(path, err);
    if (rc == 0)
        rc = hx_store_temp(store, "write", &fd, &temp, err);
    if (rc < 0)
        return rc;
    if (hx_write_all(fd, data, len) == 0 && fsync(fd) == 0 &&
        rename(temp, path) == 0)
        return 0;
    saved = errno;
    if (temp)
        unlink(temp);
    return hx_err_sys(err, HX_ERR_SYSTEM, saved, "writing %s", path);
}
