/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/copy/create.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "image/base/cleanup.h"

struct creator {
    const struct hx_create *how;
    struct archive *archive;
    struct archive_entry *entry;
    struct archive_entry_linkresolver *links;
    size_t root_len; /* of the path that `top` stands for */
    unsigned problems;
    struct hx_err *err; /* holds the first problem */
};

static void note(struct creator *c, const char *path, int errnum)
{
    if (c->problems++ == 0)
        hx_err_sys(c->err, HX_ERR_SYSTEM, errnum, "reading %s", path);
}

static int write_failed(struct creator *c)
{
    int errnum = archive_errno(c->archive);

    /* The pod's side has gone, and its own words say why. */
    if (errnum == EPIPE)
        return hx_err_set(c->err, HX_ERR_GUEST,
                          "the pod did not take all of it");
    return hx_err_set(c->err, HX_ERR_SYSTEM, "writing the tar: %s",
                      archive_error_string(c->archive));
}

static void add_attribute(struct creator *c, const char *path, const char *name)
{
    char value[XATTR_SIZE_MAX];
    ssize_t size = lgetxattr(path, name, value, sizeof(value));

    if (size >= 0)
        archive_entry_xattr_add_entry(c->entry, name, value, (size_t)size);
}

static void add_attributes(struct creator *c, const char *path)
{
    char names[XATTR_LIST_MAX];
    ssize_t len = llistxattr(path, names, sizeof(names));

    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
        if (strncmp(names + at, "user.", 5) == 0 ||
            strcmp(names + at, "security.capability") == 0)
            add_attribute(c, path, names + at);
    }
}

/* The content as long as the header said, whatever becomes of the file. */
static int put_content(struct creator *c, const char *path, int fd)
{
    char data[65536];
    int64_t left = archive_entry_size(c->entry);
    bool ended = false;

    while (left > 0) {
        size_t part =
            left < (int64_t)sizeof(data) ? (size_t)left : sizeof(data);
        ssize_t n = ended ? 0 : read(fd, data, part);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!ended)
                note(c, path, n < 0 ? errno : ENODATA);
            ended = true;
            memset(data, 0, part);
            n = (ssize_t)part;
        }
        if (archive_write_data(c->archive, data, (size_t)n) < 0)
            return write_failed(c);
        left -= n;
    }
    return 0;
}

static int put_entry(struct creator *c, const char *path)
{
    _cleanup_close_ int fd = -1;
    struct archive_entry *spare = NULL;
    bool is_file = archive_entry_filetype(c->entry) == AE_IFREG;

    archive_entry_linkify(c->links, &c->entry, &spare);
    is_file = is_file && !archive_entry_hardlink(c->entry);
    if (is_file) {
        fd = open(path,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) {
            note(c, path, errno);
            return 0;
        }
        add_attributes(c, path);
    } else if (archive_entry_filetype(c->entry) == AE_IFDIR) {
        add_attributes(c, path);
    }
    if (archive_write_header(c->archive, c->entry) < ARCHIVE_WARN)
        return write_failed(c);
    return is_file ? put_content(c, path, fd) : 0;
}

/* The member's name, "TOP" and what is behind the root's path. */
static char *member_name(const struct creator *c, const FTSENT *found)
{
    const char *rest = found->fts_path + c->root_len;
    char *name = NULL;

    while (*rest == '/')
        rest++;
    return asprintf(&name, "%s%s%s", c->how->top, *rest ? "/" : "", rest) < 0
               ? NULL
               : name;
}

static int put_found(struct creator *c, const FTSENT *found)
{
    _cleanup_free_ char *name = member_name(c, found);
    char target[PATH_MAX];

    if (!name)
        return hx_err_sys(c->err, HX_ERR_SYSTEM, ENOMEM, "making the tar");
    archive_entry_clear(c->entry);
    archive_entry_copy_stat(c->entry, found->fts_statp);
    /* They are nobody's business, and would make each header longer. */
    archive_entry_unset_atime(c->entry);
    archive_entry_unset_ctime(c->entry);
    archive_entry_copy_pathname(c->entry, name);
    if (S_ISLNK(found->fts_statp->st_mode)) {
        ssize_t len = readlink(found->fts_accpath, target, sizeof(target) - 1);

        if (len < 0) {
            note(c, found->fts_path, errno);
            return 0;
        }
        target[len] = '\0';
        archive_entry_copy_symlink(c->entry, target);
    }
    if (S_ISDIR(found->fts_statp->st_mode) ||
        S_ISLNK(found->fts_statp->st_mode))
        archive_entry_set_size(c->entry, 0);
    return put_entry(c, found->fts_accpath);
}

static int walk(struct creator *c, FTS *tree)
{
    const FTSENT *found;
    int r = 0;

    while (r == 0 && (errno = 0, found = fts_read(tree)) != NULL) {
        switch (found->fts_info) {
        case FTS_D:
        case FTS_F:
        case FTS_SL:
        case FTS_SLNONE:
            r = put_found(c, found);
            break;
        case FTS_DEFAULT:
            if (!S_ISSOCK(found->fts_statp->st_mode))
                r = put_found(c, found);
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            note(c, found->fts_path, found->fts_errno);
            break;
        default: /* a folder's end */
            break;
        }
    }
    if (r == 0 && errno)
        note(c, c->how->path, errno);
    return r;
}

/* The path without links, of which the last one counts only when followed. */
static char *find_root(const struct hx_create *how, struct hx_err *err)
{
    size_t len = strlen(how->path);
    bool follow = how->follow || strcmp(how->top, ".") == 0 ||
                  (len > 0 && how->path[len - 1] == '/');
    char *root = follow ? realpath(how->path, NULL) : strdup(how->path);
    struct stat st;

    if (root && lstat(root, &st) == 0 &&
        (strcmp(how->top, ".") != 0 || S_ISDIR(st.st_mode)))
        return root;
    if (root && errno == 0)
        errno = ENOTDIR;
    free(root);
    hx_err_sys(err, errno == ENOENT ? HX_ERR_NOT_FOUND : HX_ERR_SYSTEM, errno,
               "copying %s", how->path);
    return NULL;
}

static int write_tree(struct creator *c, char *root)
{
    char *roots[] = { root, NULL };
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int r;

    if (!tree)
        return hx_err_sys(c->err, HX_ERR_SYSTEM, errno, "reading %s", root);
    c->root_len = strlen(root);
    r = walk(c, tree);
    fts_close(tree);
    if (r == 0 && archive_write_close(c->archive) != ARCHIVE_OK)
        r = write_failed(c);
    if (r < 0 || c->problems == 0)
        return r;
    if (c->problems > 1)
        hx_err_prefix(c->err, "%u files are not, or not wholly copied",
                      c->problems);
    return -(int)c->err->code;
}

/* Names are bytes, and attributes have one form. */
static int open_archive(struct creator *c, int out)
{
    c->archive = archive_write_new();
    c->entry = archive_entry_new();
    c->links = archive_entry_linkresolver_new();
    if (!c->archive || !c->entry || !c->links)
        return hx_err_sys(c->err, HX_ERR_SYSTEM, ENOMEM, "making the tar");
    archive_entry_linkresolver_set_strategy(c->links, ARCHIVE_FORMAT_TAR_USTAR);
    if (archive_write_set_format_pax(c->archive) != ARCHIVE_OK ||
        archive_write_set_options(
            c->archive, "hdrcharset=BINARY,xattrheader=SCHILY") != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(c->archive, 1) != ARCHIVE_OK ||
        archive_write_open_fd(c->archive, out) != ARCHIVE_OK)
        return write_failed(c);
    return 0;
}

int hx_create(const struct hx_create *how, int out, struct hx_err *err)
{
    struct hx_err unseen = { 0 };
    struct creator c = { .how = how, .err = err ? err : &unseen };
    _cleanup_free_ char *root = NULL;
    int r;

    errno = 0;
    root = find_root(how, c.err);
    if (!root)
        return -(int)c.err->code;
    r = open_archive(&c, out);
    if (r == 0)
        r = write_tree(&c, root);
    archive_entry_linkresolver_free(c.links);
    archive_entry_free(c.entry);
    archive_write_free(c.archive);
    return r;
}
