/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/entry.h"

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

/* squashfs has 32 bits for seconds since 1970. */
static uint32_t clamp_time(int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static int read_device(const struct hx_tar_meta *meta, struct hx_entry *entry,
                       struct hx_err *err)
{
    uint64_t major = (uint64_t)meta->major, minor = (uint64_t)meta->minor;

    if (major > MAJOR_MAX || minor > MINOR_MAX)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "its device number %lld:%lld is out of range",
                          (long long)meta->major, (long long)meta->minor);
    entry->device = (uint32_t)((minor & 0xff) | (major << 8) |
                               ((minor & ~UINT64_C(0xff)) << 12));
    return 0;
}

static int read_symlink(const struct hx_tar_meta *meta, struct hx_entry *entry,
                        struct hx_err *err)
{
    size_t len = strlen(meta->link);

    if (!len)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "it is a symbolic link to nothing");
    if (len > HX_MKROOT_PATH_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "it is a symbolic link to more than %d bytes",
                          HX_MKROOT_PATH_MAX);
    /* Linux knows no other permissions for a link. */
    entry->mode = S_IFLNK | 0777;
    entry->symlink = meta->link;
    return 0;
}

static int read_type(const struct hx_tar_meta *meta, struct hx_entry *entry,
                     struct hx_err *err)
{
    switch (meta->type) {
    case '\0':
    case '0':
    case '7':
    case 'S':
        entry->mode |= S_IFREG;
        entry->size = (uint64_t)meta->size;
        return 0;
    case '2':
        return read_symlink(meta, entry, err);
    case '3':
        entry->mode |= S_IFCHR;
        return read_device(meta, entry, err);
    case '4':
        entry->mode |= S_IFBLK;
        return read_device(meta, entry, err);
    case '5':
        entry->mode |= S_IFDIR;
        return 0;
    case '6':
        entry->mode |= S_IFIFO;
        return 0;
    default:
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "its type, %d, is not one that images have",
                          meta->type);
    }
}

static int read_attributes(const struct hx_tar_meta *meta,
                           struct hx_entry *entry, struct hx_err *err)
{
    int r;

    r = read_owner(meta->uid, "owner", &entry->uid, err);
    if (r == 0)
        r = read_owner(meta->gid, "group", &entry->gid, err);
    entry->mtime = clamp_time(meta->mtime);
    entry->mode = (uint16_t)(meta->mode & 07777);
    entry->xattrs = meta->xattrs;
    return r;
}

int hx_entry_read(const struct hx_tar_meta *meta, struct hx_entry *entry_r,
                  struct hx_err *err)
{
    enum hx_path_kind kind = HX_PATH_PLAIN;
    int r;

    entry_r->size = 0;
    entry_r->device = 0;
    entry_r->symlink = NULL;
    if (!meta->name[0])
        return hx_err_set(err, HX_ERR_CORRUPT, "it has no name");
    r = hx_path_clean(meta->name, &entry_r->path, err);
    if (r == 0)
        r = hx_path_classify(&entry_r->path, &kind, err);
    if (r < 0)
        return r;
    switch (kind) {
    case HX_PATH_WHITEOUT:
        entry_r->kind = HX_ENTRY_WHITEOUT;
        return 0;
    case HX_PATH_OPAQUE:
        entry_r->kind = HX_ENTRY_OPAQUE;
        return 0;
    case HX_PATH_IGNORED:
        entry_r->kind = HX_ENTRY_IGNORED;
        return 0;
    case HX_PATH_PLAIN:
        break;
    }
    r = read_attributes(meta, entry_r, err);
    if (r < 0)
        return r;
    if (meta->type != '1') {
        entry_r->kind = HX_ENTRY_FILE;
        return read_type(meta, entry_r, err);
    }
    entry_r->kind = HX_ENTRY_LINK;
    return hx_path_clean(meta->link, &entry_r->target, err);
}
