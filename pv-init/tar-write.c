/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_FIELD  100u
#define OCTAL7_MAX  07777777u
#define OCTAL11_MAX 077777777777u

/* Pax records, growing up to HX_INIT_TAR_RECORDS_MAX. */
struct records {
    char *data;
    size_t len;
};

void hx_init_tar_release(struct hx_init_tar_member *member)
{
    free(member->xattrs);
    member->xattrs = NULL;
    member->xattrs_len = 0;
}

/* "LEN KEY=VALUE\n", where LEN counts itself, too. */
static int add_record(struct records *records, const char *key,
                      const void *value, size_t len)
{
    size_t body = 1 + strlen(key) + 1 + len + 1, total = body + 1;
    char number[24], *more;
    int digits;

    while ((size_t)(digits = snprintf(number, sizeof(number), "%zu", total)) +
               body !=
           total)
        total = body + (size_t)digits;
    if (records->len + total > HX_INIT_TAR_RECORDS_MAX) {
        errno = E2BIG;
        return -1;
    }
    more = realloc(records->data, records->len + total);
    if (!more)
        return -1;
    records->data = more;
    more += records->len;
    more += sprintf(more, "%s %s=", number, key);
    memcpy(more, value, len);
    more[len] = '\n';
    records->len += total;
    return 0;
}

int hx_init_tar_add_xattr(struct hx_init_tar_member *member, const char *name,
                          const void *value, size_t len)
{
    struct records records = { member->xattrs, member->xattrs_len };
    char key[280];
    int r;

    if ((size_t)snprintf(key, sizeof(key), "SCHILY.xattr.%s", name) >=
            sizeof(key) ||
        strchr(name, '=')) {
        errno = EINVAL;
        return -1;
    }
    r = add_record(&records, key, value, len);
    member->xattrs = records.data;
    member->xattrs_len = records.len;
    return r;
}

static int add_text(struct records *records, const char *key, const char *text)
{
    return add_record(records, key, text, strlen(text));
}

static int add_number(struct records *records, const char *key, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return add_text(records, key, text);
}

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* Names are bytes; without this record they would have to be UTF-8. */
static int add_names(struct records *records,
                     const struct hx_init_tar_member *member,
                     const char *stored_name)
{
    bool path = strlen(stored_name) > NAME_FIELD;
    bool link = strlen(member->link) > NAME_FIELD;

    if (((path && !is_ascii(stored_name)) ||
         (link && !is_ascii(member->link))) &&
        add_text(records, "hdrcharset", "BINARY") < 0)
        return -1;
    if (path && add_text(records, "path", stored_name) < 0)
        return -1;
    return link ? add_text(records, "linkpath", member->link) : 0;
}

/* A time before 1970 counts its fraction backwards: -1.25 is -2 s + 0.75. */
static int add_mtime(struct records *records,
                     const struct hx_init_tar_member *member)
{
    int64_t s = member->mtime_s;
    uint32_t ns = member->mtime_ns;
    char text[48];

    if (s >= 0 && ns == 0 && (uint64_t)s <= OCTAL11_MAX)
        return 0;
    if (s < 0 && ns > 0) {
        s++;
        ns = 1000000000 - ns;
    }
    snprintf(text, sizeof(text), "%s%llu.%09u", member->mtime_s < 0 ? "-" : "",
             (unsigned long long)(s < 0 ? -(uint64_t)s : (uint64_t)s), ns);
    return add_text(records, "mtime", text);
}

static int collect_records(struct records *records,
                           const struct hx_init_tar_member *member,
                           const char *stored_name)
{
    char *more;

    if (add_names(records, member, stored_name) < 0 ||
        add_mtime(records, member) < 0 ||
        (member->size > OCTAL11_MAX &&
         add_number(records, "size", member->size) < 0) ||
        (member->uid > OCTAL7_MAX &&
         add_number(records, "uid", member->uid) < 0) ||
        (member->gid > OCTAL7_MAX &&
         add_number(records, "gid", member->gid) < 0))
        return -1;
    if (member->xattrs_len == 0)
        return 0;
    more = realloc(records->data, records->len + member->xattrs_len);
    if (!more)
        return -1;
    memcpy(more + records->len, member->xattrs, member->xattrs_len);
    records->data = more;
    records->len += member->xattrs_len;
    return 0;
}

static void put_octal(char *field, size_t size, uint64_t number, uint64_t max)
{
    char text[24];

    snprintf(text, sizeof(text), "%0*llo", (int)size - 1,
             (unsigned long long)(number > max ? max : number));
    memcpy(field, text, size - 1);
}

static void encode(const struct hx_init_tar_member *member, const char *name,
                   char block[HX_INIT_TAR_BLOCK])
{
    unsigned sum = 0, i;

    memset(block, 0, HX_INIT_TAR_BLOCK);
    memcpy(block, name, strnlen(name, NAME_FIELD));
    put_octal(block + 100, 8, member->mode & 07777, OCTAL7_MAX);
    put_octal(block + 108, 8, member->uid, OCTAL7_MAX);
    put_octal(block + 116, 8, member->gid, OCTAL7_MAX);
    put_octal(block + 124, 12, member->size, OCTAL11_MAX);
    put_octal(block + 136, 12,
              member->mtime_s < 0 ? 0 : (uint64_t)member->mtime_s, OCTAL11_MAX);
    memset(block + 148, ' ', 8);
    block[156] = member->type;
    memcpy(block + 157, member->link, strnlen(member->link, NAME_FIELD));
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    put_octal(block + 329, 8, member->major, OCTAL7_MAX);
    put_octal(block + 337, 8, member->minor, OCTAL7_MAX);
    for (i = 0; i < HX_INIT_TAR_BLOCK; i++)
        sum += (unsigned char)block[i];
    put_octal(block + 148, 7, sum, OCTAL7_MAX);
}

static int put_records(int out, const struct records *records)
{
    const struct hx_init_tar_member header = {
        .type = 'x',
        .mode = 0644,
        .size = records->len,
    };
    char block[HX_INIT_TAR_BLOCK];

    encode(&header, "PaxHeaders/member", block);
    if (hx_init_write_all(out, block, sizeof(block)) < 0 ||
        hx_init_write_all(out, records->data, records->len) < 0)
        return -1;
    return hx_init_tar_put_padding(out, records->len);
}

int hx_init_tar_put_header(int out, const struct hx_init_tar_member *member)
{
    char name[HX_INIT_TAR_PATH_MAX + 1], block[HX_INIT_TAR_BLOCK];
    struct records records = { 0 };
    int r;

    /* A folder's name ends in a slash, as everywhere. */
    snprintf(name, sizeof(name), "%s%s", member->path,
             member->type == HX_INIT_TAR_FOLDER ? "/" : "");
    r = collect_records(&records, member, name);
    if (r == 0 && records.len > 0)
        r = put_records(out, &records);
    free(records.data);
    if (r < 0)
        return -1;
    encode(member, name, block);
    return hx_init_write_all(out, block, sizeof(block));
}

int hx_init_tar_put_padding(int out, uint64_t size)
{
    static const char zeros[HX_INIT_TAR_BLOCK];
    size_t over = size % HX_INIT_TAR_BLOCK;

    return over ? hx_init_write_all(out, zeros, sizeof(zeros) - over) : 0;
}

int hx_init_tar_put_end(int out)
{
    static const char zeros[2 * HX_INIT_TAR_BLOCK];

    return hx_init_write_all(out, zeros, sizeof(zeros));
}
