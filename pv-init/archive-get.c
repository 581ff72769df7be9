/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pv-init/tar.h"

/* Files with more names than one, remembered until the table is full; later
 * ones are written once for each name. */
#define LINKS_MAX 4096u
/* A folder in a folder in a ...: a path of 4095 bytes has no more. */
#define DEPTH_MAX    2048ul
#define DIRENT_BYTES 2048u

struct seen {
    dev_t dev;
    ino_t ino;
    char *path; /* within the tar */
};

/* One open folder on the way down.  readdir(3) would take 32 KiB for each. */
struct level {
    int fd;
    size_t name_len; /* of the folder's path in the member */
    size_t at, len;  /* within data */
    char data[DIRENT_BYTES] __attribute__((aligned(8)));
};

struct archiver {
    int out;
    dev_t dev_folder; /* what /dev is on, when that is not the root's */
    bool has_dev_folder;
    struct hx_init_tar_member member;
    struct seen seen[LINKS_MAX];
    unsigned seen_count;
    struct level *levels[DEPTH_MAX];
    unsigned depth;
    unsigned problems;
    struct hx_init_err problem; /* the first one */
};

/* -- what went wrong ---------------------------------------------------------
 */

static void note(struct archiver *a, const char *what, int errnum)
{
    if (a->problems++ == 0)
        hx_init_fail_sys(&a->problem, errnum, "%s %s", what, a->member.path);
}

static int write_failed(struct hx_init_err *err)
{
    return hx_init_fail_sys(err, errno, "writing the tar");
}

static int conclude(const struct archiver *a, struct hx_init_err *err)
{
    if (a->problems == 0)
        return 0;
    *err = a->problem;
    if (a->problems > 1)
        hx_init_fail_prefix(err, "%u files are not, or not wholly copied",
                            a->problems);
    return -1;
}

/* -- one member --------------------------------------------------------------
 */

static void describe(struct hx_init_tar_member *member, const struct stat *st)
{
    hx_init_tar_release(member);
    member->link[0] = '\0';
    member->mode = st->st_mode & 07777;
    member->uid = st->st_uid;
    member->gid = st->st_gid;
    member->size = 0;
    member->major = member->minor = 0;
    member->mtime_s = st->st_mtim.tv_sec;
    member->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
}

static bool is_wanted_attribute(const char *name)
{
    return strncmp(name, "user.", 5) == 0 ||
           strcmp(name, "security.capability") == 0;
}

/* Those that do not fit, or go meanwhile, are told of. */
static void add_attributes(struct archiver *a, int fd)
{
    _init_free_ char *names = malloc(XATTR_LIST_MAX);
    _init_free_ char *value = malloc(XATTR_SIZE_MAX);
    ssize_t len, at, size;

    if (!names || !value) {
        note(a, "reading attributes of", ENOMEM);
        return;
    }
    len = flistxattr(fd, names, XATTR_LIST_MAX);
    for (at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        if (!is_wanted_attribute(names + at))
            continue;
        size = fgetxattr(fd, names + at, value, XATTR_SIZE_MAX);
        if (size < 0 || hx_init_tar_add_xattr(&a->member, names + at, value,
                                              (size_t)size) < 0)
            note(a, "reading attributes of", errno);
    }
}

/* Exactly `size` bytes, whatever becomes of the file. */
static int put_content(struct archiver *a, int fd, uint64_t size,
                       struct hx_init_err *err)
{
    char data[16384];
    uint64_t left = size;
    bool ended = false;

    while (left > 0) {
        size_t part = left < sizeof(data) ? (size_t)left : sizeof(data);
        ssize_t n = ended ? 0 : read(fd, data, part);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!ended)
                note(a, n < 0 ? "reading" : "it shrank while it was read:",
                     n < 0 ? errno : ENODATA);
            ended = true;
            memset(data, 0, part);
            n = (ssize_t)part;
        }
        if (hx_init_write_all(a->out, data, (size_t)n) < 0)
            return write_failed(err);
        left -= (uint64_t)n;
    }
    return hx_init_tar_put_padding(a->out, size) < 0 ? write_failed(err) : 0;
}

/* Whether this file was written under another name; remembers it if not. */
static bool is_seen(struct archiver *a, const struct stat *st)
{
    unsigned i;

    if (st->st_nlink < 2)
        return false;
    for (i = 0; i < a->seen_count; i++) {
        if (a->seen[i].dev == st->st_dev && a->seen[i].ino == st->st_ino) {
            strcpy(a->member.link, a->seen[i].path);
            return true;
        }
    }
    if (a->seen_count < LINKS_MAX) {
        a->seen[i] =
            (struct seen){ st->st_dev, st->st_ino, strdup(a->member.path) };
        a->seen_count += a->seen[i].path != NULL;
    }
    return false;
}

static int put_header(struct archiver *a, struct hx_init_err *err)
{
    if (hx_init_tar_put_header(a->out, &a->member) < 0)
        return write_failed(err);
    return 0;
}

static int put_file(struct archiver *a, int dir, const char *name,
                    struct hx_init_err *err)
{
    /* Not to wait at a fifo that has come in its place. */
    _init_close_ int fd = openat(
        dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        note(a, "reading", errno);
        return 0;
    }
    if (!S_ISREG(st.st_mode)) {
        note(a, "reading", ESTALE);
        return 0;
    }
    describe(&a->member, &st);
    a->member.type = HX_INIT_TAR_FILE;
    if (is_seen(a, &st)) {
        a->member.type = HX_INIT_TAR_HARDLINK;
        return put_header(a, err);
    }
    a->member.size = (uint64_t)st.st_size;
    add_attributes(a, fd);
    if (put_header(a, err) < 0)
        return -1;
    return put_content(a, fd, a->member.size, err);
}

static int put_special(struct archiver *a, int dir, const char *name,
                       const struct stat *st, struct hx_init_err *err)
{
    struct hx_init_tar_member *member = &a->member;
    ssize_t len;

    describe(member, st);
    switch (st->st_mode & S_IFMT) {
    case S_IFLNK:
        member->type = HX_INIT_TAR_SYMLINK;
        len = readlinkat(dir, name, member->link, sizeof(member->link) - 1);
        if (len < 0) {
            note(a, "reading", errno);
            return 0;
        }
        member->link[len] = '\0';
        break;
    case S_IFIFO:
        member->type = HX_INIT_TAR_FIFO;
        break;
    case S_IFCHR:
    case S_IFBLK:
        member->type =
            S_ISCHR(st->st_mode) ? HX_INIT_TAR_CHAR : HX_INIT_TAR_BLOCKDEV;
        member->major = major(st->st_rdev);
        member->minor = minor(st->st_rdev);
        break;
    default: /* a socket: without its process it is nothing */
        return 0;
    }
    return put_header(a, err);
}

/* -- folders -----------------------------------------------------------------
 */

/* Made by the kernel as it is read, and of no size that could be told. */
static bool is_kernels_own(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return false;
    switch ((unsigned long)fs.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case 0x19800202: /* mqueue */
        return true;
    default:
        return false;
    }
}

static int enter(struct archiver *a, int fd)
{
    struct level *level;

    if (a->depth == DEPTH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    level = malloc(sizeof(*level));
    if (!level)
        return -1;
    level->fd = fd;
    level->at = level->len = 0;
    level->name_len = strlen(a->member.path);
    a->levels[a->depth++] = level;
    return 0;
}

static void leave(struct archiver *a)
{
    struct level *level = a->levels[--a->depth];

    close(level->fd);
    free(level);
}

/* Its header; and then it is the one to be read, unless it stays empty. */
static int put_folder(struct archiver *a, int dir, const char *name,
                      struct hx_init_err *err)
{
    _init_close_ int fd =
        openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        note(a, "reading", errno);
        return 0;
    }
    describe(&a->member, &st);
    a->member.type = HX_INIT_TAR_FOLDER;
    add_attributes(a, fd);
    if (put_header(a, err) < 0)
        return -1;
    if (is_kernels_own(fd) || (a->has_dev_folder && st.st_dev == a->dev_folder))
        return 0;
    if (enter(a, fd) < 0)
        note(a, "reading", errno);
    else
        fd = -1;
    return 0;
}

static int put_member(struct archiver *a, int dir, const char *name,
                      struct hx_init_err *err)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        /* Between the folder's listing and now it has been removed. */
        if (errno != ENOENT)
            note(a, "reading", errno);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return put_folder(a, dir, name, err);
    if (S_ISREG(st.st_mode))
        return put_file(a, dir, name, err);
    return put_special(a, dir, name, &st, err);
}

struct kernel_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

/* The next name of the folder, or NULL at its end. */
static const char *next_name(struct archiver *a, struct level *level)
{
    for (;;) {
        const struct kernel_dirent *entry;

        if (level->at >= level->len) {
            long n = syscall(SYS_getdents64, level->fd, level->data,
                             sizeof(level->data));

            if (n < 0) {
                a->member.path[level->name_len] = '\0';
                note(a, "listing", errno);
            }
            if (n <= 0)
                return NULL;
            level->at = 0;
            level->len = (size_t)n;
        }
        entry = (const void *)(level->data + level->at);
        level->at += entry->len;
        if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
            return entry->name;
    }
}

static int walk(struct archiver *a, struct hx_init_err *err)
{
    while (a->depth > 0) {
        struct level *level = a->levels[a->depth - 1];
        const char *name = next_name(a, level);
        char *path = a->member.path;

        if (!name) {
            leave(a);
            continue;
        }
        path[level->name_len] = '\0';
        /* One byte more for the slash behind a folder's name. */
        if (level->name_len + 1 + strlen(name) + 2 > HX_INIT_TAR_PATH_MAX) {
            note(a, "reading what is in", ENAMETOOLONG);
            continue;
        }
        path[level->name_len] = '/';
        strcpy(path + level->name_len + 1, name);
        if (put_member(a, level->fd, name, err) < 0)
            return -1;
    }
    return 0;
}

/* -- the start ---------------------------------------------------------------
 */

/* The folder before the last component, the component, and what it is called
 * in the tar. */
struct start {
    char folder[HX_INIT_TAR_PATH_MAX];
    char name[HX_INIT_TAR_PATH_MAX];
    char member[HX_INIT_TAR_PATH_MAX];
};

static void name_member(const char *path, char name[HX_INIT_TAR_PATH_MAX])
{
    size_t len = strlen(path), begin;

    while (len > 0 && path[len - 1] == '/')
        len--;
    for (begin = len; begin > 0 && path[begin - 1] != '/';)
        begin--;
    memcpy(name, path + begin, len - begin);
    strcpy(name + (len - begin), len == begin ? "." : "");
}

/* Whether the path means what is behind a link: "x/", "x/.", "/". */
static bool ends_in_folder(const char *path)
{
    size_t len = strlen(path);

    return path[len - 1] == '/' ||
           (len > 1 && strcmp(path + len - 2, "/.") == 0);
}

static int find_start(const char *path, bool follow, struct start *start,
                      struct hx_init_err *err)
{
    char real[HX_INIT_TAR_PATH_MAX];
    struct stat st;
    char *slash;

    if (path[0] != '/' || strlen(path) >= sizeof(real))
        return hx_init_fail(err,
                            "%s: no absolute path, or one that is too "
                            "long",
                            path);
    if (lstat(path, &st) < 0)
        return hx_init_fail_sys(err, errno, "%s", path);
    name_member(path, start->member);
    if (strcmp(start->member, "..") == 0)
        return hx_init_fail(err, "%s: a path that ends in .. gives no name",
                            path);
    if (follow || ends_in_folder(path)) {
        if (!realpath(path, real))
            return hx_init_fail_sys(err, errno, "%s", path);
    } else {
        strcpy(real, path);
    }
    slash = strrchr(real, '/');
    strcpy(start->name, slash[1] ? slash + 1 : ".");
    *slash = '\0';
    strcpy(start->folder, slash == real ? "/" : real);
    return 0;
}

/* /dev has what is of no use elsewhere; asked for itself, it is given. */
static void find_dev_folder(struct archiver *a, const struct start *start)
{
    struct stat root, dev, here;

    if (stat("/", &root) < 0 || stat("/dev", &dev) < 0 ||
        stat(start->folder, &here) < 0)
        return;
    a->dev_folder = dev.st_dev;
    a->has_dev_folder =
        dev.st_dev != root.st_dev && here.st_dev != dev.st_dev &&
        !(strcmp(start->folder, "/") == 0 && strcmp(start->name, "dev") == 0);
}

static int archive(struct archiver *a, const struct start *start,
                   struct hx_init_err *err)
{
    _init_close_ int dir =
        open(start->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    _init_close_ int here = open(start->folder, O_RDONLY | O_CLOEXEC);

    if (dir < 0)
        return hx_init_fail_sys(err, errno, "%s", start->folder);
    if (here >= 0 && is_kernels_own(here))
        return hx_init_fail(err,
                            "%s/%s is made by the kernel when it is read, and "
                            "cannot be copied; read it with hyper-exec",
                            start->folder, start->name);
    find_dev_folder(a, start);
    strcpy(a->member.path, start->member);
    if (put_member(a, dir, start->name, err) < 0 || walk(a, err) < 0)
        return -1;
    if (hx_init_tar_put_end(a->out) < 0)
        return write_failed(err);
    return conclude(a, err);
}

/* A descriptor for each level. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur =
            limit.rlim_max < 2 * DEPTH_MAX ? limit.rlim_max : 2 * DEPTH_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int hx_init_archive_get(const char *path, bool follow, int out,
                        struct hx_init_err *err)
{
    struct start start;
    struct archiver *a;
    int r;

    if (find_start(path, follow, &start, err) < 0)
        return -1;
    a = calloc(1, sizeof(*a));
    if (!a)
        return hx_init_fail_sys(err, errno, "preparing the tar");
    raise_limit();
    a->out = out;
    r = archive(a, &start, err);
    while (a->depth > 0)
        leave(a);
    while (a->seen_count > 0)
        free(a->seen[--a->seen_count].path);
    hx_init_tar_release(&a->member);
    free(a);
    return r;
}
