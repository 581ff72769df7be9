/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers to root disk. The first byte says what the others are:
 *
 *   0  a blob, compressed or not, as it comes
 *   1  tars, a layer for each part; header checksums are made right first,
 *      which no mutation would get past otherwise
 *   2  a program of entries with few names: for the rules of layers
 *
 * What is converted must be a squashfs that libsquashfs reads to the last
 * entry.
 */
#include <openssl/evp.h>
#include <sqfs/compressor.h>
#include <sqfs/dir_reader.h>
#include <sqfs/id_table.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/base/buf.h"
#include "image/base/file.h"
#include "image/mkroot/convert.h"

#define LAYERS_MAX 4
#define BLOCK      512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
    if (!ok)
        abort();
}

/* -- reading back --------------------------------------------------------- */

static void read_disk(int fd)
{
    sqfs_compressor_config_t config;
    sqfs_compressor_t *compressor;
    sqfs_dir_reader_t *dirs;
    sqfs_id_table_t *ids = sqfs_id_table_create(0);
    sqfs_tree_node_t *root;
    sqfs_super_t super;
    sqfs_file_t *file;
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    file = sqfs_open_file(path, SQFS_FILE_OPEN_READ_ONLY);
    must(file && ids && sqfs_super_read(&super, file) == 0);
    must(sqfs_compressor_config_init(&config, super.compression_id,
                                     super.block_size,
                                     SQFS_COMP_FLAG_UNCOMPRESS) == 0);
    must(sqfs_compressor_create(&config, &compressor) == 0);
    must(sqfs_id_table_read(ids, file, &super, compressor) == 0);
    dirs = sqfs_dir_reader_create(&super, compressor, file, 0);
    must(dirs &&
         sqfs_dir_reader_get_full_hierarchy(dirs, ids, NULL, 0, &root) == 0);
    sqfs_dir_tree_destroy(root);
    sqfs_destroy(dirs);
    sqfs_destroy(ids);
    sqfs_destroy(compressor);
    sqfs_destroy(file);
}

/* -- converting ----------------------------------------------------------- */

static int make_file(const void *data, size_t len)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must(fd >= 0 && hx_write_all(fd, data, len) == 0);
    return fd;
}

static void set_layer(struct hx_layer *layer, const void *blob, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    layer->fd = make_file(blob, len);
    layer->blob_bytes = len;
    must(EVP_Digest(blob, len, digest, NULL, EVP_sha256(), NULL) == 1);
    for (int i = 0; i < 32; i++)
        snprintf(layer->diff_id + 2 * i, 3, "%02x", digest[i]);
}

static void convert(struct hx_layer *layers, size_t count)
{
    struct hx_convert run = {
        .layers = layers,
        .layer_count = count,
        .output_fd = make_file("", 0),
        .squash = { .compressor = "lz4", .block_bytes = 4096, .threads = 1 },
    };
    struct hx_convert_result result;
    struct hx_err err = { 0 };
    int r = hx_convert_run(&run, &result, &err);

    if (r == 0)
        read_disk(run.output_fd);
    else
        must(r == -(int)err.code && err.msg[0]);
    close(run.output_fd);
    for (size_t i = 0; i < count; i++)
        close(layers[i].fd);
}

static void try_blob(const uint8_t *data, size_t size)
{
    struct hx_layer layer;

    set_layer(&layer, data, size);
    convert(&layer, 1);
}

/* -- tars ----------------------------------------------------------------- */

static void set_checksum(unsigned char *block)
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

static void try_tars(const uint8_t *data, size_t size)
{
    struct hx_layer layers[LAYERS_MAX];
    size_t part, count = size ? 1 + data[0] % LAYERS_MAX : 1;
    unsigned char *copy = malloc(size + 1);

    must(copy != NULL);
    memcpy(copy, data, size);
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK)
        if (!memcmp(copy + at + 257, "ustar", 5))
            set_checksum(copy + at);
    part = size / count / BLOCK * BLOCK;
    for (size_t i = 0; i < count; i++)
        set_layer(&layers[i], copy + i * part,
                  i + 1 < count ? part : size - i * part);
    free(copy);
    convert(layers, count);
}

/* -- programs ------------------------------------------------------------- */

struct program {
    const uint8_t *data;
    size_t left;
};

static unsigned next(struct program *program)
{
    if (!program->left)
        return 0;
    program->left--;
    return *program->data++;
}

/* One to four letters, now and then with dots or a whiteout's name. */
static void next_path(struct program *program, char *out)
{
    static const char *const odd[] = { "..", ".wh.a", ".wh..wh..opq", "." };
    unsigned shape = next(program), letters = next(program);

    *out = '\0';
    if (shape & 0x80)
        strcat(out, "/");
    for (unsigned i = 0; i <= shape % 4; i++) {
        char letter[2] = { (char)('a' + (letters >> 2 * i) % 4), '\0' };

        strcat(out, i ? "/" : "");
        strcat(out, (shape & 0x70) == 0x70 && i == (shape >> 2) % 4
                        ? odd[letters % 4]
                        : letter);
    }
}

static void add_entry(struct hx_buf *tar, struct program *program)
{
    static const char types[] = "00025126";
    unsigned char block[BLOCK] = { 0 };
    unsigned what = next(program), size = 0;

    block[156] = (unsigned char)types[what % 8];
    next_path(program, (char *)block);
    if (block[156] == '1' || block[156] == '2')
        next_path(program, (char *)block + 157);
    if (block[156] == '0')
        size = next(program) * (what & 8 ? 61 : 1);
    snprintf((char *)block + 100, 8, "%07o", what >> 4 & 7 ? 0755 : 04000);
    snprintf((char *)block + 124, 12, "%011o", size);
    memcpy(block + 257, "ustar\00000", 8);
    set_checksum(block);
    must(hx_buf_add(tar, block, BLOCK) == 0);
    memset(block, (int)what, BLOCK);
    for (; size > 0; size -= size < BLOCK ? size : BLOCK)
        must(hx_buf_add(tar, block, BLOCK) == 0);
}

static void try_program(const uint8_t *data, size_t size)
{
    struct program program = { data, size };
    struct hx_layer layers[LAYERS_MAX];
    struct hx_buf tar = HX_BUF_INIT(64 << 20);
    size_t count = 0;

    while (count < LAYERS_MAX && (count == 0 || program.left)) {
        hx_buf_clear(&tar);
        for (unsigned n = next(&program) % 32; n > 0; n--)
            add_entry(&tar, &program);
        set_layer(&layers[count++], tar.data ? tar.data : "", tar.len);
    }
    hx_buf_release(&tar);
    convert(layers, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    switch (data[0] % 3) {
    case 0:
        try_blob(data + 1, size - 1);
        break;
    case 1:
        try_tars(data + 1, size - 1);
        break;
    default:
        try_program(data + 1, size - 1);
    }
    return 0;
}
