/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/json.h"

#include <string.h>

#include "image/base/strv.h"

int hx_json_parse(const char *data, size_t len, const char *what,
                  json_t **doc_r, struct hx_err *err)
{
    json_error_t why;
    json_t *doc = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);

    if (!doc)
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: not JSON: %s (line %d)",
                          what, why.text, why.line);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: not a JSON object", what);
    }
    *doc_r = doc;
    return 0;
}

/* The field, or NULL with *rc telling whether its absence is an error. */
static json_t *get(const json_t *obj, const char *field, const char *what,
                   enum hx_json_need need, int *rc, struct hx_err *err)
{
    json_t *value = json_object_get(obj, field);

    *rc = 0;
    if (value && !json_is_null(value))
        return value;
    if (need == HX_JSON_REQUIRED)
        *rc = hx_err_set(err, HX_ERR_CORRUPT, "%s: field \"%s\" is missing",
                         what, field);
    return NULL;
}

static int wrong_type(const char *field, const char *what, const char *type,
                      struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_CORRUPT, "%s: field \"%s\" is not %s", what,
                      field, type);
}

int hx_json_str(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, const char **out_r, struct hx_err *err)
{
    int rc;
    json_t *value = get(obj, field, what, need, &rc, err);

    if (!value)
        return rc;
    if (!json_is_string(value))
        return wrong_type(field, what, "a string", err);
    *out_r = json_string_value(value);
    return 0;
}

int hx_json_u64(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, uint64_t *out_r, struct hx_err *err)
{
    int rc;
    json_t *value = get(obj, field, what, need, &rc, err);

    if (!value)
        return rc;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong_type(field, what, "a number of 0 or more", err);
    *out_r = (uint64_t)json_integer_value(value);
    return 0;
}

int hx_json_bool(const json_t *obj, const char *field, const char *what,
                 enum hx_json_need need, int *out_r, struct hx_err *err)
{
    int rc;
    json_t *value = get(obj, field, what, need, &rc, err);

    if (!value)
        return rc;
    if (!json_is_boolean(value))
        return wrong_type(field, what, "true or false", err);
    *out_r = json_is_true(value);
    return 0;
}

int hx_json_obj(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, json_t **out_r, struct hx_err *err)
{
    int rc;
    json_t *value = get(obj, field, what, need, &rc, err);

    if (!value)
        return rc;
    if (!json_is_object(value))
        return wrong_type(field, what, "an object", err);
    *out_r = value;
    return 0;
}

int hx_json_arr(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, json_t **out_r, struct hx_err *err)
{
    int rc;
    json_t *value = get(obj, field, what, need, &rc, err);

    if (!value)
        return rc;
    if (!json_is_array(value))
        return wrong_type(field, what, "a list", err);
    *out_r = value;
    return 0;
}

int hx_json_strv(const json_t *obj, const char *field, const char *what,
                 enum hx_json_need need, char ***out_r, struct hx_err *err)
{
    _cleanup_strv_ char **list = NULL;
    json_t *array = NULL, *item;
    size_t i;
    int rc = hx_json_arr(obj, field, what, need, &array, err);

    if (rc < 0 || !array || json_array_size(array) == 0)
        return rc;
    list = calloc(json_array_size(array) + 1, sizeof(*list));
    if (!list)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", what);
    json_array_foreach (array, i, item) {
        if (!json_is_string(item))
            return wrong_type(field, what, "a list of strings", err);
        list[i] = strdup(json_string_value(item));
        if (!list[i])
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", what);
    }
    *out_r = hx_steal_ptr(&list);
    return 0;
}

json_t *hx_json_from_strv(char *const *list)
{
    json_t *array = json_array();

    for (; array && list && *list; list++) {
        if (json_array_append_new(array, json_string(*list)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
