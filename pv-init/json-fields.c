/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/json-fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first failure is the one that tells. */
static bool mark_failed(struct hx_init_fields *at)
{
    bool first = !at->failed;

    for (; at; at = at->parent)
        at->failed = true;
    return first;
}

int hx_init_fields_wrong(struct hx_init_fields *at, const char *field,
                         const char *wanted)
{
    if (mark_failed(at))
        hx_init_fail(at->err, "%s: field \"%s\" is not %s", at->what, field,
                     wanted);
    return -1;
}

int hx_init_fields_no_memory(struct hx_init_fields *at)
{
    if (mark_failed(at))
        hx_init_fail_sys(at->err, ENOMEM, "%s", at->what);
    return -1;
}

static json_t *optional(struct hx_init_fields *at, const char *field)
{
    json_t *value = json_object_get(at->obj, field);

    return json_is_null(value) ? NULL : value;
}

static json_t *required(struct hx_init_fields *at, const char *field)
{
    json_t *value = optional(at, field);

    if (!value && mark_failed(at))
        hx_init_fail(at->err, "%s: field \"%s\" is missing", at->what, field);
    return value;
}

const char *hx_init_field_str(struct hx_init_fields *at, const char *field)
{
    json_t *value = required(at, field);

    if (value && !json_is_string(value))
        hx_init_fields_wrong(at, field, "a string");
    return json_string_value(value);
}

const char *hx_init_field_str_or(struct hx_init_fields *at, const char *field,
                                 const char *otherwise)
{
    return optional(at, field) ? hx_init_field_str(at, field) : otherwise;
}

uint64_t hx_init_field_u64(struct hx_init_fields *at, const char *field,
                           uint64_t otherwise, uint64_t min, uint64_t max)
{
    json_t *value = optional(at, field);
    char wanted[64];

    if (!value && otherwise >= min && otherwise <= max)
        return otherwise;
    value = required(at, field);
    if (!value)
        return 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        (uint64_t)json_integer_value(value) >= min &&
        (uint64_t)json_integer_value(value) <= max)
        return (uint64_t)json_integer_value(value);
    snprintf(wanted, sizeof(wanted), "a number from %llu to %llu",
             (unsigned long long)min, (unsigned long long)max);
    hx_init_fields_wrong(at, field, wanted);
    return 0;
}

uint64_t hx_init_field_u64_or(struct hx_init_fields *at, const char *field,
                              uint64_t otherwise, uint64_t max)
{
    return optional(at, field) ? hx_init_field_u64(at, field, 0, 0, max)
                               : otherwise;
}

int64_t hx_init_field_int(struct hx_init_fields *at, const char *field,
                          int64_t otherwise, int64_t min, int64_t max)
{
    json_t *value = optional(at, field);
    char wanted[64];

    if (!value)
        return otherwise;
    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max)
        return json_integer_value(value);
    snprintf(wanted, sizeof(wanted), "a number from %lld to %lld",
             (long long)min, (long long)max);
    hx_init_fields_wrong(at, field, wanted);
    return 0;
}

bool hx_init_field_bool(struct hx_init_fields *at, const char *field)
{
    json_t *value = required(at, field);

    if (value && !json_is_boolean(value))
        hx_init_fields_wrong(at, field, "true or false");
    return json_is_true(value);
}

bool hx_init_field_bool_or(struct hx_init_fields *at, const char *field,
                           bool otherwise)
{
    return optional(at, field) ? hx_init_field_bool(at, field) : otherwise;
}

const char **hx_init_field_strv(struct hx_init_fields *at, const char *field)
{
    json_t *value = optional(at, field), *item;
    const char **list;
    size_t i;

    if (!value)
        return NULL;
    if (!json_is_array(value)) {
        hx_init_fields_wrong(at, field, "a list");
        return NULL;
    }
    if (json_array_size(value) == 0)
        return NULL;
    list = calloc(json_array_size(value) + 1, sizeof(*list));
    if (!list) {
        hx_init_fields_no_memory(at);
        return NULL;
    }
    json_array_foreach (value, i, item) {
        list[i] = json_string_value(item);
        if (!list[i]) {
            hx_init_fields_wrong(at, field, "a list of strings");
            free(list);
            return NULL;
        }
    }
    return list;
}

int hx_init_field_obj(struct hx_init_fields *at, const char *field,
                      struct hx_init_fields *part)
{
    json_t *value = required(at, field);

    if (!value)
        return -1;
    if (!json_is_object(value))
        return hx_init_fields_wrong(at, field, "an object");
    *part = (struct hx_init_fields){
        .obj = value,
        .err = at->err,
        .parent = at,
    };
    snprintf(part->what, sizeof(part->what), "%.40s, %.30s", at->what, field);
    return 0;
}

int hx_init_field_obj_or(struct hx_init_fields *at, const char *field,
                         struct hx_init_fields *part)
{
    if (!optional(at, field))
        return 0;
    return hx_init_field_obj(at, field, part) < 0 ? -1 : 1;
}

int hx_init_field_list(struct hx_init_fields *at, const char *field, size_t max,
                       size_t item_size,
                       int (*parse)(struct hx_init_fields *at, void *item),
                       void **items_r, size_t *count_r)
{
    json_t *value = optional(at, field), *item;
    char wanted[64];
    size_t i;

    if (at->failed)
        return -1;
    if (!value)
        return 0;
    if (!json_is_array(value))
        return hx_init_fields_wrong(at, field, "a list");
    if (json_array_size(value) > max) {
        snprintf(wanted, sizeof(wanted), "a list of at most %zu", max);
        return hx_init_fields_wrong(at, field, wanted);
    }
    *items_r = calloc(json_array_size(value) + 1, item_size);
    if (!*items_r)
        return hx_init_fields_no_memory(at);
    *count_r = json_array_size(value);
    json_array_foreach (value, i, item) {
        struct hx_init_fields part = {
            .obj = item,
            .err = at->err,
            .parent = at,
        };

        if (!json_is_object(item))
            return hx_init_fields_wrong(at, field, "a list of objects");
        snprintf(part.what, sizeof(part.what), "%.40s, %.25s[%zu]", at->what,
                 field, i);
        if (parse(&part, (char *)*items_r + i * item_size) < 0 || part.failed) {
            at->failed = true;
            return -1;
        }
    }
    return 0;
}
