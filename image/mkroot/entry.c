/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/entry.h"

#include <archive.h>
#include <string.h>
#include <sys/stat.h>

/* What Linux can encode in 32 bits: 12 bits of major, 20 of minor. */
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

static int read_owner(int64_t id, const char *what, uint32_t *id_r,
                      struct hx_err *err)
{
    /* The last one is "no owner" to the kernel. */
    if (id < 0 || id >= UINT32_MAX)
        return hx_err_set(err, HX_ERR_CORRUPT, "its %s %lld is out of range",
                          what, (long long)id);
    *id_r = (uint32_t)id;
    return 0;
}

/* squashfs has 32 bits for seconds since 1970 and no fraction. */
static uint32_t clamp_time(int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static int read_device(struct archive_entry *from, struct hx_entry *entry,
                       struct hx_err *err)
{
    uint64_t major = (uint64_t)archive_entry_rdevmajor(from);
    uint64_t minor = (uint64_t)archive_entry_rdevminor(from);

    if (major > MAJOR_MAX || minor > MINOR_MAX)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "its device number %llu:%llu is out of range",
                          (unsigned long long)major, (unsigned long long)minor);
    entry->device = (uint32_t)((minor & 0xff) | (major << 8) |
                               ((minor & ~UINT64_C(0xff)) << 12));
    return 0;
}

static int read_symlink(struct archive_entry *from, struct hx_entry *entry,
                        struct hx_err *err)
{
    size_t len;

    entry->symlink = archive_entry_symlink(from);
    len = entry->symlink ? strlen(entry->symlink) : 0;
    if (!len)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "it is a symbolic link to nothing");
    if (len > HX_MKROOT_PATH_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "it is a symbolic link to more than %d bytes",
                          HX_MKROOT_PATH_MAX);
    /* Linux knows no other permissions for a link. */
    entry->mode = S_IFLNK | 0777;
    return 0;
}

static int read_type(struct archive_entry *from, struct hx_entry *entry,
                     struct hx_err *err)
{
    mode_t type = archive_entry_filetype(from);
    int64_t size = archive_entry_size(from);

    entry->mode = (uint16_t)(type | (archive_entry_perm(from) & 07777));
    entry->size = 0;
    entry->device = 0;
    entry->symlink = NULL;
    switch (type) {
    case S_IFREG:
        if (size < 0)
            return hx_err_set(err, HX_ERR_CORRUPT, "its size is negative");
        entry->size = (uint64_t)size;
        return 0;
    case S_IFLNK:
        return read_symlink(from, entry, err);
    case S_IFCHR:
    case S_IFBLK:
        return read_device(from, entry, err);
    case S_IFDIR:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    default:
        return hx_err_set(err, HX_ERR_CORRUPT, "its type is unknown");
    }
}

static int read_xattrs(struct archive_entry *from, struct hx_entry *entry,
                       struct hx_err *err)
{
    const char *name;
    const void *value;
    size_t len;
    int r;

    hx_xattr_set_clear(&entry->xattrs);
    archive_entry_xattr_reset(from);
    while (archive_entry_xattr_next(from, &name, &value, &len) == ARCHIVE_OK) {
        r = name ? hx_xattr_set_add(&entry->xattrs, name, value, len, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_attributes(struct archive_entry *from, struct hx_entry *entry,
                           struct hx_err *err)
{
    int r;

    r = read_owner(archive_entry_uid(from), "owner", &entry->uid, err);
    if (r == 0)
        r = read_owner(archive_entry_gid(from), "group", &entry->gid, err);
    if (r == 0)
        r = read_type(from, entry, err);
    if (r == 0)
        r = read_xattrs(from, entry, err);
    entry->mtime = clamp_time((int64_t)archive_entry_mtime(from));
    return r;
}

int hx_entry_read(struct archive_entry *from, struct hx_entry *entry,
                  struct hx_err *err)
{
    const char *name = archive_entry_pathname(from);
    const char *target = archive_entry_hardlink(from);
    enum hx_path_kind kind;
    int r;

    if (!name || !*name)
        return hx_err_set(err, HX_ERR_CORRUPT, "it has no name");
    r = hx_path_clean(name, &entry->path, err);
    if (r == 0)
        r = hx_path_classify(&entry->path, &kind, err);
    if (r < 0)
        return r;
    switch (kind) {
    case HX_PATH_WHITEOUT:
        entry->kind = HX_ENTRY_WHITEOUT;
        return 0;
    case HX_PATH_OPAQUE:
        entry->kind = HX_ENTRY_OPAQUE;
        return 0;
    case HX_PATH_IGNORED:
        entry->kind = HX_ENTRY_IGNORED;
        return 0;
    case HX_PATH_PLAIN:
        break;
    }
    if (target) {
        entry->kind = HX_ENTRY_LINK;
        return hx_path_clean(target, &entry->target, err);
    }
    entry->kind = HX_ENTRY_FILE;
    return read_attributes(from, entry, err);
}

void hx_entry_release(struct hx_entry *entry)
{
    hx_xattr_set_release(&entry->xattrs);
}
