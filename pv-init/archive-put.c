/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pv-init/tar.h"

/* A folder whose time is set once nothing more is written into it. */
struct open_folder {
    size_t name_len; /* of its path within extractor.folders */
    struct timespec mtime;
};

struct extractor {
    const struct hx_init_archive_put *how;
    int base; /* the folder below which all is written */
    /* What stands in place of `top`; "" for the base itself. */
    char to[HX_INIT_TAR_PATH_MAX];
    struct hx_init_tar_reader reader;
    struct hx_init_tar_member member;
    char path[HX_INIT_TAR_PATH_MAX]; /* the member's, below the base */
    /* The folders around the member last written, outermost first. */
    char folders[HX_INIT_TAR_PATH_MAX];
    struct open_folder open[HX_INIT_TAR_PATH_MAX / 2];
    unsigned open_count;
};

/* -- names -------------------------------------------------------------------
 */

/* Without "." and empty components; -1 for "..". */
static int clean(const char *name, char cleaned[HX_INIT_TAR_PATH_MAX])
{
    size_t used = 0;

    while (*name) {
        size_t len = strcspn(name, "/");

        if (len == 2 && memcmp(name, "..", 2) == 0)
            return -1;
        if (len > 0 && !(len == 1 && *name == '.')) {
            if (used > 0)
                cleaned[used++] = '/';
            memcpy(cleaned + used, name, len);
            used += len;
        }
        name += len;
        name += *name == '/';
    }
    cleaned[used] = '\0';
    return 0;
}

/* A member's name into its path below the base. */
static int place(const struct extractor *x, const char *name,
                 char path_r[HX_INIT_TAR_PATH_MAX], struct hx_init_err *err)
{
    char cleaned[HX_INIT_TAR_PATH_MAX];
    const char *top = x->how->top, *rest = cleaned;

    if (clean(name, cleaned) < 0)
        return hx_init_fail(err, "%s: a name with .. in it is not written",
                            name);
    if (top && strcmp(top, ".") != 0) {
        size_t len = strlen(top);

        if (strncmp(cleaned, top, len) != 0 ||
            (cleaned[len] != '/' && cleaned[len] != '\0'))
            return hx_init_fail(err, "%s: the tar should have %s alone", name,
                                top);
        rest = cleaned + len + (cleaned[len] == '/');
    }
    if ((size_t)snprintf(path_r, HX_INIT_TAR_PATH_MAX, "%s%s%s", x->to,
                         *x->to && *rest ? "/" : "",
                         rest) >= HX_INIT_TAR_PATH_MAX)
        return hx_init_fail_sys(err, ENAMETOOLONG, "%s", name);
    return 0;
}

/* -- where to ----------------------------------------------------------------
 */

static int open_base(struct extractor *x, const char *path,
                     struct hx_init_err *err)
{
    x->base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->base < 0)
        return hx_init_fail_sys(err, errno, "%s", path);
    return 0;
}

/* The last component becomes the new name of `top`. */
static int open_parent(struct extractor *x, const char *dest,
                       struct hx_init_err *err)
{
    char folder[HX_INIT_TAR_PATH_MAX];
    size_t len = strlen(dest), begin;

    while (len > 1 && dest[len - 1] == '/')
        len--;
    for (begin = len; begin > 0 && dest[begin - 1] != '/';)
        begin--;
    snprintf(folder, sizeof(folder), "%.*s", (int)begin, dest);
    snprintf(x->to, sizeof(x->to), "%.*s", (int)(len - begin), dest + begin);
    if (strcmp(x->to, ".") == 0 || strcmp(x->to, "..") == 0)
        return hx_init_fail_sys(err, ENOENT, "%s", dest);
    return open_base(x, folder, err);
}

/* docker cp's rules; the first member says what is being copied. */
static int find_destination(struct extractor *x, struct hx_init_err *err)
{
    const char *dest = x->how->dest, *top = x->how->top;
    bool is_folder = x->member.type == HX_INIT_TAR_FOLDER;
    char real[PATH_MAX];
    struct stat st;

    if (stat(dest, &st) < 0) {
        if (errno != ENOENT || lstat(dest, &st) == 0)
            return hx_init_fail_sys(err, errno, "%s", dest);
        if (!is_folder && dest[strlen(dest) - 1] == '/')
            return hx_init_fail(err,
                                "%s: there is no such folder; make it "
                                "first, or leave out the slash",
                                dest);
        return open_parent(x, dest, err);
    }
    if (S_ISDIR(st.st_mode)) {
        strcpy(x->to, strcmp(top, ".") == 0 ? "" : top);
        return open_base(x, dest, err);
    }
    if (is_folder)
        return hx_init_fail(err,
                            "%s is no folder, and a folder cannot take "
                            "its place",
                            dest);
    if (!realpath(dest, real))
        return hx_init_fail_sys(err, errno, "%s", dest);
    return open_parent(x, real, err);
}

/* -- folders around ----------------------------------------------------------
 */

static bool is_within(const struct extractor *x, const char *path)
{
    size_t len = x->open[x->open_count - 1].name_len;

    return strncmp(x->folders, path, len) == 0 && path[len] == '/';
}

/* Nothing comes any more into those that `path` is not in. */
static void close_folders(struct extractor *x, const char *path)
{
    while (x->open_count > 0 && !is_within(x, path)) {
        const struct open_folder *last = &x->open[--x->open_count];
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           last->mtime };

        x->folders[last->name_len] = '\0';
        /* A time that cannot be set is no reason to stop. */
        utimensat(x->base, x->folders, times, AT_SYMLINK_NOFOLLOW);
    }
}

static struct timespec member_time(const struct hx_init_tar_member *member)
{
    return (struct timespec){ member->mtime_s, member->mtime_ns };
}

static void remember_folder(struct extractor *x)
{
    if (x->open_count == HX_INIT_COUNT(x->open))
        return;
    strcpy(x->folders, x->path);
    x->open[x->open_count++] = (struct open_folder){
        .name_len = strlen(x->path),
        .mtime = member_time(&x->member),
    };
}

static int make_parents(const struct extractor *x)
{
    char part[HX_INIT_TAR_PATH_MAX];
    size_t i;

    strcpy(part, x->path);
    for (i = 1; part[i]; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (mkdirat(x->base, part, 0755) < 0 && errno != EEXIST)
            return -1;
        part[i] = '/';
    }
    return 0;
}

/* -- one member --------------------------------------------------------------
 */

static int failed(const struct extractor *x, struct hx_init_err *err)
{
    return hx_init_fail_sys(err, errno, "writing %s", x->path);
}

static int set_attributes(const struct extractor *x, int fd,
                          struct hx_init_err *err)
{
    const struct hx_init_tar_member *member = &x->member;
    struct hx_init_tar_xattr xattr;
    size_t at = 0;
    char name[XATTR_NAME_MAX + 1];

    while (hx_init_tar_xattr(member, &at, &xattr)) {
        snprintf(name, sizeof(name), "%.*s", (int)xattr.name_len, xattr.name);
        if (strncmp(name, "user.", 5) != 0 &&
            strcmp(name, "security.capability") != 0)
            continue;
        if (fsetxattr(fd, name, xattr.value, xattr.value_len, 0) < 0 &&
            errno != ENOTSUP)
            return hx_init_fail_sys(err, errno, "%s: attribute %s", x->path,
                                    name);
    }
    return 0;
}

/* The owner first: a change of it takes the set-user-id bit away, and the
 * capabilities. */
static int set_owner_and_mode(const struct extractor *x, int fd,
                              struct hx_init_err *err)
{
    const struct hx_init_tar_member *member = &x->member;
    uid_t uid = x->how->keep_owner ? member->uid : geteuid();
    gid_t gid = x->how->keep_owner ? member->gid : getegid();

    if (fchown(fd, uid, gid) < 0 || fchmod(fd, member->mode) < 0)
        return failed(x, err);
    return set_attributes(x, fd, err);
}

static int put_folder(struct extractor *x, struct hx_init_err *err)
{
    _init_close_ int fd = -1;

    if (mkdirat(x->base, x->path, 0700) < 0 && errno != EEXIST)
        return failed(x, err);
    /* A link to a folder stays and is followed, as in Docker. */
    fd = openat(x->base, x->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR
                   ? hx_init_fail(err,
                                  "%s is no folder, and a folder cannot "
                                  "take its place",
                                  x->path)
                   : failed(x, err);
    if (set_owner_and_mode(x, fd, err) < 0)
        return -1;
    remember_folder(x);
    return 0;
}

static int copy_content(struct extractor *x, int fd, struct hx_init_err *err)
{
    char data[16384];
    ssize_t n;

    while ((n = hx_init_tar_read(&x->reader, data, sizeof(data), err)) > 0) {
        if (hx_init_write_all(fd, data, (size_t)n) < 0)
            return failed(x, err);
    }
    return (int)n;
}

static int put_file(struct extractor *x, struct hx_init_err *err)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       member_time(&x->member) };
    _init_close_ int fd =
        openat(x->base, x->path,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return failed(x, err);
    if (copy_content(x, fd, err) < 0 || set_owner_and_mode(x, fd, err) < 0)
        return -1;
    futimens(fd, times);
    return 0;
}

static int put_hard_link(const struct extractor *x, struct hx_init_err *err)
{
    char target[HX_INIT_TAR_PATH_MAX];

    if (place(x, x->member.link, target, err) < 0)
        return -1;
    if (linkat(x->base, target, x->base, x->path, 0) < 0)
        return failed(x, err);
    return 0;
}

/* What has no descriptor to set things by. */
static int put_special(const struct extractor *x, struct hx_init_err *err)
{
    const struct hx_init_tar_member *member = &x->member;
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       member_time(member) };
    bool is_link = member->type == HX_INIT_TAR_SYMLINK;
    mode_t type = member->type == HX_INIT_TAR_CHAR       ? S_IFCHR
                  : member->type == HX_INIT_TAR_BLOCKDEV ? S_IFBLK
                                                         : S_IFIFO;
    int r = is_link ? symlinkat(member->link, x->base, x->path)
                    : mknodat(x->base, x->path, type | 0600,
                              makedev(member->major, member->minor));

    if (r < 0)
        return failed(x, err);
    if (x->how->keep_owner && fchownat(x->base, x->path, member->uid,
                                       member->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(x, err);
    if (!is_link && fchmodat(x->base, x->path, member->mode, 0) < 0)
        return failed(x, err);
    utimensat(x->base, x->path, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

/* Takes away what stands in a member's place, and makes the folders around it
 * that the tar does not have. */
static int make_room(struct extractor *x, struct hx_init_err *err)
{
    struct stat st;

    if (fstatat(x->base, x->path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return failed(x, err);
        return make_parents(x) < 0 ? failed(x, err) : 0;
    }
    if (x->member.type == HX_INIT_TAR_FOLDER)
        return 0;
    if (S_ISDIR(st.st_mode))
        return hx_init_fail(err,
                            "%s is a folder, and what is none cannot "
                            "take its place",
                            x->path);
    return unlinkat(x->base, x->path, 0) < 0 ? failed(x, err) : 0;
}

static int put_member(struct extractor *x, struct hx_init_err *err)
{
    if (place(x, x->member.path, x->path, err) < 0)
        return -1;
    if (x->path[0] == '\0') /* the base itself, which stays as it is */
        return x->member.type == HX_INIT_TAR_FOLDER
                   ? 0
                   : hx_init_fail(err,
                                  "%s: the tar should have a folder of "
                                  "this name",
                                  x->member.path);
    close_folders(x, x->path);
    if (make_room(x, err) < 0)
        return -1;
    switch (x->member.type) {
    case HX_INIT_TAR_FOLDER:
        return put_folder(x, err);
    case HX_INIT_TAR_FILE:
        return put_file(x, err);
    case HX_INIT_TAR_HARDLINK:
        return put_hard_link(x, err);
    default:
        return put_special(x, err);
    }
}

static int extract(struct extractor *x, struct hx_init_err *err)
{
    int r;

    while ((r = hx_init_tar_next(&x->reader, &x->member, err)) > 0) {
        if (x->base < 0 && find_destination(x, err) < 0)
            return -1;
        if (put_member(x, err) < 0)
            return -1;
    }
    if (r == 0 && x->base < 0)
        return hx_init_fail(err, "the tar is empty: there was nothing to copy");
    close_folders(x, "");
    return r;
}

/* A DEST for members under their own names is looked at before anything is
 * read. */
static int find_folder(struct extractor *x, struct hx_init_err *err)
{
    struct stat st;

    if (stat(x->how->dest, &st) < 0 || !S_ISDIR(st.st_mode))
        return hx_init_fail(err,
                            "%s is no folder: what comes as a tar goes into "
                            "one",
                            x->how->dest);
    return open_base(x, x->how->dest, err);
}

int hx_init_archive_put(const struct hx_init_archive_put *how, int in,
                        struct hx_init_err *err)
{
    struct extractor *x;
    int r;

    if (how->dest[0] != '/' || strlen(how->dest) >= HX_INIT_TAR_PATH_MAX)
        return hx_init_fail(err,
                            "%s: no absolute path, or one that is too "
                            "long",
                            how->dest);
    if (how->top && (!*how->top || strcmp(how->top, "..") == 0 ||
                     strchr(how->top, '/') || strlen(how->top) > NAME_MAX))
        return hx_init_fail(err, "%s: this is no name of one file", how->top);
    x = calloc(1, sizeof(*x));
    if (!x)
        return hx_init_fail_sys(err, errno, "preparing to read the tar");
    x->how = how;
    x->base = -1;
    x->reader.in = in;
    umask(0);
    r = how->top ? 0 : find_folder(x, err);
    if (r == 0)
        r = extract(x, err);
    hx_init_close_p(&x->base);
    hx_init_tar_release(&x->member);
    free(x);
    return r;
}
