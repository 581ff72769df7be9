/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "image/image.h"
#include "image/lookup.h"

static int parse_name(const char *text, struct hx_reference *ref_r,
                      struct hx_err *err)
{
    int rc = hx_reference_parse(text, ref_r, err);

    if (rc < 0 || !ref_r->digest)
        return rc;
    hx_reference_release(ref_r);
    *ref_r = (struct hx_reference){ 0 };
    return hx_err_set(err, HX_ERR_USAGE,
                      "the new name %.200s has a digest, which nobody can "
                      "choose; give it a tag",
                      text);
}

/* What the registry's tag named is known of the same repository alone. */
static int same_repository(const char *canonical,
                           const struct hx_reference *ref)
{
    _cleanup_reference_ struct hx_reference other = { 0 };

    return canonical && hx_reference_parse(canonical, &other, NULL) == 0 &&
           strcmp(other.domain, ref->domain) == 0 &&
           strcmp(other.path, ref->path) == 0;
}

int hx_image_add_name(struct hx_store *store, const char *image,
                      const char *name, struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_ref_record_ struct hx_ref_record from = { 0 }, to = { 0 };
    _cleanup_close_ int lock = -1;
    int rc = parse_name(name, &ref, err);

    if (rc == 0)
        rc = hx_store_lock(store, &lock, err);
    if (rc == 0)
        rc = hx_image_lookup(store, image, to.id, &from, err);
    if (rc < 0)
        return hx_err_prefix(err, "tagging");
    to.reference = hx_reference_canonical(&ref);
    if (!to.reference)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "tagging %s", name);
    if (same_repository(from.reference, &ref))
        hx_digest_copy(to.digest, from.digest);
    to.pulled_at_s = (int64_t)time(NULL);
    return hx_ref_record_save(store, &ref, &to, err);
}
