/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/tarout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/base/file.h"

#define BLOCK     512
#define OCTAL_MAX (UINT64_C(1) << 33) /* 11 digits */

struct header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12], mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6], version[2];
    char user[32], group[32];
    char major[8], minor[8];
    char prefix[155];
    char unused[12];
};

static int put(int fd, const void *data, size_t len, struct hx_err *err)
{
    if (hx_write_all(fd, data, len) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing the archive");
    return 0;
}

/* Beyond 8 GiB in base 256, as GNU tar, Go and libarchive read it. */
static void put_size(struct header *header, uint64_t size)
{
    if (size < OCTAL_MAX) {
        snprintf(header->size, sizeof(header->size), "%011llo",
                 (unsigned long long)size);
        return;
    }
    header->size[0] = (char)0x80;
    for (size_t i = sizeof(header->size) - 1; i > 0; i--, size >>= 8)
        header->size[i] = (char)(size & 0xff);
}

static void put_checksum(struct header *header)
{
    const unsigned char *byte = (const unsigned char *)header;
    unsigned sum = 0;

    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < sizeof(*header); i++)
        sum += byte[i];
    snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
    header->checksum[7] = ' ';
}

int hx_tarout_begin(int fd, const char *name, uint64_t size, struct hx_err *err)
{
    struct header header = { .mode = "0000644",
                             .uid = "0000000",
                             .gid = "0000000",
                             .mtime = "00000000000",
                             .type = '0',
                             .magic = "ustar",
                             .version = { '0', '0' } };

    _Static_assert(sizeof(struct header) == BLOCK, "a block");
    snprintf(header.name, sizeof(header.name), "%s", name);
    put_size(&header, size);
    put_checksum(&header);
    return put(fd, &header, sizeof(header), err);
}

int hx_tarout_pad(int fd, uint64_t size, struct hx_err *err)
{
    static const char zeros[BLOCK];

    return put(fd, zeros, (BLOCK - size % BLOCK) % BLOCK, err);
}

int hx_tarout_file(int fd, const char *name, const void *data, size_t size,
                   struct hx_err *err)
{
    int rc = hx_tarout_begin(fd, name, size, err);

    if (rc == 0)
        rc = put(fd, data, size, err);
    return rc == 0 ? hx_tarout_pad(fd, size, err) : rc;
}

int hx_tarout_end(int fd, struct hx_err *err)
{
    static const char zeros[2 * BLOCK];

    return put(fd, zeros, sizeof(zeros), err);
}
