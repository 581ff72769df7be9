/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "domain-builder/pod-names.h"
#include "domain-builder/pod-record.h"
#include "domain-builder/pod-spec.h"
#include "image/base/clock.h"
#include "image/base/file.h"

struct hx_pod_hold {
    int fd;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening a pod's folder");
}

static int no_such_pod(const char *uuid, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "opening the pod %s: there is no such pod; see "
                      "'xl hyper-list -a'",
                      uuid);
}

/* -- the handle -------------------------------------------------------------
 */

/* `prefix` is what stands before the UUID in the folder's name. */
static int dir_init(struct hx_pod_dir *dir, const struct hx_pod_dirs *dirs,
                    const char *prefix, const char *uuid, struct hx_err *err)
{
    *dir = (struct hx_pod_dir){ .lock_fd = -1 };
    snprintf(dir->uuid, sizeof(dir->uuid), "%s", uuid);
    if (asprintf(&dir->path, "%s/pods/%s%s", dirs->lib, prefix, uuid) < 0) {
        dir->path = NULL;
        return no_memory(err);
    }
    if (asprintf(&dir->run_path, "%s/%s", dirs->run, uuid) < 0) {
        dir->run_path = NULL;
        return no_memory(err);
    }
    return 0;
}

void hx_pod_dir_release(struct hx_pod_dir *dir)
{
    if (!dir || !dir->path)
        return;
    hx_pod_dir_unlock(dir);
    free(dir->path);
    free(dir->run_path);
    *dir = (struct hx_pod_dir){ .lock_fd = -1 };
}

static int file_in(const struct hx_pod_dir *dir, const char *name,
                   char **path_r, struct hx_err *err)
{
    if (asprintf(path_r, "%s/%s", dir->path, name) < 0) {
        *path_r = NULL;
        return no_memory(err);
    }
    return 0;
}

/* -- locking ----------------------------------------------------------------
 */

/* Whether the file at `path` is still the one that `fd` locks. */
static bool same_file(int fd, const char *path)
{
    struct stat held, there;

    return fstat(fd, &held) == 0 && stat(path, &there) == 0 &&
           held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

/* `create` is O_CREAT, or 0: a folder without the file can't be locked. */
static int lock_folder(struct hx_pod_dir *dir, int create, int timeout_ms,
                       struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    struct hx_err why = { 0 };
    int r = file_in(dir, "lock", &path, err);

    if (r < 0)
        return r;
    fd = open(path, O_RDWR | create | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT)
        return no_such_pod(dir->uuid, err);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "locking %s", path);
    r = hx_lock_fd(fd, path, 1, timeout_ms, &why);
    if (r == -HX_ERR_STATE)
        return hx_err_set(err, HX_ERR_STATE,
                          "locking the pod %s: another command is at work on "
                          "it; try again when that has ended",
                          dir->uuid);
    if (r < 0) {
        if (err)
            *err = why;
        return r;
    }
    /* Who had it before may have removed the folder. */
    if (!same_file(fd, path))
        return no_such_pod(dir->uuid, err);
    dir->lock_fd = hx_steal_fd(&fd);
    return 0;
}

int hx_pod_dir_lock(struct hx_pod_dir *dir, int timeout_ms, struct hx_err *err)
{
    return lock_folder(dir, O_CREAT, timeout_ms, err);
}

void hx_pod_dir_unlock(struct hx_pod_dir *dir)
{
    hx_cleanup_close(&dir->lock_fd);
    dir->lock_fd = -1;
}

/* -- loading and saving -----------------------------------------------------
 */

int hx_pod_dir_load(struct hx_pod_dir *dir, struct hx_pod *pod_r,
                    struct hx_err *err)
{
    _cleanup_free_ char *asked = NULL, *became = NULL;
    _cleanup_buf_ struct hx_buf text = { 0 }, state = { 0 };
    struct hx_pod pod = { .exit_code = -1 };
    int r;

    r = file_in(dir, "pod.json", &asked, err);
    if (r == 0)
        r = file_in(dir, "state.json", &became, err);
    if (r == 0)
        r = hx_file_read(asked, HX_POD_JSON_MAX_BYTES, &text, err);
    if (r == 0)
        r = hx_file_read(became, HX_STATE_JSON_MAX_BYTES, &state, err);
    if (r == -HX_ERR_NOT_FOUND)
        return no_such_pod(dir->uuid, err);
    if (r == 0)
        r = hx_pod_json_parse(text.data ? text.data : "", text.len, asked, &pod,
                              err);
    if (r == 0 && strcmp(pod.uuid, dir->uuid) != 0)
        r = hx_err_set(err, HX_ERR_CORRUPT, "%s: it is of another pod, %s",
                       asked, pod.uuid);
    if (r == 0)
        r = hx_state_json_parse(state.data ? state.data : "", state.len, became,
                                &pod, err);
    if (r < 0) {
        hx_pod_release(&pod);
        return r;
    }
    *pod_r = pod;
    return 0;
}

int hx_pod_dir_save(const struct hx_pod_dir *dir, const struct hx_pod *pod,
                    struct hx_err *err)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    int r = file_in(dir, "state.json", &path, err);

    if (r == 0)
        r = hx_state_json_format(pod, &text, err);
    if (r == 0)
        r = hx_file_write_atomic(path, text, strlen(text), 0600, err);
    return r;
}

int hx_pod_dir_save_spec(const struct hx_pod_dir *dir, const struct hx_pod *pod,
                         struct hx_err *err)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    int r = file_in(dir, "pod.json", &path, err);

    if (r == 0)
        r = hx_pod_json_format(dir->uuid, pod->created_at_ms, &pod->spec, &text,
                               err);
    if (r == 0)
        r = hx_file_write_atomic(path, text, strlen(text), 0600, err);
    return r;
}

/* -- opening and finding ----------------------------------------------------
 */

int hx_pod_dir_open(const struct hx_pod_dirs *dirs, const char *uuid,
                    struct hx_pod_dir *dir_r, struct hx_err *err)
{
    struct hx_pod_dir dir;
    int r;

    if (!hx_pod_uuid_valid(uuid))
        return no_such_pod(uuid, err);
    r = dir_init(&dir, dirs, "", uuid, err);
    if (r == 0 && access(dir.path, F_OK) < 0)
        r = errno == ENOENT ? no_such_pod(uuid, err)
                            : hx_err_sys(err, HX_ERR_SYSTEM, errno,
                                         "opening the pod %s", uuid);
    if (r < 0) {
        hx_pod_dir_release(&dir);
        return r;
    }
    *dir_r = dir;
    return 0;
}

/* The next entry of LIB/pods, or NULL; *pods is opened by the first call. */
static const char *next_entry(const struct hx_pod_dirs *dirs, DIR **pods)
{
    _cleanup_free_ char *path = NULL;
    struct dirent *entry;

    if (!*pods) {
        if (asprintf(&path, "%s/pods", dirs->lib) < 0) {
            path = NULL;
            errno = ENOMEM;
            return NULL;
        }
        *pods = opendir(path);
        if (!*pods) {
            if (errno == ENOENT) /* nobody has made a pod yet */
                errno = 0;
            return NULL;
        }
    }
    errno = 0;
    entry = readdir(*pods);
    return entry ? entry->d_name : NULL;
}

int hx_pod_dir_list(const struct hx_pod_dirs *dirs, char ***uuids_r,
                    struct hx_err *err)
{
    _cleanup_closedir_ DIR *pods = NULL;
    _cleanup_strv_ char **uuids = NULL;
    const char *name;

    while ((name = next_entry(dirs, &pods))) {
        if (hx_pod_uuid_valid(name) && hx_strv_add(&uuids, name) < 0)
            return no_memory(err);
    }
    if (errno)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "listing %s/pods",
                          dirs->lib);
    *uuids_r = hx_steal_ptr(&uuids);
    return 0;
}

int hx_pod_dir_by_name(const struct hx_pod_dirs *dirs, const char *name,
                       char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    if (hx_pod_name_valid(name) && hx_pod_names_find(dirs, name, uuid_r) == 0)
        return 0;
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "looking for the pod %s: there is no such pod; see "
                      "'xl hyper-list -a'",
                      name);
}

/* -- creating ---------------------------------------------------------------
 */

static const char hex_digits[] = "0123456789abcdef";

static int make_uuid(char uuid[HX_POD_UUID_TEXT], struct hx_err *err)
{
    unsigned char random[16];
    char *p = uuid;

    if (getentropy(random, sizeof(random)) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making a pod's UUID");
    random[6] = (random[6] & 0x0f) | 0x40; /* RFC 4122: version 4, */
    random[8] = (random[8] & 0x3f) | 0x80; /* its variant */
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex_digits[random[i] >> 4];
        *p++ = hex_digits[random[i] & 15];
    }
    *p = '\0';
    return 0;
}

/* "registry/team/Web App:1.2" and 3fa2... -> "Web-App-3fa2" */
static void name_from_image(const char *image, const char *uuid, char name[64])
{
    const char *base = image ? strrchr(image, '/') : NULL;
    size_t len = 0;

    base = base ? base + 1 : (image ? image : "pod");
    for (; *base && !strchr(":@", *base) && len < 48; base++) {
        char c = *base;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');

        if (!plain && len == 0)
            continue; /* a name begins with a letter or a digit */
        name[len++] = plain || c == '.' || c == '_' ? c : '-';
    }
    if (len == 0)
        len = (size_t)sprintf(name, "pod");
    sprintf(name + len, "-%.4s", uuid);
}

/* The lock goes last, so that whoever sees the folder sees that somebody is at
 * work on it; without one there is nothing left in it. */
static int remove_folder(const char *path, struct hx_err *err)
{
    _cleanup_closedir_ DIR *folder = opendir(path);
    _cleanup_free_ char *lock = NULL;
    struct dirent *entry;
    int r = 0;

    if (!folder)
        return errno == ENOENT
                   ? 0
                   : hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    if (asprintf(&lock, "%s/lock", path) < 0) {
        lock = NULL;
        return no_memory(err);
    }
    while (r == 0 && (entry = readdir(folder))) {
        _cleanup_free_ char *inner = NULL;

        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, "lock") == 0)
            continue;
        if (asprintf(&inner, "%s/%s", path, entry->d_name) < 0) {
            inner = NULL;
            return no_memory(err);
        }
        r = hx_rm_rf(inner, err);
    }
    if (r == 0 && ((unlink(lock) < 0 && errno != ENOENT) ||
                   (rmdir(path) < 0 && errno != ENOENT)))
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    return r;
}

/* The folder under its first name, and its lock: both under the names' lock,
 * so that no sweep sees the one without the other. */
static int make_locked(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                       struct hx_err *err)
{
    _cleanup_close_ int names_lock = -1;
    int r = hx_pod_names_lock(dirs, &names_lock, err);

    if (r < 0)
        return r;
    if (mkdir(dir->path, 0700) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making the folder %s",
                          dir->path);
    return hx_pod_dir_lock(dir, 0, err);
}

static int write_files(struct hx_pod_dir *dir, const struct hx_pod_spec *spec,
                       struct hx_err *err)
{
    _cleanup_free_ char *text = NULL, *asked = NULL, *hold = NULL;
    struct hx_pod pod = { .state = HX_POD_CREATING, .exit_code = -1 };
    _cleanup_close_ int fd = -1;
    int r;

    r = hx_pod_json_format(dir->uuid, hx_clock_unix_ms(), spec, &text, err);
    if (r == 0)
        r = file_in(dir, "pod.json", &asked, err);
    if (r == 0)
        r = file_in(dir, "hold", &hold, err);
    if (r == 0)
        r = hx_file_write_atomic(asked, text, strlen(text), 0600, err);
    if (r == 0)
        r = hx_pod_dir_save(dir, &pod, err);
    if (r < 0)
        return r;
    fd = open(hold, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making %s", hold);
    return hx_mkdir_p(dir->run_path, 0700, err);
}

/* Takes the name and gives the folder its own. */
static int publish(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                   const char *name, struct hx_err *err)
{
    _cleanup_close_ int names_lock = -1;
    _cleanup_free_ char *path = NULL;
    int r = hx_pod_names_lock(dirs, &names_lock, err);

    if (r < 0)
        return r;
    if (asprintf(&path, "%s/pods/%s", dirs->lib, dir->uuid) < 0) {
        path = NULL;
        return no_memory(err);
    }
    r = hx_pod_names_check(dirs, name, err);
    if (r < 0)
        return r;
    if (rename(dir->path, path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "making the folder %s",
                          path);
    free(dir->path);
    dir->path = hx_steal_ptr(&path);
    return hx_pod_names_put(dirs, name, dir->uuid, err);
}

int hx_pod_dir_create(const struct hx_pod_dirs *dirs,
                      const struct hx_pod_spec *spec, struct hx_pod_dir *dir_r,
                      struct hx_err *err)
{
    struct hx_pod_spec named = *spec; /* borrows */
    struct hx_pod_dir dir = { .lock_fd = -1 };
    char uuid[HX_POD_UUID_TEXT], name[64];
    int r;

    r = make_uuid(uuid, err);
    if (r < 0)
        return r;
    if (!named.name) {
        name_from_image(spec->container_count ? spec->containers[0].image
                                              : NULL,
                        uuid, name);
        named.name = name;
    }
    if (!hx_pod_name_valid(named.name))
        return hx_err_set(err, HX_ERR_USAGE,
                          "naming the pod: \"%s\" is no name for a pod; take "
                          "1 to 63 letters, digits, '_', '.' or '-', the "
                          "first one a letter or a digit",
                          named.name);
    r = dir_init(&dir, dirs, ".new-", uuid, err);
    if (r == 0)
        r = make_locked(dirs, &dir, err);
    if (r == 0)
        r = write_files(&dir, &named, err);
    if (r == 0)
        r = publish(dirs, &dir, named.name, err);
    if (r < 0) {
        if (dir.path && dir.run_path) {
            hx_rm_rf(dir.run_path, NULL);
            remove_folder(dir.path, NULL);
        }
        hx_pod_dir_release(&dir);
        return r;
    }
    *dir_r = dir;
    return 0;
}

/* -- removing ---------------------------------------------------------------
 */

/* What is left of a folder that has its last name, LIB/pods/.old-UUID. */
static int remove_old(const struct hx_pod_dirs *dirs,
                      const struct hx_pod_dir *dir, struct hx_err *err)
{
    int r = hx_pod_names_drop(dirs, dir->uuid, err);

    if (r == 0)
        r = hx_rm_rf(dir->run_path, err);
    if (r == 0)
        r = remove_folder(dir->path, err);
    return r;
}

int hx_pod_dir_remove(const struct hx_pod_dirs *dirs, struct hx_pod_dir *dir,
                      struct hx_err *err)
{
    struct hx_pod_dir old;
    int r = dir_init(&old, dirs, ".old-", dir->uuid, err);

    if (r == 0 && rename(dir->path, old.path) < 0 && errno != ENOENT)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing the folder %s",
                       dir->path);
    if (r == 0)
        r = remove_old(dirs, &old, err);
    hx_pod_dir_unlock(dir);
    hx_pod_dir_release(&old);
    return r;
}

/*
 * Locks a folder that nobody is at work on any more.  HX_ERR_NOT_FOUND when it
 * has no lock: it never got one, or its remover is about to finish.
 */
static int lock_abandoned(const struct hx_pod_dirs *dirs,
                          struct hx_pod_dir *dir, struct hx_err *err)
{
    _cleanup_close_ int names_lock = -1;
    int r = hx_pod_names_lock(dirs, &names_lock, err);

    return r == 0 ? lock_folder(dir, 0, 0, err) : r;
}

/* A folder that never got its name, or is losing it. */
static int sweep_one(const struct hx_pod_dirs *dirs, const char *prefix,
                     const char *uuid, struct hx_err *err)
{
    struct hx_err why = { 0 };
    struct hx_pod_dir dir;
    int r = dir_init(&dir, dirs, prefix, uuid, &why);

    if (r == 0)
        r = lock_abandoned(dirs, &dir, &why);
    if (r == 0)
        r = remove_old(dirs, &dir, &why);
    else if (r == -HX_ERR_STATE)
        r = 0; /* somebody is at work on it */
    else if (r == -HX_ERR_NOT_FOUND)
        r = rmdir(dir.path) == 0 || errno == ENOENT
                ? 0
                : hx_err_sys(&why, HX_ERR_SYSTEM, errno, "removing %s",
                             dir.path);
    hx_pod_dir_release(&dir);
    if (r < 0 && err)
        *err = why;
    return r;
}

int hx_pod_dir_sweep(const struct hx_pod_dirs *dirs, struct hx_err *err)
{
    static const char *const prefixes[] = { ".new-", ".old-" };
    _cleanup_closedir_ DIR *pods = NULL;
    const char *name;
    int first = 0;

    while ((name = next_entry(dirs, &pods))) {
        for (int i = 0; i < 2; i++) {
            size_t len = strlen(prefixes[i]);
            int r;

            if (strncmp(name, prefixes[i], len) != 0 ||
                !hx_pod_uuid_valid(name + len))
                continue;
            r = sweep_one(dirs, prefixes[i], name + len,
                          first == 0 ? err : NULL);
            if (first == 0)
                first = r;
        }
    }
    return first;
}

/* -- holding ----------------------------------------------------------------
 */

static int lock_hold(const struct hx_pod_dir *dir, int how, int *fd_r,
                     struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int fd = -1;
    int r = file_in(dir, "hold", &path, err);

    if (r < 0)
        return r;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
    if (fd < 0)
        return no_such_pod(dir->uuid, err);
    if (flock(fd, how | LOCK_NB) < 0 || !same_file(fd, path))
        return no_such_pod(dir->uuid, err);
    *fd_r = hx_steal_fd(&fd);
    return 0;
}

int hx_pod_dir_hold(const struct hx_pod_dir *dir, struct hx_pod *pod,
                    struct hx_err *err)
{
    struct hx_pod_hold *hold;
    int fd = -1, r;

    if (pod->hold)
        return 0;
    r = lock_hold(dir, LOCK_SH, &fd, err);
    if (r < 0)
        return r;
    hold = malloc(sizeof(*hold));
    if (!hold) {
        close(fd);
        return no_memory(err);
    }
    hold->fd = fd;
    pod->hold = hold;
    return 0;
}

void hx_pod_let_go(struct hx_pod *pod)
{
    if (!pod->hold)
        return;
    hx_cleanup_close(&pod->hold->fd);
    free(pod->hold);
    pod->hold = NULL;
}

bool hx_pod_dir_seize(const struct hx_pod_dir *dir, int *fd_r)
{
    return lock_hold(dir, LOCK_EX, fd_r, NULL) == 0;
}

/* -- struct hx_pod ----------------------------------------------------------
 */

void hx_pod_release(struct hx_pod *pod)
{
    if (!pod)
        return;
    hx_pod_let_go(pod);
    free(pod->message);
    free(pod->ip);
    free(pod->gateway);
    free(pod->mac);
    free(pod->bridge);
    free(pod->vif);
    free(pod->stages);
    free(pod->domain_name);
    hx_pod_spec_release(&pod->spec);
    *pod = (struct hx_pod){ 0 };
}

int hx_pod_add_stage(struct hx_pod *pod, const char *side, const char *name,
                     uint64_t us)
{
    char *longer;

    if (asprintf(&longer, "%s%s%s.%s=%" PRIu64, pod->stages ? pod->stages : "",
                 pod->stages ? " " : "", side, name, us) < 0)
        return -1;
    free(pod->stages);
    pod->stages = longer;
    return 0;
}
