/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes: which are kept, each distinct set once.
 *
 * squashfs stores the classes user, trusted and security.  Of these we drop
 * security.selinux (a label means nothing under another policy) and
 * trusted.overlay.* (the guest's overlayfs would take them for its own).
 * The rest (system.nfs4_acl, system.posix_acl_*) cannot be stored.
 */
#ifndef HX_MKROOT_XATTR_H
#define HX_MKROOT_XATTR_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

/* squashfs's numbers of the classes. */
enum hx_xattr_class {
    HX_XATTR_USER = 0,
    HX_XATTR_TRUSTED = 1,
    HX_XATTR_SECURITY = 2,
};

struct hx_xattr {
    enum hx_xattr_class class;
    const char *name; /* without the class and its dot, not terminated */
    size_t name_len;
    const void *value;
    size_t value_len;
    size_t order; /* private: when it was added to its set */
};

/* One file's set while it is being put together; zeroed is empty. */
struct hx_xattr_set {
    struct hx_xattr *items;
    size_t count;
    size_t size;
    size_t bytes;
};

/*
 * Adds "user.name" = value, borrowed until the set is cleared; a later value
 * for a name replaces the first, and one of length 0 takes it out again; what
 * is not kept is passed over.  HX_ERR_LIMIT past the kernel's bounds.
 */
int hx_xattr_set_add(struct hx_xattr_set *set, const char *full_name,
                     const void *value, size_t value_len, struct hx_err *err);
/* Once all are added: sorted by class and name, each name once. */
void hx_xattr_set_sort(struct hx_xattr_set *set);
void hx_xattr_set_clear(struct hx_xattr_set *set);
void hx_xattr_set_release(struct hx_xattr_set *set);

/* All distinct sets, numbered from 1; zeroed is empty. */
struct hx_xattr_table {
    struct hx_xattr_stored **sets;
    uint32_t count;
    uint32_t size;
    uint32_t *buckets;
    uint32_t bucket_count;
    uint64_t bytes;
    uint64_t hash_key[2];
};

int hx_xattr_table_init(struct hx_xattr_table *table, struct hx_err *err);

/* The number of a set like this one; 0 for an empty set. */
int hx_xattr_table_intern(struct hx_xattr_table *table,
                          const struct hx_xattr_set *set, uint32_t *id_r,
                          struct hx_err *err);

/*
 * Walks a stored set: start with *at = 0; 0 at the end.
 */
int hx_xattr_table_next(const struct hx_xattr_table *table, uint32_t id,
                        size_t *at, struct hx_xattr *xattr_r);

void hx_xattr_table_release(struct hx_xattr_table *table);

#endif
