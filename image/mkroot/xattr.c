/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mkroot/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "image/mkroot/limits.h"
#include "image/mkroot/siphash.h"

/* A set as it is kept: items one after the other, each a header, the name and
 * the value. */
struct hx_xattr_stored {
    uint32_t next; /* id of the next set in the bucket */
    uint32_t len;
    unsigned char bytes[];
};

struct item_header {
    uint32_t value_len;
    uint16_t name_len;
    uint16_t class;
};

/* -- which are kept ------------------------------------------------------ */

static const struct {
    const char *prefix;
    enum hx_xattr_class class;
} classes[] = {
    { "user.", HX_XATTR_USER },
    { "trusted.", HX_XATTR_TRUSTED },
    { "security.", HX_XATTR_SECURITY },
};

static const char *const dropped[] = { "security.selinux", "trusted.overlay." };

static int is_dropped(const char *name)
{
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
        size_t len = strlen(dropped[i]);

        /* A name that ends in a dot stands for all that begin with it. */
        if (!strncmp(name, dropped[i], len) &&
            (dropped[i][len - 1] == '.' || name[len] == '\0'))
            return 1;
    }
    return 0;
}

static int classify(const char *full_name, struct hx_xattr *xattr)
{
    if (is_dropped(full_name))
        return 0;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        size_t len = strlen(classes[i].prefix);

        if (strncmp(full_name, classes[i].prefix, len) != 0)
            continue;
        xattr->class = classes[i].class;
        xattr->name = full_name + len;
        xattr->name_len = strlen(xattr->name);
        return xattr->name_len > 0;
    }
    return 0;
}

/* -- one set ------------------------------------------------------------- */

static int compare(const struct hx_xattr *a, const struct hx_xattr *b)
{
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    int r;

    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    r = memcmp(a->name, b->name, len);
    if (r)
        return r;
    return a->name_len < b->name_len ? -1 : a->name_len > b->name_len;
}

static int by_name_and_order(const void *a, const void *b)
{
    const struct hx_xattr *first = a, *second = b;
    int r = compare(first, second);

    return r ? r : first->order < second->order ? -1 : 1;
}

int hx_xattr_set_add(struct hx_xattr_set *set, const char *full_name,
                     const void *value, size_t value_len, struct hx_err *err)
{
    struct hx_xattr xattr = { .value = value,
                              .value_len = value_len,
                              .order = set->count };

    if (!classify(full_name, &xattr))
        return 0;
    set->bytes += strlen(full_name) + 1;
    if (strlen(full_name) > HX_MKROOT_XATTR_NAME_MAX ||
        value_len > HX_MKROOT_XATTR_VALUE_MAX ||
        set->bytes > HX_MKROOT_XATTR_LIST_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "the extended attribute '%.40s' is larger than "
                          "Linux allows",
                          full_name);
    if (set->count == set->size) {
        size_t size = set->size ? set->size * 2 : 8;
        struct hx_xattr *items = realloc(set->items, size * sizeof(*items));

        if (!items)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "keeping extended attributes");
        set->items = items;
        set->size = size;
    }
    set->items[set->count++] = xattr;
    return 0;
}

void hx_xattr_set_sort(struct hx_xattr_set *set)
{
    size_t kept = 0;

    if (!set->count)
        return;
    qsort(set->items, set->count, sizeof(*set->items), by_name_and_order);
    for (size_t i = 0; i < set->count; i++) {
        int last = i + 1 == set->count ||
                   compare(&set->items[i], &set->items[i + 1]) != 0;

        if (last && set->items[i].value_len)
            set->items[kept++] = set->items[i];
    }
    set->count = kept;
}

void hx_xattr_set_clear(struct hx_xattr_set *set)
{
    set->count = 0;
    set->bytes = 0;
}

void hx_xattr_set_release(struct hx_xattr_set *set)
{
    free(set->items);
    memset(set, 0, sizeof(*set));
}

/* -- all sets ------------------------------------------------------------ */

int hx_xattr_table_init(struct hx_xattr_table *table, struct hx_err *err)
{
    memset(table, 0, sizeof(*table));
    if (getrandom(table->hash_key, sizeof(table->hash_key), 0) !=
        (ssize_t)sizeof(table->hash_key))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "getting random bytes");
    return 0;
}

static struct hx_xattr_stored *pack(const struct hx_xattr_set *set)
{
    struct hx_xattr_stored *stored;
    unsigned char *p;
    size_t len = 0;

    for (size_t i = 0; i < set->count; i++)
        len += sizeof(struct item_header) + set->items[i].name_len +
               set->items[i].value_len;
    stored = malloc(sizeof(*stored) + len);
    if (!stored)
        return NULL;
    stored->len = (uint32_t)len;
    p = stored->bytes;
    for (size_t i = 0; i < set->count; i++) {
        const struct hx_xattr *x = &set->items[i];
        struct item_header header = { (uint32_t)x->value_len,
                                      (uint16_t)x->name_len,
                                      (uint16_t)x->class };

        memcpy(p, &header, sizeof(header));
        p += sizeof(header);
        memcpy(p, x->name, x->name_len);
        p += x->name_len;
        if (x->value_len)
            memcpy(p, x->value, x->value_len);
        p += x->value_len;
    }
    return stored;
}

static uint32_t bucket_of(const struct hx_xattr_table *table,
                          const struct hx_xattr_stored *stored)
{
    return (uint32_t)hx_siphash(table->hash_key, stored->bytes, stored->len) &
           (table->bucket_count - 1);
}

static int grow(struct hx_xattr_table *table)
{
    uint32_t size = table->size ? table->size * 2 : 64;
    struct hx_xattr_stored **sets =
        realloc(table->sets, size * sizeof(struct hx_xattr_stored *));
    uint32_t *buckets;

    if (!sets)
        return -1;
    table->sets = sets;
    buckets = calloc(size, sizeof(*buckets));
    if (!buckets)
        return -1;
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = size;
    table->size = size;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t at = bucket_of(table, sets[i]);

        sets[i]->next = buckets[at];
        buckets[at] = i + 1;
    }
    return 0;
}

static uint32_t find(const struct hx_xattr_table *table,
                     const struct hx_xattr_stored *stored)
{
    uint32_t id = table->buckets[bucket_of(table, stored)];

    while (id) {
        const struct hx_xattr_stored *each = table->sets[id - 1];

        if (each->len == stored->len &&
            !memcmp(each->bytes, stored->bytes, stored->len))
            break;
        id = each->next;
    }
    return id;
}

int hx_xattr_table_intern(struct hx_xattr_table *table,
                          const struct hx_xattr_set *set, uint32_t *id_r,
                          struct hx_err *err)
{
    struct hx_xattr_stored *stored;
    uint32_t at;

    *id_r = 0;
    if (!set->count)
        return 0;
    if (table->count == table->size && grow(table) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "keeping extended attributes");
    stored = pack(set);
    if (!stored)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "keeping extended attributes");
    *id_r = find(table, stored);
    if (*id_r) {
        free(stored);
        return 0;
    }
    table->bytes += stored->len;
    if (table->bytes > HX_MKROOT_XATTR_TOTAL_MAX) {
        free(stored);
        return hx_err_set(
            err, HX_ERR_LIMIT,
            "the image has more than %llu MiB of extended "
            "attributes",
            (unsigned long long)(HX_MKROOT_XATTR_TOTAL_MAX >> 20));
    }
    at = bucket_of(table, stored);
    stored->next = table->buckets[at];
    table->sets[table->count++] = stored;
    table->buckets[at] = table->count;
    *id_r = table->count;
    return 0;
}

int hx_xattr_table_next(const struct hx_xattr_table *table, uint32_t id,
                        size_t *at, struct hx_xattr *xattr_r)
{
    const struct hx_xattr_stored *stored;
    struct item_header header;

    if (!id)
        return 0;
    stored = table->sets[id - 1];
    if (*at >= stored->len)
        return 0;
    memcpy(&header, stored->bytes + *at, sizeof(header));
    *at += sizeof(header);
    xattr_r->class = (enum hx_xattr_class)header.class;
    xattr_r->name = (const char *)stored->bytes + *at;
    xattr_r->name_len = header.name_len;
    *at += header.name_len;
    xattr_r->value = stored->bytes + *at;
    xattr_r->value_len = header.value_len;
    *at += header.value_len;
    return 1;
}

void hx_xattr_table_release(struct hx_xattr_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->count; i++)
        free(table->sets[i]);
    free(table->sets);
    free(table->buckets);
    memset(table, 0, sizeof(*table));
}
