/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/tar.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XATTR_KEY "SCHILY.xattr."

/* What a member's own records say in place of its header's fields. */
struct overrides {
    bool path, link, size, mtime, uid, gid;
    struct hx_init_tar_member *member;
};

static int cut_off(struct hx_init_err *err)
{
    return hx_init_fail(err, "the tar ends too early: its sender has gone, "
                             "or it is no tar");
}

/* Exactly `len` bytes; 1, 0 at the end of the input, or -1. */
static int read_exactly(int in, void *data, size_t len, struct hx_init_err *err)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = read(in, (char *)data + have, len - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_init_fail_sys(err, errno, "reading the tar");
        if (n == 0)
            return have == 0 ? 0 : cut_off(err);
        have += (size_t)n;
    }
    return 1;
}

static int skip(int in, uint64_t len, struct hx_init_err *err)
{
    char data[4096];

    while (len > 0) {
        size_t part = len < sizeof(data) ? (size_t)len : sizeof(data);
        int r = read_exactly(in, data, part, err);

        if (r <= 0)
            return r < 0 ? -1 : cut_off(err);
        len -= part;
    }
    return 0;
}

static unsigned padding_of(uint64_t size)
{
    return (unsigned)(-size % HX_INIT_TAR_BLOCK);
}

/* Octal with blanks around it, empty is 0; or base 256, when the first bit is
 * set.  -1 for what is neither or does not fit. */
static int number(const char *field, size_t len, uint64_t *number_r)
{
    const unsigned char *p = (const unsigned char *)field;
    uint64_t value = 0;
    size_t i = 0;

    if (p[0] & 0x80) {
        if (p[0] & 0x7f)
            return -1;
        for (i = 1; i < len; i++) {
            if (value >> 55)
                return -1;
            value = value << 8 | p[i];
        }
        *number_r = value;
        return 0;
    }
    while (i < len && p[i] == ' ')
        i++;
    for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
        value = value << 3 | (unsigned)(p[i] - '0');
    if (i < len && p[i] != '\0' && p[i] != ' ')
        return -1;
    *number_r = value;
    return 0;
}

static int is_checksum_right(const char block[HX_INIT_TAR_BLOCK])
{
    uint64_t stored;
    unsigned sum = 0, i;

    if (number(block + 148, 8, &stored) < 0)
        return 0;
    for (i = 0; i < HX_INIT_TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
    return sum == stored;
}

static bool is_zero(const char block[HX_INIT_TAR_BLOCK])
{
    unsigned i;

    for (i = 0; i < HX_INIT_TAR_BLOCK; i++) {
        if (block[i])
            return false;
    }
    return true;
}

/* -- records -----------------------------------------------------------------
 */

/* The next "LEN KEY=VALUE\n"; true, or false when there is none. */
static bool split_record(const char *data, size_t len, size_t *used_r,
                         const char **key_r, const char **equals_r)
{
    size_t total = 0, i;

    for (i = 0; i < len && i < 8 && data[i] >= '0' && data[i] <= '9'; i++)
        total = total * 10 + (size_t)(data[i] - '0');
    if (i == 0 || i >= len || data[i] != ' ' || total > len || total < i + 3 ||
        data[total - 1] != '\n')
        return false;
    *key_r = data + i + 1;
    *equals_r = memchr(*key_r, '=', total - i - 2);
    *used_r = total;
    return *equals_r != NULL;
}

bool hx_init_tar_xattr(const struct hx_init_tar_member *member, size_t *at,
                       struct hx_init_tar_xattr *xattr_r)
{
    const char *key, *equals, *start = member->xattrs + *at;
    size_t used;

    if (*at >= member->xattrs_len ||
        !split_record(start, member->xattrs_len - *at, &used, &key, &equals))
        return false;
    *at += used;
    xattr_r->name = key + strlen(XATTR_KEY);
    xattr_r->name_len = (size_t)(equals - xattr_r->name);
    xattr_r->value = equals + 1;
    xattr_r->value_len = (size_t)(start + used - 1 - xattr_r->value);
    return true;
}

static int take_name(char name[HX_INIT_TAR_PATH_MAX], const char *value,
                     size_t len, struct hx_init_err *err)
{
    if (len == 0 || len >= HX_INIT_TAR_PATH_MAX || memchr(value, '\0', len))
        return hx_init_fail(err,
                            "the tar has a name of %zu bytes or with a "
                            "NUL in it; at most %u are possible",
                            len, HX_INIT_TAR_PATH_MAX - 1);
    memcpy(name, value, len);
    name[len] = '\0';
    return 0;
}

static int take_number(const char *value, size_t len, uint64_t max,
                       uint64_t *number_r, struct hx_init_err *err)
{
    char text[24];

    if (len < sizeof(text)) {
        memcpy(text, value, len);
        text[len] = '\0';
        if (strlen(text) == len && hx_init_parse_u64(text, max, number_r) == 0)
            return 0;
    }
    return hx_init_fail(err, "the tar has a number that is none, or too large");
}

/* "[-]SECONDS[.FRACTION]" */
static int take_mtime(const char *value, size_t len,
                      struct hx_init_tar_member *member,
                      struct hx_init_err *err)
{
    bool negative = len > 0 && *value == '-';
    const char *dot = memchr(value, '.', len), *end = value + len;
    uint64_t seconds;
    uint32_t ns = 0, unit = 100000000;

    value += negative;
    if (take_number(value, (size_t)((dot ? dot : end) - value), INT64_MAX - 1,
                    &seconds, err) < 0)
        return -1;
    for (; dot && ++dot < end; unit /= 10) {
        if (*dot < '0' || *dot > '9')
            return hx_init_fail(err, "the tar has a time that is none");
        ns += unit * (uint32_t)(*dot - '0');
    }
    member->mtime_s =
        negative ? -(int64_t)seconds - (ns > 0) : (int64_t)seconds;
    member->mtime_ns = negative && ns > 0 ? 1000000000 - ns : ns;
    return 0;
}

static int take_owner(const char *value, size_t len, uint32_t *id_r,
                      struct hx_init_err *err)
{
    uint64_t id;

    if (take_number(value, len, UINT32_MAX - 1, &id, err) < 0)
        return -1;
    *id_r = (uint32_t)id;
    return 0;
}

static bool is_key(const char *key, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(key, name, len) == 0;
}

static int take_xattr(struct hx_init_tar_member *member, const char *record,
                      size_t len, struct hx_init_err *err)
{
    char *more = realloc(member->xattrs, member->xattrs_len + len);

    if (!more)
        return hx_init_fail_sys(err, errno, "reading the tar");
    memcpy(more + member->xattrs_len, record, len);
    member->xattrs = more;
    member->xattrs_len += len;
    return 0;
}

static int take_record(struct overrides *o, const char *key, const char *equals,
                       const char *end, struct hx_init_err *err)
{
    struct hx_init_tar_member *member = o->member;
    size_t len = (size_t)(equals - key), size = (size_t)(end - equals - 1);
    const char *value = equals + 1;

    if (is_key(key, len, "path")) {
        o->path = true;
        return take_name(member->path, value, size, err);
    }
    if (is_key(key, len, "linkpath")) {
        o->link = true;
        return take_name(member->link, value, size, err);
    }
    if (is_key(key, len, "size")) {
        o->size = true;
        return take_number(value, size, INT64_MAX, &member->size, err);
    }
    if (is_key(key, len, "mtime")) {
        o->mtime = true;
        return take_mtime(value, size, member, err);
    }
    if (is_key(key, len, "uid")) {
        o->uid = true;
        return take_owner(value, size, &member->uid, err);
    }
    if (is_key(key, len, "gid")) {
        o->gid = true;
        return take_owner(value, size, &member->gid, err);
    }
    if (len > 10 && memcmp(key, "GNU.sparse", 10) == 0)
        return hx_init_fail(err, "the tar has sparse files, which are not "
                                 "known here; make it without --sparse");
    return 0;
}

static int take_records(struct overrides *o, const char *data, size_t len,
                        struct hx_init_err *err)
{
    while (len > 0) {
        const char *key, *equals;
        size_t used;

        if (!split_record(data, len, &used, &key, &equals))
            return hx_init_fail(err, "the tar has a damaged pax header");
        if ((size_t)(equals - key) > strlen(XATTR_KEY) &&
            memcmp(key, XATTR_KEY, strlen(XATTR_KEY)) == 0) {
            if (take_xattr(o->member, data, used, err) < 0)
                return -1;
        } else if (take_record(o, key, equals, data + used - 1, err) < 0) {
            return -1;
        }
        data += used;
        len -= used;
    }
    return 0;
}

/* -- headers -----------------------------------------------------------------
 */

/* The content of a header that tells about the next one; to be freed. */
static int read_records(struct hx_init_tar_reader *reader, uint64_t size,
                        char **data_r, struct hx_init_err *err)
{
    _init_free_ char *data = NULL;

    if (size == 0 || size > HX_INIT_TAR_RECORDS_MAX)
        return hx_init_fail(err,
                            "the tar has a header of %llu bytes; at "
                            "most %u are possible",
                            (unsigned long long)size, HX_INIT_TAR_RECORDS_MAX);
    data = malloc((size_t)size);
    if (!data)
        return hx_init_fail_sys(err, errno, "reading the tar");
    switch (read_exactly(reader->in, data, (size_t)size, err)) {
    case 0:
        return cut_off(err);
    case 1:
        break;
    default:
        return -1;
    }
    if (skip(reader->in, padding_of(size), err) < 0)
        return -1;
    *data_r = data;
    data = NULL;
    return 0;
}

/* Pax records and GNU's long names: what comes before a member's header. */
static int take_extension(struct hx_init_tar_reader *reader, char type,
                          uint64_t size, struct overrides *o,
                          struct hx_init_err *err)
{
    _init_free_ char *data = NULL;

    /* Of all members: nobody writes there what we would take. */
    if (type == 'g' && size <= HX_INIT_TAR_RECORDS_MAX)
        return skip(reader->in, size + padding_of(size), err);
    if (read_records(reader, size, &data, err) < 0)
        return -1;
    if (type == 'x')
        return take_records(o, data, (size_t)size, err);
    if (type == 'K') {
        o->link = true;
        return take_name(o->member->link, data, strnlen(data, (size_t)size),
                         err);
    }
    o->path = true;
    return take_name(o->member->path, data, strnlen(data, (size_t)size), err);
}

static void copy_field(char *to, const char *field, size_t len)
{
    len = strnlen(field, len);
    memcpy(to, field, len);
    to[len] = '\0';
}

static void take_names(const char block[HX_INIT_TAR_BLOCK], struct overrides *o)
{
    struct hx_init_tar_member *member = o->member;
    size_t prefix = 0;

    if (!o->path) {
        /* GNU's older magic, "ustar  ", has other things there. */
        if (memcmp(block + 257, "ustar", 6) == 0 && block[345]) {
            copy_field(member->path, block + 345, 155);
            prefix = strlen(member->path);
            member->path[prefix++] = '/';
        }
        copy_field(member->path + prefix, block, 100);
    }
    if (!o->link)
        copy_field(member->link, block + 157, 100);
}

static int take_numbers(const char block[HX_INIT_TAR_BLOCK],
                        struct overrides *o, struct hx_init_err *err)
{
    struct hx_init_tar_member *member = o->member;
    uint64_t mode, uid, gid, size, mtime, major = 0, minor = 0;

    if (number(block + 100, 8, &mode) < 0 || number(block + 108, 8, &uid) < 0 ||
        number(block + 116, 8, &gid) < 0 ||
        number(block + 124, 12, &size) < 0 ||
        number(block + 136, 12, &mtime) < 0 || uid >= UINT32_MAX ||
        gid >= UINT32_MAX || size > INT64_MAX || mtime > INT64_MAX ||
        ((member->type == HX_INIT_TAR_CHAR ||
          member->type == HX_INIT_TAR_BLOCKDEV) &&
         (number(block + 329, 8, &major) < 0 ||
          number(block + 337, 8, &minor) < 0)))
        return hx_init_fail(err, "%s: its header in the tar is damaged",
                            member->path);
    member->mode = (uint32_t)mode & 07777;
    member->major = (uint32_t)major;
    member->minor = (uint32_t)minor;
    if (!o->uid)
        member->uid = (uint32_t)uid;
    if (!o->gid)
        member->gid = (uint32_t)gid;
    if (!o->size)
        member->size = size;
    if (!o->mtime)
        member->mtime_s = (int64_t)mtime;
    return 0;
}

static int finish_member(struct hx_init_tar_reader *reader,
                         struct hx_init_tar_member *member,
                         struct hx_init_err *err)
{
    size_t len = strlen(member->path);
    bool slash = len > 1 && member->path[len - 1] == '/';

    while (len > 1 && member->path[len - 1] == '/')
        member->path[--len] = '\0';
    if (member->type == '\0' || member->type == '7')
        member->type = HX_INIT_TAR_FILE;
    /* So told the oldest tars of folders. */
    if (member->type == HX_INIT_TAR_FILE && slash)
        member->type = HX_INIT_TAR_FOLDER;
    if (len == 0)
        return hx_init_fail(err, "the tar has a member without a name");
    if (member->type < HX_INIT_TAR_FILE || member->type > HX_INIT_TAR_FIFO)
        return hx_init_fail(err,
                            "%s: what is of type '%c' in a tar is not "
                            "known here",
                            member->path, member->type);
    /* Pax allows hard links a content; the file itself has come before. */
    if (member->size > 0 && member->type > HX_INIT_TAR_HARDLINK)
        return hx_init_fail(err, "%s: no file, and yet with content",
                            member->path);
    reader->left = member->size;
    reader->padding = padding_of(member->size);
    if (member->type != HX_INIT_TAR_HARDLINK &&
        member->type != HX_INIT_TAR_SYMLINK)
        member->link[0] = '\0';
    return 1;
}

/* What follows the end belongs to nobody, but its sender wants to send it. */
static int drain(int in, struct hx_init_err *err)
{
    char data[4096];
    ssize_t n;

    while ((n = read(in, data, sizeof(data))) != 0) {
        if (n < 0 && errno != EINTR)
            return hx_init_fail_sys(err, errno, "reading the tar");
    }
    return 0;
}

static bool is_extension(char type)
{
    return type == 'x' || type == 'g' || type == 'K' || type == 'L';
}

int hx_init_tar_next(struct hx_init_tar_reader *reader,
                     struct hx_init_tar_member *member, struct hx_init_err *err)
{
    struct overrides overrides = { .member = member };
    char block[HX_INIT_TAR_BLOCK];

    if (skip(reader->in, reader->left + reader->padding, err) < 0)
        return -1;
    reader->left = reader->padding = 0;
    hx_init_tar_release(member);
    memset(member, 0, sizeof(*member));
    for (;;) {
        uint64_t size;
        int r = read_exactly(reader->in, block, sizeof(block), err);

        if (r <= 0)
            return r < 0 ? -1 : cut_off(err);
        if (is_zero(block))
            return drain(reader->in, err);
        if (!is_checksum_right(block) || number(block + 124, 12, &size) < 0)
            return hx_init_fail(err, "this is no tar, or it is damaged; one "
                                     "that is compressed has to be "
                                     "decompressed first");
        if (!is_extension(block[156]))
            break;
        if (member->xattrs_len > HX_INIT_TAR_RECORDS_MAX)
            return hx_init_fail(err, "the tar has too many headers in a row");
        if (take_extension(reader, block[156], size, &overrides, err) < 0)
            return -1;
    }
    member->type = block[156];
    take_names(block, &overrides);
    if (take_numbers(block, &overrides, err) < 0)
        return -1;
    return finish_member(reader, member, err);
}

ssize_t hx_init_tar_read(struct hx_init_tar_reader *reader, void *data,
                         size_t max, struct hx_init_err *err)
{
    ssize_t n;

    if (reader->left == 0 || max == 0)
        return 0;
    if (max > reader->left)
        max = (size_t)reader->left;
    do
        n = read(reader->in, data, max);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return hx_init_fail_sys(err, errno, "reading the tar");
    if (n == 0)
        return cut_off(err);
    reader->left -= (uint64_t)n;
    return n;
}
