/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of pods' disks.  A whole ext4 as the input would drown what
 * matters: it is a list of changes to a small disk that has some of everything,
 * each the number of a block that is in use, an offset in it, and four bytes.
 */
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "domain-builder/scratch.h"
#include "image/mklayer/layer.h"

#define DISK_BYTES (8u << 20)
#define BLOCK      4096u
#define CHANGE     7
#define CHANGES    64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned char *disk;               /* as it is, mapped */
static unsigned used[DISK_BYTES / BLOCK]; /* numbers of blocks in use */
static size_t used_count;
static int disk_fd, layer_fd;

static void must(int ok)
{
    if (!ok)
        abort();
}

/* -- the disk -------------------------------------------------------------- */

static ext2_ino_t add_inode(ext2_filsys fs, ext2_ino_t folder, const char *name,
                            unsigned mode, int type)
{
    struct ext2_inode_large inode = { .i_mode = (uint16_t)mode,
                                      .i_links_count = 1,
                                      .i_extra_isize = 32 };
    ext2_extent_handle_t handle;
    ext2_ino_t ino;

    must(ext2fs_new_inode(fs, folder, (int)mode, NULL, &ino) == 0);
    ext2fs_inode_alloc_stats2(fs, ino, +1, 0);
    if (LINUX_S_ISREG(mode)) { /* an empty tree of extents */
        must(ext2fs_extent_open2(fs, ino, (struct ext2_inode *)&inode,
                                 &handle) == 0);
        ext2fs_extent_free(handle);
    }
    must(ext2fs_write_inode_full(fs, ino, (struct ext2_inode *)&inode,
                                 sizeof(inode)) == 0);
    must(ext2fs_link(fs, folder, name, ino, type) == 0);
    return ino;
}

static ext2_ino_t add_folder(ext2_filsys fs, ext2_ino_t in, const char *name)
{
    ext2_ino_t ino;

    must(ext2fs_mkdir(fs, in, 0, name) == 0);
    must(ext2fs_lookup(fs, in, name, (int)strlen(name), NULL, &ino) == 0);
    return ino;
}

/* Blocks with holes between them; of more than four parts it has an index. */
static void add_content(ext2_filsys fs, ext2_ino_t ino, unsigned parts)
{
    static char block[BLOCK];
    ext2_file_t file;

    memset(block, 'x', sizeof(block));
    must(ext2fs_file_open(fs, ino, EXT2_FILE_WRITE, &file) == 0);
    for (unsigned i = 0; i < parts; i++) {
        must(ext2fs_file_llseek(file, (uint64_t)i * 2 * BLOCK, EXT2_SEEK_SET,
                                NULL) == 0);
        must(ext2fs_file_write(file, block, sizeof(block), NULL) == 0);
    }
    must(ext2fs_file_close(file) == 0);
}

static void add_attribute(ext2_filsys fs, ext2_ino_t ino, const char *name,
                          size_t len)
{
    static char value[3000];
    struct ext2_xattr_handle *handle;

    memset(value, 'y', sizeof(value));
    must(ext2fs_xattrs_open(fs, ino, &handle) == 0);
    must(ext2fs_xattrs_read(handle) == 0);
    must(ext2fs_xattr_set(handle, name, value, len) == 0);
    must(ext2fs_xattrs_close(&handle) == 0);
}

static void fill(ext2_filsys fs)
{
    static const char target[] =
        "a/target/that/is/longer/than/an/inode/has/room/for/in/itself";
    ext2_ino_t upper =
        add_folder(fs, add_folder(fs, EXT2_ROOT_INO, "0"), "upper");
    ext2_ino_t folder, file;

    must(ext2fs_read_bitmaps(fs) == 0);
    folder = add_folder(fs, upper, "folder");
    add_attribute(fs, folder, "trusted.overlay.opaque", 1);
    add_inode(fs, folder, "gone", LINUX_S_IFCHR, EXT2_FT_CHRDEV);
    file =
        add_inode(fs, folder, "file", LINUX_S_IFREG | 0644, EXT2_FT_REG_FILE);
    add_content(fs, file, 1);
    add_attribute(fs, file, "user.short", 4);
    must(ext2fs_link(fs, upper, "link", file, EXT2_FT_REG_FILE) == 0);
    file =
        add_inode(fs, upper, "parts", LINUX_S_IFREG | 0644, EXT2_FT_REG_FILE);
    add_content(fs, file, 9);
    add_attribute(fs, file, "user.long", 3000);
    must(ext2fs_symlink(fs, upper, 0, "symlink", "short") == 0);
    must(ext2fs_symlink(fs, upper, 0, "long", target) == 0);
    add_inode(fs, upper, "fifo", LINUX_S_IFIFO | 0600, EXT2_FT_FIFO);
}

static void make_disk(void)
{
    char path[64];
    ext2_filsys fs;
    struct hx_err err;

    snprintf(path, sizeof(path), "/tmp/fuzz-scratch-%d", getpid());
    must(hx_scratch_make(path, DISK_BYTES, &err) == 0);
    must(ext2fs_open(path, EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0,
                     unix_io_manager, &fs) == 0);
    must(ext2fs_read_bitmaps(fs) == 0);
    fill(fs);
    must(ext2fs_close(fs) == 0);
    disk_fd = open(path, O_RDWR | O_CLOEXEC);
    unlink(path);
    disk =
        mmap(NULL, DISK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, disk_fd, 0);
    layer_fd = memfd_create("layer", MFD_CLOEXEC);
    must(disk_fd >= 0 && disk != MAP_FAILED && layer_fd >= 0);
    for (unsigned i = 0; i < DISK_BYTES / BLOCK; i++) {
        static const unsigned char zeros[BLOCK];

        if (memcmp(disk + (size_t)i * BLOCK, zeros, BLOCK) != 0)
            used[used_count++] = i;
    }
}

/* -- the reading ----------------------------------------------------------- */

static int read_disk(struct hx_err *err)
{
    struct hx_layer_result result;
    struct hx_scratch *scratch;
    int rc = hx_scratch_open(disk_fd, DISK_BYTES, &scratch, err);

    if (rc < 0)
        return rc;
    rc = hx_layer_write(scratch, "0/upper", layer_fd, &result, err);
    hx_scratch_free(scratch);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct {
        unsigned char *at, old[4];
    } undo[CHANGES];
    size_t count = 0;
    struct hx_err err = { 0 };
    int rc;

    if (!disk)
        make_disk();
    for (; size >= CHANGE && count < CHANGES; data += CHANGE, size -= CHANGE) {
        size_t offset = (data[1] | (size_t)data[2] << 8) % (BLOCK - 3);

        undo[count].at =
            disk + (size_t)used[data[0] % used_count] * BLOCK + offset;
        memcpy(undo[count].old, undo[count].at, 4);
        memcpy(undo[count].at, data + 3, 4);
        count++;
    }
    must(ftruncate(layer_fd, 0) == 0);
    rc = read_disk(&err);
    if (rc < 0 && count == 0)
        fprintf(stderr, "untouched: %s\n", err.msg);
    must(rc == 0 || (count > 0 && rc == -(int)err.code && err.msg[0]));
    while (count-- > 0)
        memcpy(undo[count].at, undo[count].old, 4);
    return 0;
}
