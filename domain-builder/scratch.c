/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/scratch.h"

#include <errno.h>
#include <et/com_err.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/cleanup.h"

#define BLOCK_SIZE      4096
#define INODE_SIZE      256
#define EXTRA_ISIZE     32 /* nanoseconds, creation time */
#define BYTES_PER_INODE 16384
#define GROUPS_PER_FLEX 16

/* com_err's codes below 256 are errno's. */
static int ext2_err(struct hx_err *err, errcode_t code, const char *path)
{
    if (code > 0 && code < 256)
        return hx_err_sys(err, HX_ERR_SYSTEM, (int)code,
                          "making scratch disk %s", path);
    initialize_ext2_error_table();
    return hx_err_set(err, HX_ERR_SYSTEM, "making scratch disk %s: %s", path,
                      error_message(code));
}

/*
 * No journal: the disk lives and dies with its domain, and a journal would
 * cost each pod a kernel thread, a second write of all metadata and memory
 * that a 32 MiB domain does not have.  gdt_csum is what allows unused groups
 * to have no bitmaps at all; metadata_csum would only cost time.
 */
static void choose_features(struct ext2_super_block *param, uint64_t bytes)
{
    memset(param, 0, sizeof(*param));
    param->s_rev_level = EXT2_DYNAMIC_REV;
    param->s_log_block_size = 2; /* 1024 << 2 */
    param->s_log_cluster_size = 2;
    param->s_inode_size = INODE_SIZE;
    param->s_log_groups_per_flex = (__u8)__builtin_ctz(GROUPS_PER_FLEX);
    ext2fs_blocks_count_set(param, bytes / BLOCK_SIZE);
    param->s_inodes_count = (__u32)(bytes / BYTES_PER_INODE < UINT32_MAX / 2
                                        ? bytes / BYTES_PER_INODE
                                        : UINT32_MAX / 2);
    ext2fs_set_feature_filetype(param);
    ext2fs_set_feature_extents(param);
    ext2fs_set_feature_flex_bg(param);
    ext2fs_set_feature_dir_index(param);
    ext2fs_set_feature_xattr(param);
    ext2fs_set_feature_sparse_super(param);
    ext2fs_set_feature_large_file(param);
    ext2fs_set_feature_huge_file(param);
    ext2fs_set_feature_dir_nlink(param);
    ext2fs_set_feature_extra_isize(param);
    ext2fs_set_feature_gdt_csum(param);
}

static errcode_t set_identity(ext2_filsys fs)
{
    struct ext2_super_block *super = fs->super;
    time_t now = time(NULL);

    if (getrandom(super->s_uuid, sizeof(super->s_uuid), 0) < 0 ||
        getrandom(super->s_hash_seed, sizeof(super->s_hash_seed), 0) < 0)
        return errno;
    super->s_uuid[6] = (super->s_uuid[6] & 0x0f) | 0x40; /* random UUID */
    super->s_uuid[8] = (super->s_uuid[8] & 0x3f) | 0x80;
    super->s_def_hash_version = EXT2_HASH_HALF_MD4;
    super->s_flags |= EXT2_FLAGS_SIGNED_HASH;
    super->s_min_extra_isize = EXTRA_ISIZE;
    super->s_want_extra_isize = EXTRA_ISIZE;
    super->s_max_mnt_count = -1;
    super->s_mkfs_time = super->s_lastcheck = super->s_wtime = (__u32)now;
    fs->umask = 022;
    return 0;
}

/* The file is new and sparse: what was never written is zero. */
static void mark_tables_zeroed(ext2_filsys fs)
{
    for (dgrp_t i = 0; i < fs->group_desc_count; i++) {
        ext2fs_bg_flags_set(fs, i, EXT2_BG_INODE_ZEROED);
        ext2fs_group_desc_csum_set(fs, i);
    }
}

static errcode_t reserve_inodes(ext2_filsys fs)
{
    for (ext2_ino_t ino = EXT2_ROOT_INO + 1; ino < EXT2_FIRST_INODE(fs->super);
         ino++)
        ext2fs_inode_alloc_stats2(fs, ino, +1, 0);
    ext2fs_mark_inode_bitmap2(fs->inode_map, EXT2_BAD_INO);
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
    return ext2fs_update_bb_inode(fs, NULL);
}

static errcode_t fill(ext2_filsys fs)
{
    errcode_t code = set_identity(fs);

    if (!code)
        code = ext2fs_allocate_tables(fs);
    if (code)
        return code;
    mark_tables_zeroed(fs);
    code = ext2fs_mkdir(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);
    if (!code)
        code = ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, "lost+found");
    if (!code)
        code = reserve_inodes(fs);
    return code;
}

static int make_filesystem(const char *path, uint64_t bytes, struct hx_err *err)
{
    struct ext2_super_block param;
    ext2_filsys fs = NULL;
    errcode_t code;

    choose_features(&param, bytes);
    code = ext2fs_initialize(path, EXT2_FLAG_EXCLUSIVE, &param, unix_io_manager,
                             &fs);
    if (!code)
        code = fill(fs);
    if (!code) {
        /* No fsync: after a crash of dom0 the pod is gone anyway. */
        code = ext2fs_close2(fs, EXT2_FLAG_FLUSH_NO_SYNC);
        if (!code)
            fs = NULL;
    }
    if (fs)
        ext2fs_free(fs);
    return code ? ext2_err(err, code, path) : 0;
}

static int make_sparse(const char *path, uint64_t bytes, struct hx_err *err)
{
    _cleanup_close_ int fd = -1;

    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) < 0 && errno == EFBIG)
        return hx_err_set(err, HX_ERR_USAGE,
                          "making scratch disk %s: the file system there "
                          "holds no file of %llu bytes; choose a smaller size",
                          path, (unsigned long long)bytes);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "making scratch disk %s of %llu bytes", path,
                          (unsigned long long)bytes);
    return 0;
}

int hx_scratch_make(const char *path, uint64_t bytes, struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    int r;

    if (access(path, F_OK) == 0)
        return 0;
    if (bytes < HX_SCRATCH_MIN_BYTES || bytes > HX_SCRATCH_MAX_BYTES)
        return hx_err_set(err, HX_ERR_USAGE,
                          "making scratch disk %s: %llu bytes; choose a size "
                          "from 4 MiB to 8 TiB",
                          path, (unsigned long long)bytes);
    bytes -= bytes % BLOCK_SIZE;
    if (asprintf(&temp, "%s.new", path) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "making scratch disk %s",
                          path);
    r = make_sparse(temp, bytes, err);
    if (r == 0)
        r = make_filesystem(temp, bytes, err);
    if (r == 0 && rename(temp, path) < 0)
        r = hx_err_sys(err, HX_ERR_SYSTEM, errno, "making scratch disk %s",
                       path);
    if (r < 0)
        unlink(temp);
    return r;
}
