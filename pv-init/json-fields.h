/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strict reading of a JSON object's fields, over jansson.
 *
 * Several fields are read in a row and the outcome is looked at once: the
 * first failure is kept, later reads return zero values.
 *
 *     name = hx_init_field_str(at, "name");
 *     tty = hx_init_field_bool(at, "tty");
 *     if (at->failed)
 *         return -1;
 *
 * Unknown fields are ignored; null is an absent field.
 */
#ifndef HX_INIT_JSON_FIELDS_H
#define HX_INIT_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#include "pv-init/base.h"

struct hx_init_fields {
    json_t *obj;    /* borrowed */
    char what[128]; /* "configuration, containers[0]": for messages */
    bool failed;
    struct hx_init_err *err;       /* the caller's */
    struct hx_init_fields *parent; /* whose `failed` follows, or NULL */
};

/* Required; NULL on failure.  Borrowed from the document. */
const char *hx_init_field_str(struct hx_init_fields *at, const char *field);
/* With a default for an absent field. */
const char *hx_init_field_str_or(struct hx_init_fields *at, const char *field,
                                 const char *otherwise);
/*
 * An integer of min..max; an absent one is `otherwise`, or a failure when
 * that lies outside of min..max.
 */
uint64_t hx_init_field_u64(struct hx_init_fields *at, const char *field,
                           uint64_t otherwise, uint64_t min, uint64_t max);
/* At most max; an absent one is `otherwise`, whatever that is. */
uint64_t hx_init_field_u64_or(struct hx_init_fields *at, const char *field,
                              uint64_t otherwise, uint64_t max);
/* An integer that may be negative. */
int64_t hx_init_field_int(struct hx_init_fields *at, const char *field,
                          int64_t otherwise, int64_t min, int64_t max);
/* Required. */
bool hx_init_field_bool(struct hx_init_fields *at, const char *field);
/* With a default for an absent field. */
bool hx_init_field_bool_or(struct hx_init_fields *at, const char *field,
                           bool otherwise);
/*
 * A list of strings that ends in NULL: the list is the caller's to free, its
 * strings are the document's.  NULL when absent or empty.
 */
const char **hx_init_field_strv(struct hx_init_fields *at, const char *field);

/* An object, to be read with `part`; 0, or -1 when absent or wrong. */
int hx_init_field_obj(struct hx_init_fields *at, const char *field,
                      struct hx_init_fields *part);
/* The same, which may be absent: 1 is there, 0 absent, -1 wrong. */
int hx_init_field_obj_or(struct hx_init_fields *at, const char *field,
                         struct hx_init_fields *part);

/*
 * A list of at most max objects, each read by `parse` into an element of the
 * zeroed array *items_r, which is the caller's also on failure.  Absent: an
 * empty one.
 */
int hx_init_field_list(struct hx_init_fields *at, const char *field, size_t max,
                       size_t item_size,
                       int (*parse)(struct hx_init_fields *at, void *item),
                       void **items_r, size_t *count_r);

/* "<what>: field "<field>" is not <wanted>"; returns -1. */
int hx_init_fields_wrong(struct hx_init_fields *at, const char *field,
                         const char *wanted);
int hx_init_fields_no_memory(struct hx_init_fields *at);

#endif
