/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strict reading of JSON that came from outside, over jansson.
 *
 * Unknown fields are ignored, as the OCI specifications ask; a known field of
 * the wrong type is an error that names `what` and the field.  The returned
 * pointers borrow from the document.
 *
 *     _cleanup_json_ json_t *doc = NULL;
 *     r = hx_json_parse(data, len, "manifest of nginx:latest", &doc, err);
 *     r = hx_json_str(doc, "mediaType", what, HX_JSON_OPTIONAL, &type, err);
 */
#ifndef HX_JSON_H
#define HX_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "image/base/cleanup.h"
#include "image/base/err.h"

enum hx_json_need { HX_JSON_OPTIONAL, HX_JSON_REQUIRED };

/*
 * Parses one JSON object (depth is bounded by jansson, duplicate keys are
 * refused, "\u0000" is refused).  *doc_r is the caller's.  HX_ERR_CORRUPT.
 */
int hx_json_parse(const char *data, size_t len, const char *what,
                  json_t **doc_r, struct hx_err *err);

/*
 * A field of `obj`, checked for its type.  Missing or null: HX_ERR_CORRUPT
 * when required, else *out_r is untouched and 0 is returned.
 */
int hx_json_str(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, const char **out_r, struct hx_err *err);
int hx_json_u64(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, uint64_t *out_r, struct hx_err *err);
int hx_json_bool(const json_t *obj, const char *field, const char *what,
                 enum hx_json_need need, int *out_r, struct hx_err *err);
int hx_json_obj(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, json_t **out_r, struct hx_err *err);
int hx_json_arr(const json_t *obj, const char *field, const char *what,
                enum hx_json_need need, json_t **out_r, struct hx_err *err);
/* An array of strings, copied to a list that is the caller's (see strv.h); no
 * list for an empty one. */
int hx_json_strv(const json_t *obj, const char *field, const char *what,
                 enum hx_json_need need, char ***out_r, struct hx_err *err);

/* The other way: a JSON array of the list's strings; NULL without memory. */
json_t *hx_json_from_strv(char *const *list);

static inline void hx_cleanup_json(json_t **doc)
{
    json_decref(*doc);
}
#define _cleanup_json_ _cleanup_(hx_cleanup_json)

#endif
