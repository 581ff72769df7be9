/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lookup.h"

#include "image/fill.h"

int hx_image_lookup(const struct hx_store *store, const char *text,
                    char id_r[HX_DIGEST_TEXT_MAX], struct hx_ref_record *ref_r,
                    struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    struct hx_ref_record found = { 0 };
    struct hx_err why;

    if (hx_reference_parse(text, &ref, &why) == 0 &&
        hx_ref_record_load(store, &ref, &found, &why) == 0) {
        hx_digest_copy(id_r, found.id);
        *ref_r = found;
        return 0;
    }
    if (hx_image_id_of_prefix(store, text, id_r, &why) == 0) {
        *ref_r = (struct hx_ref_record){ 0 };
        return 0;
    }
    if (why.code == HX_ERR_USAGE)
        return hx_err_set(err, why.code, "%s", why.msg);
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "%.200s: no such image is stored; 'xl hyper-images' "
                      "lists them",
                      text);
}
