/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mklayer/disk.h"

#include <errno.h>
#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/base/cleanup.h"

#define BLOCK_SIZE  4096
#define PARTS_MAX   262144
#define TARGET_MAX  4095
#define FAST_MAX    60 /* a shorter link stands in the inode itself */
#define EPOCH_BITS  3u /* of the seconds, in the extra field */
#define DIRENT_HEAD 8

#define INCOMPAT                                                               \
    (EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |          \
     EXT4_FEATURE_INCOMPAT_FLEX_BG)
#define RO_COMPAT                                                              \
    (EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | \
     EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM |      \
     EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE)

struct hx_scratch {
    ext2_filsys fs;
    int fd;
    uint64_t bytes; /* of the file */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "the pod's disk");
}

static int corrupt(struct hx_err *err, const char *what, uint32_t ino)
{
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "the pod's disk is damaged: %s (inode %u)", what, ino);
}

/* com_err's codes below 256 are errno's. */
static int failed(errcode_t code, uint32_t ino, struct hx_err *err)
{
    if (code == EXT2_ET_NO_MEMORY || code == ENOMEM)
        return no_memory(err);
    if (code > 0 && code < 256)
        return hx_err_sys(err, HX_ERR_SYSTEM, (int)code, "the pod's disk");
    return corrupt(err, error_message(code), ino);
}

/* -- reading: pread of the one descriptor, and nothing else ---------------- */

static errcode_t io_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t io_set_block_size(io_channel channel, int bytes)
{
    channel->block_size = bytes;
    return 0;
}

/* libext2fs counts blocks, or bytes as a negative number. */
static errcode_t io_read64(io_channel channel, unsigned long long block,
                           int count, void *data)
{
    int fd = *(const int *)channel->private_data;
    size_t len = count < 0 ? (size_t) - (int64_t)count
                           : (size_t)count * (size_t)channel->block_size;
    uint64_t at = block * (uint64_t)channel->block_size;
    char *to = data;

    if (block > (uint64_t)INT64_MAX / (uint64_t)channel->block_size)
        return EXT2_ET_SHORT_READ;
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EXT2_ET_SHORT_READ;
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static errcode_t io_read(io_channel channel, unsigned long block, int count,
                         void *data)
{
    return io_read64(channel, block, count, data);
}

static errcode_t io_write64(io_channel channel, unsigned long long block,
                            int count, const void *data)
{
    (void)channel;
    (void)block;
    (void)count;
    (void)data;
    return EROFS;
}

static errcode_t io_write(io_channel channel, unsigned long block, int count,
                          const void *data)
{
    return io_write64(channel, block, count, data);
}

static errcode_t io_flush(io_channel channel)
{
    (void)channel;
    return 0;
}

static errcode_t io_open(const char *name, int flags, io_channel *channel_r);

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "descriptor",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_block_size,
    .read_blk = io_read,
    .write_blk = io_write,
    .flush = io_flush,
    .read_blk64 = io_read64,
    .write_blk64 = io_write64,
};

/* `name` is the descriptor's number: libext2fs hands on nothing else. */
static errcode_t io_open(const char *name, int flags, io_channel *channel_r)
{
    io_channel channel = calloc(1, sizeof(*channel) + sizeof(int));
    int *fd = (int *)(channel + 1);

    (void)flags;
    if (!channel)
        return ENOMEM;
    *fd = atoi(name);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &manager;
    channel->name = strdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = fd;
    if (!channel->name) {
        free(channel);
        return ENOMEM;
    }
    *channel_r = channel;
    return 0;
}

/* -- the file system ------------------------------------------------------- */

static int check_super(const struct hx_scratch *scratch, struct hx_err *err)
{
    struct ext2_super_block *super = scratch->fs->super;

    if (super->s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the pod's disk has a journal that must be replayed "
                          "first; the disks that pods are given have none");
    if (super->s_feature_incompat & ~(__u32)INCOMPAT ||
        super->s_feature_ro_compat & ~(__u32)RO_COMPAT)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the pod's disk has features (0x%x, 0x%x) that it "
                          "was not made with",
                          super->s_feature_incompat,
                          super->s_feature_ro_compat);
    if (scratch->fs->blocksize != BLOCK_SIZE)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the pod's disk has blocks of %u bytes, and was made "
                          "with %d",
                          scratch->fs->blocksize, BLOCK_SIZE);
    if (ext2fs_blocks_count(super) > scratch->bytes / scratch->fs->blocksize)
        return corrupt(err, "it says to be larger than its file", 0);
    return 0;
}

int hx_scratch_open(int fd, uint64_t bytes, struct hx_scratch **scratch_r,
                    struct hx_err *err)
{
    struct hx_scratch *scratch = calloc(1, sizeof(*scratch));
    char number[16];
    errcode_t code;
    int rc;

    if (!scratch)
        return no_memory(err);
    initialize_ext2_error_table();
    snprintf(number, sizeof(number), "%d", fd);
    scratch->fd = fd;
    scratch->bytes = bytes;
    code = ext2fs_open(number, EXT2_FLAG_64BITS, 0, 0, &manager, &scratch->fs);
    rc = code ? failed(code, 0, err) : check_super(scratch, err);
    if (rc < 0) {
        hx_scratch_free(scratch);
        return rc;
    }
    *scratch_r = scratch;
    return 0;
}

void hx_scratch_free(struct hx_scratch *scratch)
{
    if (!scratch)
        return;
    if (scratch->fs)
        ext2fs_free(scratch->fs);
    free(scratch);
}

int hx_scratch_is_clean(const struct hx_scratch *scratch)
{
    return (scratch->fs->super->s_state & EXT2_VALID_FS) != 0;
}

/* -- inodes ---------------------------------------------------------------- */

static int read_inode(struct hx_scratch *scratch, uint32_t ino,
                      struct ext2_inode_large *inode, struct hx_err *err)
{
    errcode_t code;

    if (ino < EXT2_ROOT_INO || ino > scratch->fs->super->s_inodes_count ||
        (ino != EXT2_ROOT_INO && ino < EXT2_FIRST_INODE(scratch->fs->super)))
        return corrupt(err, "an entry leads to no inode", ino);
    memset(inode, 0, sizeof(*inode));
    code = ext2fs_read_inode_full(scratch->fs, ino, (struct ext2_inode *)inode,
                                  sizeof(*inode));
    if (code)
        return failed(code, ino, err);
    return inode->i_links_count
               ? 0
               : corrupt(err, "an entry leads to an inode that is free", ino);
}

static int64_t seconds(const struct ext2_inode_large *inode)
{
    int64_t at = (int32_t)inode->i_mtime;

    if (inode->i_extra_isize >=
        offsetof(struct ext2_inode_large, i_mtime_extra) +
            sizeof(inode->i_mtime_extra) - EXT2_GOOD_OLD_INODE_SIZE)
        at += (int64_t)(inode->i_mtime_extra & EPOCH_BITS) << 32;
    return at;
}

/* As Linux has them: 8:8 bits, or 12:20 in the second word. */
static void set_device(const struct ext2_inode_large *from,
                       struct hx_scratch_inode *to)
{
    uint32_t old = from->i_block[0], new = from->i_block[1];

    to->major = old ? old >> 8 & 0xff : (new & 0xfff00) >> 8;
    to->minor = old ? old & 0xff : (new & 0xff) | (new >> 12 & 0xfff00);
}

int hx_scratch_inode(struct hx_scratch *scratch, uint32_t ino,
                     struct hx_scratch_inode *inode_r, struct hx_err *err)
{
    struct ext2_inode_large inode;
    int rc = read_inode(scratch, ino, &inode, err);

    if (rc < 0)
        return rc;
    *inode_r = (struct hx_scratch_inode){
        .ino = ino,
        .mode = inode.i_mode,
        .uid = inode_uid(inode),
        .gid = inode_gid(inode),
        .links = inode.i_links_count,
        .bytes = EXT2_I_SIZE(&inode),
        .mtime_s = seconds(&inode),
    };
    if (LINUX_S_ISCHR(inode.i_mode) || LINUX_S_ISBLK(inode.i_mode))
        set_device(&inode, inode_r);
    return 0;
}

/* -- content --------------------------------------------------------------- */

struct parts {
    struct hx_scratch_part *list;
    size_t count, room;
    uint64_t end; /* of the last one, in blocks */
};

static int add_part(const struct hx_scratch *scratch,
                    const struct hx_scratch_inode *inode, struct parts *parts,
                    const struct ext2fs_extent *extent, struct hx_err *err)
{
    uint64_t block = scratch->fs->blocksize;
    uint64_t blocks = ext2fs_blocks_count(scratch->fs->super);
    struct hx_scratch_part part = { extent->e_lblk * block,
                                    extent->e_len * block,
                                    extent->e_pblk * block };

    if (extent->e_lblk < parts->end || !extent->e_len ||
        extent->e_pblk >= blocks || extent->e_len > blocks - extent->e_pblk)
        return corrupt(err, "its parts overlap or lie outside", inode->ino);
    parts->end = extent->e_lblk + extent->e_len;
    /* Reserved and never written, or behind the end: reads as zeros. */
    if (extent->e_flags & EXT2_EXTENT_FLAGS_UNINIT ||
        part.offset >= inode->bytes)
        return 0;
    if (part.bytes > inode->bytes - part.offset)
        part.bytes = inode->bytes - part.offset;
    if (parts->count == PARTS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the pod's disk has a file of more than %d parts",
                          PARTS_MAX);
    if (parts->count == parts->room) {
        size_t room = parts->room ? parts->room * 2 : 16;
        struct hx_scratch_part *more =
            reallocarray(parts->list, room, sizeof(*more));

        if (!more)
            return no_memory(err);
        parts->list = more;
        parts->room = room;
    }
    parts->list[parts->count++] = part;
    return 0;
}

/* Leaves in their order; what stands still or goes back ends in an error. */
static int collect(struct hx_scratch *scratch,
                   const struct hx_scratch_inode *inode,
                   ext2_extent_handle_t handle, struct parts *parts,
                   struct hx_err *err)
{
    struct ext2fs_extent extent;
    int op = EXT2_EXTENT_ROOT, rc;

    for (;;) {
        errcode_t code = ext2fs_extent_get(handle, op, &extent);

        if (code == EXT2_ET_EXTENT_NO_NEXT || code == EXT2_ET_NO_CURRENT_NODE)
            return 0;
        if (code)
            return failed(code, inode->ino, err);
        op = EXT2_EXTENT_NEXT;
        if (!(extent.e_flags & EXT2_EXTENT_FLAGS_LEAF) ||
            extent.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT)
            continue;
        rc = add_part(scratch, inode, parts, &extent, err);
        if (rc < 0)
            return rc;
    }
}

int hx_scratch_parts(struct hx_scratch *scratch,
                     const struct hx_scratch_inode *inode,
                     struct hx_scratch_part **parts_r, size_t *count_r,
                     struct hx_err *err)
{
    struct ext2_inode_large raw;
    struct parts parts = { 0 };
    ext2_extent_handle_t handle;
    errcode_t code;
    int rc = read_inode(scratch, inode->ino, &raw, err);

    if (rc < 0)
        return rc;
    if (!(raw.i_flags & EXT4_EXTENTS_FL))
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "the pod's disk has a file without extents (inode "
                          "%u); copy it within the pod and remove the old one",
                          inode->ino);
    code = ext2fs_extent_open2(scratch->fs, inode->ino,
                               (struct ext2_inode *)&raw, &handle);
    if (code)
        return failed(code, inode->ino, err);
    rc = collect(scratch, inode, handle, &parts, err);
    ext2fs_extent_free(handle);
    if (rc < 0) {
        free(parts.list);
        return rc;
    }
    *parts_r = parts.list;
    *count_r = parts.count;
    return 0;
}

int hx_scratch_read(const struct hx_scratch *scratch, uint64_t at, void *data,
                    size_t len, struct hx_err *err)
{
    char *to = data;

    while (len) {
        ssize_t n = pread(scratch->fd, to, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, n < 0 ? errno : EIO,
                              "reading the pod's disk");
        to += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* -- folders --------------------------------------------------------------- */

struct listing {
    struct hx_scratch_entry *list;
    size_t count, room, max;
};

static int add_entry(struct listing *listing, uint32_t folder, const char *name,
                     size_t len, uint32_t ino, struct hx_err *err)
{
    if (len == 0 || memchr(name, '/', len) || memchr(name, '\0', len))
        return corrupt(err, "a name that cannot be one", folder);
    if ((len == 1 && name[0] == '.') ||
        (len == 2 && name[0] == '.' && name[1] == '.'))
        return 0;
    if (listing->count == listing->max)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the pod's disk has too many files for a layer");
    if (listing->count == listing->room) {
        size_t room = listing->room ? listing->room * 2 : 16;
        struct hx_scratch_entry *more =
            reallocarray(listing->list, room, sizeof(*more));

        if (!more)
            return no_memory(err);
        listing->list = more;
        listing->room = room;
    }
    listing->list[listing->count].name = strndup(name, len);
    listing->list[listing->count].ino = ino;
    if (!listing->list[listing->count].name)
        return no_memory(err);
    listing->count++;
    return 0;
}

/* One block of entries (struct ext2_dir_entry_2): each says where the next
 * one is.  Blocks of the index look like one empty entry. */
static int parse_block(struct listing *listing, uint32_t folder,
                       const unsigned char *block, size_t bytes,
                       struct hx_err *err)
{
    for (size_t at = 0; at < bytes;) {
        struct ext2_dir_entry_2 head;
        size_t length;
        int rc;

        if (bytes - at < DIRENT_HEAD)
            return corrupt(err, "a folder's block", folder);
        memcpy(&head, block + at, DIRENT_HEAD);
        length = head.rec_len;
        if (length < DIRENT_HEAD || length % 4 || length > bytes - at ||
            (head.inode && head.name_len + (size_t)DIRENT_HEAD > length))
            return corrupt(err, "a folder's block", folder);
        if (head.inode) {
            rc = add_entry(listing, folder,
                           (const char *)block + at + DIRENT_HEAD,
                           head.name_len, head.inode, err);
            if (rc < 0)
                return rc;
        }
        at += length;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct hx_scratch_entry *)a)->name,
                  ((const struct hx_scratch_entry *)b)->name);
}

/* Of a folder each block is there; a hole ends it as damaged. */
static int read_folder(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *folder,
                       struct listing *listing, struct hx_err *err)
{
    _cleanup_free_ struct hx_scratch_part *parts = NULL;
    _cleanup_free_ unsigned char *block = malloc(scratch->fs->blocksize);
    size_t bytes = scratch->fs->blocksize, count = 0;
    uint64_t end = 0;
    int rc;

    if (!block)
        return no_memory(err);
    rc = hx_scratch_parts(scratch, folder, &parts, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (parts[i].offset != end || parts[i].bytes % bytes)
            return corrupt(err, "a folder with a hole", folder->ino);
        end += parts[i].bytes;
        for (uint64_t at = 0; rc == 0 && at < parts[i].bytes; at += bytes) {
            rc = hx_scratch_read(scratch, parts[i].at + at, block, bytes, err);
            if (rc == 0)
                rc = parse_block(listing, folder->ino, block, bytes, err);
        }
    }
    if (rc == 0 && end != folder->bytes)
        rc = corrupt(err, "a folder of another size", folder->ino);
    return rc;
}

int hx_scratch_entries(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *folder, size_t max,
                       struct hx_scratch_entry **entries_r, size_t *count_r,
                       struct hx_err *err)
{
    struct listing listing = { .max = max };
    int rc = LINUX_S_ISDIR(folder->mode)
                 ? read_folder(scratch, folder, &listing, err)
                 : corrupt(err, "a folder that is none", folder->ino);

    if (rc == 0 && listing.count)
        qsort(listing.list, listing.count, sizeof(*listing.list), by_name);
    for (size_t i = 1; rc == 0 && i < listing.count; i++) {
        if (strcmp(listing.list[i - 1].name, listing.list[i].name) == 0)
            rc = corrupt(err, "one name twice in a folder", folder->ino);
    }
    if (rc < 0) {
        hx_scratch_entries_free(listing.list, listing.count);
        return rc;
    }
    *entries_r = listing.list;
    *count_r = listing.count;
    return 0;
}

void hx_scratch_entries_free(struct hx_scratch_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].name);
    free(entries);
}

static int find_one(struct hx_scratch *scratch, const char *name, size_t len,
                    uint32_t *ino, struct hx_err *err)
{
    struct hx_scratch_entry *entries = NULL;
    struct hx_scratch_inode folder;
    size_t count = 0;
    int rc = hx_scratch_inode(scratch, *ino, &folder, err);

    if (rc == 0)
        rc = hx_scratch_entries(scratch, &folder, SIZE_MAX, &entries, &count,
                                err);
    if (rc < 0)
        return rc;
    rc = -HX_ERR_NOT_FOUND;
    for (size_t i = 0; rc < 0 && i < count; i++) {
        if (strlen(entries[i].name) != len ||
            memcmp(entries[i].name, name, len) != 0)
            continue;
        *ino = entries[i].ino;
        rc = 0;
    }
    hx_scratch_entries_free(entries, count);
    return rc < 0
               ? hx_err_set(err, HX_ERR_NOT_FOUND,
                            "the pod's disk has no folder %.*s", (int)len, name)
               : 0;
}

int hx_scratch_find(struct hx_scratch *scratch, const char *path,
                    uint32_t *ino_r, struct hx_err *err)
{
    uint32_t ino = EXT2_ROOT_INO;
    int rc = 0;

    while (rc == 0 && *path) {
        size_t len = strcspn(path, "/");

        rc = find_one(scratch, path, len, &ino, err);
        path += len + (path[len] == '/');
    }
    if (rc == 0)
        *ino_r = ino;
    return rc;
}

/* -- links and attributes -------------------------------------------------- */

static int read_target(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *inode, char *target,
                       struct hx_err *err)
{
    _cleanup_free_ struct hx_scratch_part *parts = NULL;
    struct ext2_inode_large raw;
    size_t count = 0;
    int rc = read_inode(scratch, inode->ino, &raw, err);

    if (rc < 0)
        return rc;
    if (!(raw.i_flags & EXT4_EXTENTS_FL) && inode->bytes < FAST_MAX) {
        memcpy(target, raw.i_block, inode->bytes);
        return 0;
    }
    rc = hx_scratch_parts(scratch, inode, &parts, &count, err);
    if (rc == 0 &&
        (count != 1 || parts[0].offset != 0 || parts[0].bytes != inode->bytes))
        rc = corrupt(err, "a symbolic link", inode->ino);
    return rc < 0 ? rc
                  : hx_scratch_read(scratch, parts[0].at, target,
                                    (size_t)inode->bytes, err);
}

int hx_scratch_symlink(struct hx_scratch *scratch,
                       const struct hx_scratch_inode *inode, char **target_r,
                       struct hx_err *err)
{
    _cleanup_free_ char *target = NULL;
    int rc;

    if (inode->bytes == 0 || inode->bytes > TARGET_MAX)
        return corrupt(err, "a symbolic link", inode->ino);
    target = calloc(1, inode->bytes + 1);
    if (!target)
        return no_memory(err);
    rc = read_target(scratch, inode, target, err);
    if (rc == 0 && strlen(target) != inode->bytes)
        rc = corrupt(err, "a symbolic link", inode->ino);
    if (rc == 0)
        *target_r = hx_steal_ptr(&target);
    return rc;
}

struct taker {
    int (*take)(const char *name, const void *value, size_t len, void *opaque,
                struct hx_err *err);
    void *opaque;
    struct hx_err *err;
    int rc;
};

static int take_one(char *name, char *value, size_t len, void *opaque)
{
    struct taker *taker = opaque;

    taker->rc = taker->take(name, value, len, taker->opaque, taker->err);
    return taker->rc < 0 ? XATTR_ABORT : 0;
}

int hx_scratch_xattrs(struct hx_scratch *scratch, uint32_t ino,
                      int (*take)(const char *name, const void *value,
                                  size_t len, void *opaque, struct hx_err *err),
                      void *opaque, struct hx_err *err)
{
    struct taker taker = { take, opaque, err, 0 };
    struct ext2_xattr_handle *handle = NULL;
    errcode_t code = ext2fs_xattrs_open(scratch->fs, ino, &handle);

    if (!code)
        code = ext2fs_xattrs_read(handle);
    if (!code)
        code = ext2fs_xattrs_iterate(handle, take_one, &taker);
    if (handle)
        ext2fs_xattrs_close(&handle);
    if (taker.rc < 0)
        return taker.rc;
    return code ? failed(code, ino, err) : 0;
}
