/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "image/base/cleanup.h"
#include "image/base/file.h"

#define READ_BYTES 65536
/* How much is written before the disk's room is looked at again. */
#define ROOM_STEP_BYTES (16u << 20)
/* What a copy leaves free: a twentieth, at most this. */
#define ROOM_LEFT_BYTES (UINT64_C(1) << 30)

/* A folder of which the time is set when nothing more goes into it. */
struct open_folder {
    size_t path_len;
    struct timespec mtime;
};

struct extractor {
    const struct hx_extract *how;
    struct archive *archive;
    struct archive_entry *entry;
    const char *name; /* the member's, as the tar has it */
    char path[PATH_MAX];
    /* The folder that `path` is in, and its path; `leaf` is within `path`. */
    int folder;
    char folder_path[PATH_MAX];
    const char *leaf;
    /* The new folders around the member, outermost first. */
    char folders[PATH_MAX];
    struct open_folder open[PATH_MAX / 2];
    unsigned open_count;
    unsigned members, devices;
    uint64_t unchecked; /* bytes written since the last look */
};

static int failed(const struct extractor *x, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "copying %s", x->name);
}

/* libarchive's message quotes names of the tar; hx_err_set() cleans them. */
static int unreadable(const struct extractor *x, struct hx_err *err)
{
    const char *why = archive_error_string(x->archive);

    return hx_err_set(err, HX_ERR_CORRUPT,
                      "reading the pod's tar: it is damaged or cut off (%s)",
                      why ? why : "no reason given");
}

/* -- names -------------------------------------------------------------------
 */

/* Without "." and empty components; -1 for "..", and for a long one. */
static int clean(const char *name, char cleaned[PATH_MAX])
{
    size_t used = 0;

    if (strlen(name) >= PATH_MAX)
        return -1;
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

/* A name of the tar into a path below the base. */
static int place(const struct extractor *x, const char *name,
                 char path_r[PATH_MAX], struct hx_err *err)
{
    const char *top = x->how->top, *to = x->how->dest->to, *rest;
    char cleaned[PATH_MAX];
    size_t len = strcmp(top, ".") == 0 ? 0 : strlen(top);

    if (!name || name[0] == '/' || clean(name, cleaned) < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the pod's tar has a member %.200s, which has no "
                          "place below the destination",
                          name ? name : "without a readable name");
    if (strncmp(cleaned, top, len) != 0 ||
        (len > 0 && cleaned[len] != '/' && cleaned[len] != '\0'))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the pod's tar has a member %.200s, but %s was asked "
                          "for",
                          name, top);
    rest = cleaned + len + (len > 0 && cleaned[len] == '/');
    if (snprintf(path_r, PATH_MAX, "%s%s%s", to, *to && *rest ? "/" : "",
                 rest) >= PATH_MAX)
        return hx_err_sys(err, HX_ERR_LIMIT, ENAMETOOLONG, "copying %.200s",
                          name);
    return 0;
}

/* Opens the folder that `path` is in; no link is followed on the way. */
static int open_folder_of(const struct extractor *x, const char *path,
                          int *fd_r, const char **leaf_r, struct hx_err *err)
{
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";

    if (slash)
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
    *leaf_r = slash ? slash + 1 : path;
    *fd_r = (int)syscall(SYS_openat2, x->how->dest->base, folder, &how,
                         sizeof(how));
    if (*fd_r >= 0)
        return 0;
    if (errno == ENOENT || errno == ENOTDIR)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the pod's tar has %.200s without the folder that it "
                          "is in",
                          path);
    if (errno == ELOOP || errno == EXDEV)
        return hx_err_set(err, HX_ERR_EXISTS,
                          "copying %.200s: there is a symbolic link in its "
                          "way, which is not followed; remove it, or copy to "
                          "where it leads",
                          path);
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "copying %.200s", path);
}

/* The same for x->path; of files in one folder only the first opens it. */
static int enter_folder(struct extractor *x, struct hx_err *err)
{
    const char *slash = strrchr(x->path, '/');
    size_t len = slash ? (size_t)(slash - x->path) : 0;
    int r;

    if (x->folder >= 0 && strlen(x->folder_path) == len &&
        memcmp(x->folder_path, x->path, len) == 0) {
        x->leaf = slash ? slash + 1 : x->path;
        return 0;
    }
    hx_cleanup_close(&x->folder);
    r = open_folder_of(x, x->path, &x->folder, &x->leaf, err);
    memcpy(x->folder_path, x->path, len);
    x->folder_path[len] = '\0';
    return r;
}

/* -- times of folders --------------------------------------------------------
 */

static struct timespec member_time(const struct extractor *x)
{
    return (struct timespec){ archive_entry_mtime(x->entry),
                              archive_entry_mtime_nsec(x->entry) };
}

static bool is_within(const struct extractor *x, const char *path)
{
    size_t len = x->open[x->open_count - 1].path_len;

    return strncmp(x->folders, path, len) == 0 && path[len] == '/';
}

static void close_folders(struct extractor *x, const char *path)
{
    while (x->open_count > 0 && !is_within(x, path)) {
        const struct open_folder *last = &x->open[--x->open_count];
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           last->mtime };
        _cleanup_close_ int folder = -1;
        const char *leaf;

        x->folders[last->path_len] = '\0';
        /* A time that cannot be set is no reason to stop. */
        if (open_folder_of(x, x->folders, &folder, &leaf, NULL) == 0)
            utimensat(folder, leaf, times, AT_SYMLINK_NOFOLLOW);
    }
}

static void remember_folder(struct extractor *x)
{
    if (x->open_count == sizeof(x->open) / sizeof(x->open[0]))
        return;
    strcpy(x->folders, x->path);
    x->open[x->open_count++] = (struct open_folder){
        .path_len = strlen(x->path),
        .mtime = member_time(x),
    };
}

/* -- what a member is --------------------------------------------------------
 */

static int set_attributes(const struct extractor *x, int fd, struct hx_err *err)
{
    const char *name;
    const void *value;
    size_t size;

    archive_entry_xattr_reset(x->entry);
    while (archive_entry_xattr_next(x->entry, &name, &value, &size) ==
           ARCHIVE_OK) {
        if (strncmp(name, "user.", 5) != 0 &&
            strcmp(name, "security.capability") != 0)
            continue;
        if (fsetxattr(fd, name, value, size, 0) < 0 && errno != ENOTSUP)
            return failed(x, err);
    }
    return 0;
}

/* The owner before the mode, whose special bits a change of it takes away. */
static int set_owner_and_mode(const struct extractor *x, int fd,
                              struct hx_err *err)
{
    mode_t mode = archive_entry_perm(x->entry);

    if (!x->how->as_is)
        return fchmod(fd, mode & 0777) < 0 ? failed(x, err) : 0;
    if (fchown(fd, (uid_t)archive_entry_uid(x->entry),
               (gid_t)archive_entry_gid(x->entry)) < 0 ||
        fchmod(fd, mode & 07777) < 0)
        return failed(x, err);
    return set_attributes(x, fd, err);
}

static int in_the_way(const struct extractor *x, const char *what,
                      struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_EXISTS,
                      "copying %.200s: there is %s of this name, which is not "
                      "replaced; remove it first",
                      x->path, what);
}

/* One that is there keeps its owner and mode: what is in it is not the pod's
 * alone. */
static int make_folder(struct extractor *x, struct hx_err *err)
{
    _cleanup_close_ int fd = -1;
    struct stat st;

    if (mkdirat(x->folder, x->leaf, 0700) < 0) {
        if (errno != EEXIST)
            return failed(x, err);
        if (fstatat(x->folder, x->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return failed(x, err);
        if (S_ISLNK(st.st_mode))
            return in_the_way(x, "a symbolic link", err);
        return S_ISDIR(st.st_mode) ? 0 : in_the_way(x, "a file", err);
    }
    fd = openat(x->folder, x->leaf,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed(x, err);
    remember_folder(x);
    return set_owner_and_mode(x, fd, err);
}

static int make_room(const struct extractor *x, struct hx_err *err)
{
    struct stat st;

    if (fstatat(x->folder, x->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : failed(x, err);
    if (S_ISDIR(st.st_mode))
        return in_the_way(x, "a folder", err);
    return unlinkat(x->folder, x->leaf, 0) < 0 ? failed(x, err) : 0;
}

/* A guest that sends without end must not fill dom0's disk. */
static int check_room(struct extractor *x, int fd, size_t added,
                      struct hx_err *err)
{
    struct statvfs fs;
    uint64_t spare, left;

    x->unchecked += added;
    if (x->unchecked < ROOM_STEP_BYTES)
        return 0;
    x->unchecked = 0;
    if (fstatvfs(fd, &fs) < 0)
        return failed(x, err);
    left = (uint64_t)fs.f_bavail * fs.f_frsize;
    spare = (uint64_t)fs.f_blocks * fs.f_frsize / 20;
    if (spare > ROOM_LEFT_BYTES)
        spare = ROOM_LEFT_BYTES;
    if (left < spare)
        return hx_err_set(err, HX_ERR_NO_SPACE,
                          "copying %.200s: only %llu MiB are left on the disk; "
                          "make room, or copy to another one",
                          x->path, (unsigned long long)(left >> 20));
    return 0;
}

static int copy_content(struct extractor *x, int fd, struct hx_err *err)
{
    int64_t offset, expected = 0;
    const void *data;
    size_t len;
    int r;

    while ((r = archive_read_data_block(x->archive, &data, &len, &offset)) ==
           ARCHIVE_OK) {
        if (offset != expected)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "the pod's tar has a file with holes, %.200s, "
                              "which pods do not send",
                              x->name);
        if (hx_write_all(fd, data, len) < 0)
            return failed(x, err);
        expected += (int64_t)len;
        r = check_room(x, fd, len, err);
        if (r < 0)
            return r;
    }
    return r == ARCHIVE_EOF ? 0 : unreadable(x, err);
}

static int make_file(struct extractor *x, struct hx_err *err)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       member_time(x) };
    _cleanup_close_ int fd =
        openat(x->folder, x->leaf,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    if (fd < 0)
        return failed(x, err);
    r = copy_content(x, fd, err);
    if (r == 0)
        r = set_owner_and_mode(x, fd, err);
    if (r == 0)
        futimens(fd, times);
    return r;
}

static int make_hard_link(const struct extractor *x, struct hx_err *err)
{
    _cleanup_close_ int folder = -1;
    char target[PATH_MAX] = "";
    const char *leaf = NULL;
    int r;

    r = place(x, archive_entry_hardlink(x->entry), target, err);
    if (r == 0)
        r = open_folder_of(x, target, &folder, &leaf, err);
    if (r < 0)
        return r;
    return linkat(folder, leaf, x->folder, x->leaf, 0) < 0 ? failed(x, err) : 0;
}

/* Links may lead anywhere; nothing here goes through them. */
static int make_special(const struct extractor *x, struct hx_err *err)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       member_time(x) };
    bool is_link = archive_entry_filetype(x->entry) == AE_IFLNK;
    const char *target = archive_entry_symlink(x->entry);
    int r = is_link
                ? symlinkat(target ? target : "", x->folder, x->leaf)
                : mknodat(x->folder, x->leaf,
                          S_IFIFO | (archive_entry_perm(x->entry) & 0777), 0);

    if (r < 0 ||
        (x->how->as_is &&
         fchownat(x->folder, x->leaf, (uid_t)archive_entry_uid(x->entry),
                  (gid_t)archive_entry_gid(x->entry), AT_SYMLINK_NOFOLLOW) < 0))
        return failed(x, err);
    utimensat(x->folder, x->leaf, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static int make_member(struct extractor *x, struct hx_err *err)
{
    bool is_hard = archive_entry_hardlink(x->entry) != NULL;
    mode_t type = is_hard ? 0 : archive_entry_filetype(x->entry);
    int r;

    if (type == AE_IFCHR || type == AE_IFBLK) {
        x->devices++;
        return 0;
    }
    r = enter_folder(x, err);
    if (r == 0 && type != AE_IFDIR)
        r = make_room(x, err);
    if (r < 0)
        return r;
    if (is_hard)
        return make_hard_link(x, err);
    switch (type) {
    case AE_IFDIR:
        return make_folder(x, err);
    case AE_IFREG:
        return make_file(x, err);
    case AE_IFLNK:
    case AE_IFIFO:
        return make_special(x, err);
    default:
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the pod's tar has %.200s, which is of no known kind",
                          x->name);
    }
}

/* -- all of it ---------------------------------------------------------------
 */

static int take_member(struct extractor *x, struct hx_err *err)
{
    unsigned max =
        x->how->members_max ? x->how->members_max : HX_EXTRACT_MEMBERS_MAX;
    bool is_folder = archive_entry_filetype(x->entry) == AE_IFDIR &&
                     !archive_entry_hardlink(x->entry);
    int r;

    x->name = archive_entry_pathname(x->entry);
    if (x->members++ == 0) {
        r = hx_destination_check(x->how->dest, is_folder, err);
        if (r < 0)
            return r;
    }
    if (x->members > max)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the pod's tar has more than %u files; copy it as "
                          "one, with - as the destination",
                          max);
    r = place(x, x->name, x->path, err);
    if (r < 0)
        return r;
    if (x->path[0] == '\0') /* the base, which was there */
        return is_folder ? 0
                         : hx_err_set(err, HX_ERR_CORRUPT,
                                      "the pod's tar has no folder where one "
                                      "was asked for");
    close_folders(x, x->path);
    return make_member(x, err);
}

static int take_members(struct extractor *x, struct hx_err *err)
{
    int r;

    for (;;) {
        r = archive_read_next_header(x->archive, &x->entry);
        if (r == ARCHIVE_EOF)
            break;
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return unreadable(x, err);
        r = take_member(x, err);
        if (r < 0)
            return r;
    }
    close_folders(x, "");
    if (x->members == 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the pod sent nothing that could be copied");
    if (x->devices > 0)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%u devices of the pod were left out; all else is "
                          "copied",
                          x->devices);
    return 0;
}

int hx_extract(const struct hx_extract *how, int in, uint64_t *bytes_r,
               struct hx_err *err)
{
    struct extractor *x = calloc(1, sizeof(*x));
    int r;

    if (!x)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "preparing a copy");
    x->how = how;
    x->folder = -1;
    x->archive = archive_read_new();
    if (x->archive &&
        archive_read_support_filter_none(x->archive) == ARCHIVE_OK &&
        archive_read_support_format_tar(x->archive) == ARCHIVE_OK &&
        archive_read_support_format_empty(x->archive) == ARCHIVE_OK &&
        archive_read_open_fd(x->archive, in, READ_BYTES) == ARCHIVE_OK)
        r = take_members(x, err);
    else
        r = x->archive
                ? unreadable(x, err)
                : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "preparing a copy");
    *bytes_r = x->archive ? (uint64_t)archive_filter_bytes(x->archive, 0) : 0;
    archive_read_free(x->archive);
    hx_cleanup_close(&x->folder);
    free(x);
    return r;
}
