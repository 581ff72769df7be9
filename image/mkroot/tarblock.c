/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/tarblock.h"

#include <stddef.h>
#include <string.h>

/* A field's place, and its length. */
#define NAME     0, 100
#define MODE     100, 8
#define UID      108, 8
#define GID      116, 8
#define SIZE     124, 12
#define MTIME    136, 12
#define CHECKSUM 148, 8
#define TYPE     156
#define LINK     157, 100
#define MAGIC    257
#define MAJOR    329, 8
#define MINOR    337, 8
#define PREFIX   345, 155
#define ATIME    345, 12
#define CTIME    357, 12

int hx_tarblock_is_end(const unsigned char block[HX_TAR_BLOCK])
{
    return !block[0] && !memcmp(block, block + 1, HX_TAR_BLOCK - 1);
}

/* Two's complement, the sign in the second bit; the first only marks it. */
static int base256(const unsigned char *field, size_t len, int64_t *number_r)
{
    unsigned char flip = field[0] & 0x40 ? 0xff : 0;
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = field[i] ^ flip;

        if (i == 0)
            byte &= 0x7f;
        if (number >> 55)
            return -1;
        number = number << 8 | byte;
    }
    *number_r = flip ? (int64_t)~number : (int64_t)number;
    return 0;
}

static int is_padding(unsigned char c)
{
    return c == ' ' || c == '\0';
}

static int octal(const unsigned char *field, size_t len, int64_t *number_r)
{
    int64_t number = 0;
    size_t i = 0;

    while (i < len && is_padding(field[i]))
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
        if (number >> 60)
            return -1;
        number = number << 3 | (field[i] - '0');
    }
    /* What follows a NUL is of no account; a space may only be padding. */
    for (; i < len && field[i]; i++)
        if (field[i] != ' ')
            return -1;
    *number_r = number;
    return 0;
}

int hx_tarblock_number(const unsigned char *field, size_t len,
                       int64_t *number_r)
{
    return field[0] & 0x80 ? base256(field, len, number_r)
                           : octal(field, len, number_r);
}

static int number(const unsigned char *block, size_t at, size_t len,
                  int64_t *number_r)
{
    return hx_tarblock_number(block + at, len, number_r);
}

static void text(const unsigned char *block, size_t at, size_t len, char *out)
{
    len = strnlen((const char *)block + at, len);
    memcpy(out, block + at, len);
    out[len] = '\0';
}

/* The sum of all bytes, its own field counted as spaces; some old writers took
 * bytes as signed. */
static int checksum_fits(const unsigned char *block)
{
    int64_t sum = 0, signed_sum = 0, stored;

    if (number(block, CHECKSUM, &stored) < 0)
        return 0;
    for (int i = 0; i < HX_TAR_BLOCK; i++) {
        int own = i >= 148 && i < 156;

        sum += own ? ' ' : block[i];
        signed_sum += own ? ' ' : (signed char)block[i];
    }
    return stored == sum || stored == signed_sum;
}

static int is_ascii(const char *s)
{
    for (; *s; s++)
        if (*s & 0x80)
            return 0;
    return 1;
}

/*
 * GNU's format has times where ustar has its prefix.  Go before 1.8, and so
 * docker before 17.06, wrote a prefix there all the same: what is ASCII and
 * cannot be times is one.
 */
static int has_prefix(const unsigned char *block, int gnu, const char *prefix)
{
    int64_t ignored;

    if (!prefix[0])
        return 0;
    return !gnu || ((number(block, ATIME, &ignored) < 0 ||
                     number(block, CTIME, &ignored) < 0) &&
                    is_ascii(prefix));
}

static void read_name(const unsigned char *block, int old,
                      struct hx_tarblock *header)
{
    char prefix[156];
    size_t used = 0;

    text(block, PREFIX, prefix);
    if (!old && has_prefix(block, header->gnu, prefix)) {
        used = strlen(prefix);
        memcpy(header->name, prefix, used);
        header->name[used++] = '/';
    }
    text(block, NAME, header->name + used);
}

static int read_numbers(const unsigned char *block, struct hx_tarblock *header)
{
    int64_t mode = 0;
    int r;

    r = number(block, MODE, &mode) | number(block, UID, &header->uid) |
        number(block, GID, &header->gid) | number(block, SIZE, &header->size) |
        number(block, MTIME, &header->mtime);
    if (header->type == '3' || header->type == '4')
        r |= number(block, MAJOR, &header->major) |
             number(block, MINOR, &header->minor);
    header->mode = (uint32_t)mode & 07777;
    return r;
}

int hx_tarblock_parse(const unsigned char block[HX_TAR_BLOCK],
                      struct hx_tarblock *header_r, struct hx_err *err)
{
    int ustar = !memcmp(block + MAGIC, "ustar\0", 6);

    if (!checksum_fits(block))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the tar is damaged, or is none: a header's "
                          "checksum is wrong");
    memset(header_r, 0, sizeof(*header_r));
    header_r->type = (char)block[TYPE];
    header_r->gnu = !memcmp(block + MAGIC, "ustar  ", 8);
    read_name(block, !ustar && !header_r->gnu, header_r);
    text(block, LINK, header_r->link);
    if (read_numbers(block, header_r) < 0)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "the tar is damaged: the header of '%.200s' has a "
                          "number that is none",
                          header_r->name);
    return 0;
}
