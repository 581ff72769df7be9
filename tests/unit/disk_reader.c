/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root disk as text, read through libsquashfs: see layer_fixture.h. */
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir_reader.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/layer_fixture.h"
#include "tests/unit/unit.h"

#define CONTENT_SHOWN 200

struct reader {
    sqfs_super_t super;
    sqfs_file_t *file;
    sqfs_compressor_t *compressor;
    sqfs_id_table_t *ids;
    sqfs_dir_reader_t *dirs;
    sqfs_data_reader_t *data;
    sqfs_xattr_reader_t *xattrs;
    char **first_names; /* by inode number */
    unsigned *names;    /* by inode number: how many */
    unsigned *nlinks;
    struct hx_buf out;
};

static void ok(int r)
{
    assert_int_equal(r, 0);
}

static void open_disk(struct reader *r, int fd)
{
    sqfs_compressor_config_t config;
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r->file = sqfs_open_file(path, SQFS_FILE_OPEN_READ_ONLY);
    assert_non_null(r->file);
    ok(sqfs_super_read(&r->super, r->file));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size % 4096, 0);
    assert_true(r->super.bytes_used <= (uint64_t)st.st_size);
    assert_true((uint64_t)st.st_size - r->super.bytes_used < 4096);
    ok(sqfs_compressor_config_init(&config, r->super.compression_id,
                                   r->super.block_size,
                                   SQFS_COMP_FLAG_UNCOMPRESS));
    ok(sqfs_compressor_create(&config, &r->compressor));
    r->ids = sqfs_id_table_create(0);
    ok(sqfs_id_table_read(r->ids, r->file, &r->super, r->compressor));
    r->dirs = sqfs_dir_reader_create(&r->super, r->compressor, r->file, 0);
    r->data =
        sqfs_data_reader_create(r->file, r->super.block_size, r->compressor, 0);
    ok(sqfs_data_reader_load_fragment_table(r->data, &r->super));
    r->xattrs = sqfs_xattr_reader_create(0);
    ok(sqfs_xattr_reader_load(r->xattrs, &r->super, r->file, r->compressor));
    r->first_names = calloc(r->super.inode_count + 1, sizeof(char *));
    r->names = calloc(r->super.inode_count + 1, sizeof(unsigned));
    r->nlinks = calloc(r->super.inode_count + 1, sizeof(unsigned));
}

static void close_disk(struct reader *r)
{
    for (unsigned i = 0; i <= r->super.inode_count; i++)
        free(r->first_names[i]);
    free(r->first_names);
    free(r->names);
    free(r->nlinks);
    sqfs_destroy(r->xattrs);
    sqfs_destroy(r->data);
    sqfs_destroy(r->dirs);
    sqfs_destroy(r->ids);
    sqfs_destroy(r->compressor);
    sqfs_destroy(r->file);
}

static void say(struct reader *r, const char *text)
{
    ok(hx_buf_adds(&r->out, text));
}

static void say_escaped(struct reader *r, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++) {
        if (p[i] > ' ' && p[i] < 0x7f && p[i] != '\\')
            ok(hx_buf_add(&r->out, &p[i], 1));
        else
            ok(hx_buf_addf(&r->out, "\\x%02x", p[i]));
    }
}

static void say_content(struct reader *r, const sqfs_inode_generic_t *inode)
{
    sqfs_u64 size;
    char *content;

    sqfs_inode_get_file_size(inode, &size);
    if (!size)
        return;
    assert_true(size < UINT32_MAX);
    content = malloc(size);
    assert_non_null(content);
    assert_int_equal(
        sqfs_data_reader_read(r->data, inode, 0, content, (sqfs_u32)size),
        size);
    say(r, " =");
    if (size <= CONTENT_SHOWN) {
        say_escaped(r, content, size);
    } else {
        int same = 1;

        for (size_t i = 0; i < size; i++)
            same &= content[i] == (char)(i * 2654435761U >> 13);
        ok(hx_buf_addf(&r->out, "%s%zu", same ? "*" : "?", (size_t)size));
    }
    free(content);
}

static void say_xattrs(struct reader *r, const sqfs_inode_generic_t *inode)
{
    sqfs_xattr_entry_t *key;
    sqfs_xattr_value_t *value;
    sqfs_xattr_id_t desc;
    sqfs_u32 index;

    sqfs_inode_get_xattr_index(inode, &index);
    if (index == UINT32_MAX)
        return;
    ok(sqfs_xattr_reader_get_desc(r->xattrs, index, &desc));
    ok(sqfs_xattr_reader_seek_kv(r->xattrs, &desc));
    for (sqfs_u32 i = 0; i < desc.count; i++) {
        ok(sqfs_xattr_reader_read_key(r->xattrs, &key));
        ok(sqfs_xattr_reader_read_value(r->xattrs, key, &value));
        say(r, " +");
        say_escaped(r, key->key, strlen((const char *)key->key));
        say(r, "=");
        say_escaped(r, value->value, value->size);
        sqfs_free(key);
        sqfs_free(value);
    }
}

static unsigned nlink_of(const sqfs_inode_generic_t *inode)
{
    switch (inode->base.type) {
    case SQFS_INODE_FILE:
        return 1;
    case SQFS_INODE_EXT_FILE:
        return inode->data.file_ext.nlink;
    case SQFS_INODE_DIR:
        return inode->data.dir.nlink;
    case SQFS_INODE_EXT_DIR:
        return inode->data.dir_ext.nlink;
    default:
        /* It is the first field of all the others. */
        return inode->data.ipc.nlink;
    }
}

static void say_device(struct reader *r, const sqfs_inode_generic_t *inode)
{
    sqfs_u32 dev = inode->data.dev.devno; /* the same place in the other */

    ok(hx_buf_addf(&r->out, " %u:%u", (dev >> 8) & 0xfff,
                   (dev & 0xff) | ((dev >> 12) & 0xfff00)));
}

static void say_attributes(struct reader *r, const sqfs_tree_node_t *node,
                           unsigned usual_mode)
{
    unsigned mode = node->inode->base.mode & 07777;

    if (mode != usual_mode)
        ok(hx_buf_addf(&r->out, " @%04o", mode));
    if (node->uid || node->gid)
        ok(hx_buf_addf(&r->out, " #%u:%u", node->uid, node->gid));
    if (node->inode->base.mod_time)
        ok(hx_buf_addf(&r->out, " ~%u", node->inode->base.mod_time));
    say_xattrs(r, node->inode);
    say(r, "\n");
}

/* A further name of a file: 1 when the line was written. */
static int say_hard_link(struct reader *r, const sqfs_tree_node_t *node,
                         const char *path)
{
    unsigned number = node->inode->base.inode_number;

    assert_in_range(number, 1, r->super.inode_count);
    r->names[number]++;
    r->nlinks[number] = nlink_of(node->inode);
    if (!r->first_names[number]) {
        r->first_names[number] = strdup(path);
        return 0;
    }
    say(r, "h ");
    say_escaped(r, path, strlen(path));
    say(r, " => ");
    say_escaped(r, r->first_names[number], strlen(r->first_names[number]));
    say(r, "\n");
    return 1;
}

static void say_node(struct reader *r, const sqfs_tree_node_t *node,
                     const char *path)
{
    const sqfs_inode_generic_t *inode = node->inode;
    unsigned type = inode->base.mode & S_IFMT;
    unsigned usual = 0644;

    if (type != S_IFDIR && say_hard_link(r, node, path))
        return;
    say(r, type == S_IFDIR   ? "d "
           : type == S_IFREG ? "f "
           : type == S_IFLNK ? "l "
           : type == S_IFCHR ? "c "
           : type == S_IFBLK ? "b "
           : type == S_IFIFO ? "p "
                             : "s ");
    say_escaped(r, path, strlen(path));
    if (type == S_IFDIR)
        usual = 0755;
    if (type == S_IFREG)
        say_content(r, inode);
    if (type == S_IFCHR || type == S_IFBLK)
        say_device(r, inode);
    if (type == S_IFLNK) {
        usual = 0777;
        say(r, " -> ");
        say_escaped(r, inode->extra, inode->data.slink.target_size);
    }
    say_attributes(r, node, usual);
}

static void say_folder(struct reader *r, const sqfs_tree_node_t *folder,
                       const char *path)
{
    const sqfs_tree_node_t *node;
    unsigned folders = 0;

    for (node = folder->children; node; node = node->next) {
        size_t len = strlen(path) + strlen((const char *)node->name) + 2;
        char *below = malloc(len);

        assert_non_null(below);
        snprintf(below, len, "%s%s%s", path, *path ? "/" : "", node->name);
        say_node(r, node, below);
        if ((node->inode->base.mode & S_IFMT) == S_IFDIR) {
            folders++;
            say_folder(r, node, below);
        }
        free(below);
    }
    assert_int_equal(nlink_of(folder->inode), folders + 2);
}

char *fixture_read_disk(const struct layer_fixture *fixture)
{
    struct reader r = { .out = HX_BUF_INIT(256 << 20) };
    sqfs_tree_node_t *root;

    open_disk(&r, fixture->disk_fd);
    assert_int_equal(fixture->result.files, r.super.inode_count);
    ok(sqfs_dir_reader_get_full_hierarchy(r.dirs, r.ids, NULL, 0, &root));
    say(&r, "d /");
    say_attributes(&r, root, 0755);
    if (!strcmp(r.out.data, "d /\n"))
        hx_buf_clear(&r.out);
    say_folder(&r, root, "");
    for (unsigned i = 1; i <= r.super.inode_count; i++)
        assert_int_equal(r.names[i], r.nlinks[i]);
    sqfs_dir_tree_destroy(root);
    close_disk(&r);
    return hx_buf_detach(&r.out);
}
