/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/pax.h"

#include <string.h>

#include "image/mkroot/decimal.h"

#define XATTR_PREFIX         "SCHILY.xattr."
#define ENCODED_XATTR_PREFIX "LIBARCHIVE.xattr."

/* One record; key and value end in NULs that were '=' and '\n'. */
struct record {
    char *key;
    char *value;
    size_t value_len;
};

static int bad(const char *what, struct hx_err *err)
{
    hx_err_set(err, HX_ERR_CORRUPT, "the tar is damaged: a PAX header has %s",
               what);
    return -HX_ERR_CORRUPT;
}

/* Takes one record off the front of the text. */
static int next_record(char **text, size_t *left, struct record *record,
                       struct hx_err *err)
{
    char *space = memchr(*text, ' ', *left < 20 ? *left : 20);
    char *end, *equals;
    int64_t len;

    if (!space || hx_decimal(*text, (size_t)(space - *text), &len) < 0)
        return bad("a record without its length", err);
    /* A key of one letter and no value is the shortest there is. */
    if (len < 5 || (size_t)len > *left || (end = *text + len - 1) < space + 3 ||
        *end != '\n')
        return bad("a record of a wrong length", err);
    *end = '\0';
    record->key = space + 1;
    equals = memchr(record->key, '=', (size_t)(end - record->key));
    if (!equals || equals == record->key ||
        memchr(record->key, '\0', (size_t)(equals - record->key)))
        return bad("a record without a key", err);
    *equals = '\0';
    record->value = equals + 1;
    record->value_len = (size_t)(end - record->value);
    *text = end + 1;
    *left -= (size_t)len;
    return 0;
}

/* -- values --------------------------------------------------------------- */

static int set_text(const char **text, const struct record *record,
                    struct hx_err *err)
{
    if (memchr(record->value, '\0', record->value_len))
        return bad("a path with a NUL", err);
    *text = record->value_len ? record->value : NULL;
    return 0;
}

static int set_number(struct hx_pax_number *number, const struct record *record,
                      struct hx_err *err)
{
    number->given = record->value_len > 0;
    if (number->given &&
        hx_decimal(record->value, record->value_len, &number->value) < 0)
        return bad("a number that is none", err);
    return 0;
}

/* Seconds, perhaps with a fraction, which squashfs has no room for. */
static int set_time(struct hx_pax_number *number, const struct record *record,
                    struct hx_err *err)
{
    const char *point = memchr(record->value, '.', record->value_len);
    size_t len = point ? (size_t)(point - record->value) : record->value_len;

    number->given = record->value_len > 0;
    if (!number->given)
        return 0;
    if (hx_decimal(record->value, len, &number->value) < 0)
        return bad("a time that is none", err);
    if (point && strspn(point + 1, "0123456789") != record->value_len - len - 1)
        return bad("a time that is none", err);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place: "%41" becomes "A". */
static void decode_url(char *text)
{
    char *out = text;

    while (*text) {
        int high = text[0] == '%' ? hex_digit(text[1]) : -1;
        int low = high >= 0 ? hex_digit(text[2]) : -1;

        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            text += 3;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* In place, padding or not; -1 for what is no base64. */
static int decode_base64(char *text, size_t *len)
{
    size_t in = 0, out = 0;
    unsigned bits = 0, have = 0;

    for (; in < *len && text[in] != '='; in++) {
        int digit = base64_digit(text[in]);

        if (digit < 0)
            return -1;
        bits = (bits << 6 | (unsigned)digit) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[out++] = (char)(bits >> have);
        }
    }
    for (; in < *len; in++)
        if (text[in] != '=')
            return -1;
    *len = out;
    return 0;
}

static int set_xattr(struct hx_pax *pax, const struct record *record,
                     struct hx_err *err)
{
    const char *name = record->key + strlen(XATTR_PREFIX);

    return hx_xattr_set_add(&pax->xattrs, name, record->value,
                            record->value_len, err);
}

static int set_encoded_xattr(struct hx_pax *pax, const struct record *record,
                             struct hx_err *err)
{
    char *name = record->key + strlen(ENCODED_XATTR_PREFIX);
    size_t len = record->value_len;

    decode_url(name);
    if (decode_base64(record->value, &len) < 0)
        return bad("an extended attribute that is not base64", err);
    return hx_xattr_set_add(&pax->xattrs, name, record->value, len, err);
}

/* -- GNU's sparse formats 0.0 and 0.1 -------------------------------------- */

/* Offsets and lengths take turns; a part whose length is to come has -1. */
static int add_sparse_offset(struct hx_pax *pax, const struct record *record,
                             struct hx_err *err)
{
    struct hx_sparse *sparse = &pax->sparse;
    int64_t offset;

    if (sparse->count && sparse->parts[sparse->count - 1].len < 0)
        return bad("a sparse map out of order", err);
    if (hx_decimal(record->value, record->value_len, &offset) < 0)
        return bad("a number that is none", err);
    return hx_sparse_add(sparse, offset, -1, err);
}

static int add_sparse_len(struct hx_pax *pax, const struct record *record,
                          struct hx_err *err)
{
    struct hx_sparse *sparse = &pax->sparse;
    int64_t len;

    if (!sparse->count || sparse->parts[sparse->count - 1].len >= 0)
        return bad("a sparse map out of order", err);
    if (hx_decimal(record->value, record->value_len, &len) < 0 || len < 0)
        return bad("a number that is none", err);
    sparse->parts[sparse->count - 1].len = len;
    return 0;
}

/* -- keys ----------------------------------------------------------------- */

static int set_sparse(struct hx_pax *pax, const struct record *record,
                      struct hx_err *err)
{
    const char *key = record->key + strlen("GNU.sparse.");

    if (!strcmp(key, "name"))
        return set_text(&pax->sparse_name, record, err);
    if (!strcmp(key, "size") || !strcmp(key, "realsize"))
        return set_number(&pax->sparse_size, record, err);
    if (!strcmp(key, "major"))
        return set_number(&pax->sparse_major, record, err);
    if (!strcmp(key, "minor"))
        return set_number(&pax->sparse_minor, record, err);
    if (!strcmp(key, "numblocks"))
        return set_number(&pax->sparse_count, record, err);
    if (!strcmp(key, "map"))
        return hx_sparse_parse_map(&pax->sparse, record->value, err);
    if (!strcmp(key, "offset"))
        return add_sparse_offset(pax, record, err);
    if (!strcmp(key, "numbytes"))
        return add_sparse_len(pax, record, err);
    return 0;
}

static int starts(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static int set(struct hx_pax *pax, const struct record *record,
               struct hx_err *err)
{
    const char *key = record->key;

    if (!strcmp(key, "path"))
        return set_text(&pax->path, record, err);
    if (!strcmp(key, "linkpath"))
        return set_text(&pax->linkpath, record, err);
    if (!strcmp(key, "uid"))
        return set_number(&pax->uid, record, err);
    if (!strcmp(key, "gid"))
        return set_number(&pax->gid, record, err);
    if (!strcmp(key, "size"))
        return set_number(&pax->size, record, err);
    if (!strcmp(key, "mtime"))
        return set_time(&pax->mtime, record, err);
    if (starts(key, XATTR_PREFIX))
        return set_xattr(pax, record, err);
    if (starts(key, ENCODED_XATTR_PREFIX))
        return set_encoded_xattr(pax, record, err);
    if (starts(key, "GNU.sparse."))
        return set_sparse(pax, record, err);
    return 0;
}

int hx_pax_parse(struct hx_pax *pax, char *text, size_t len, struct hx_err *err)
{
    struct record record = { 0 };
    int r = 0;

    hx_pax_clear(pax);
    while (r == 0 && len > 0) {
        r = next_record(&text, &len, &record, err);
        if (r == 0)
            r = set(pax, &record, err);
    }
    if (r < 0)
        return r;
    hx_xattr_set_sort(&pax->xattrs);
    if (pax->sparse.count && pax->sparse.parts[pax->sparse.count - 1].len < 0)
        return bad("a sparse map that ends early", err);
    if (pax->sparse_count.given && pax->sparse.used &&
        (uint64_t)pax->sparse_count.value != pax->sparse.count)
        return bad("a sparse map of another length than it says", err);
    return 0;
}

void hx_pax_clear(struct hx_pax *pax)
{
    struct hx_sparse sparse = pax->sparse;
    struct hx_xattr_set xattrs = pax->xattrs;

    hx_sparse_clear(&sparse);
    hx_xattr_set_clear(&xattrs);
    *pax = (struct hx_pax){ .sparse = sparse, .xattrs = xattrs };
}

void hx_pax_release(struct hx_pax *pax)
{
    hx_sparse_release(&pax->sparse);
    hx_xattr_set_release(&pax->xattrs);
    memset(pax, 0, sizeof(*pax));
}
