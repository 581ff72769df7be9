/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filling the store: the library's side of the program `pull`, and looking
 * images up by id.
 */
#ifndef HX_FILL_H
#define HX_FILL_H

#include <jansson.h>

#include "image/image.h"
#include "image/reference.h"

struct hx_fill_result {
    char id[HX_DIGEST_TEXT_MAX];
    int has_ref;
    struct hx_reference ref; /* the reference to show, when there is one */
};

/* Runs `pull` for `source`; its progress goes to `progress` (or NULL). */
int hx_fill(const struct hx_store *store, const struct hx_source *source,
            const struct hx_image_options *options,
            const struct hx_progress *progress, struct hx_fill_result *result_r,
            struct hx_err *err);
/* Hands on a "progress" object of the program's; `to` may be NULL. */
void hx_fill_progress(const json_t *line, const struct hx_progress *to);
void hx_fill_result_release(struct hx_fill_result *result);

/* Has `pull` hash the root disk of a stored image and record how its file
 * looks; HX_ERR_CORRUPT when it has not the recorded digest. */
int hx_fill_check_disk(const struct hx_store *store, const char *id,
                       struct hx_err *err);

/*
 * The id of the one stored image that `text` ("sha256:HEX", or 12 hex digits
 * and more) begins: HX_ERR_NOT_FOUND, or HX_ERR_USAGE when it is not unique.
 */
int hx_image_id_of_prefix(const struct hx_store *store, const char *text,
                          char id_r[HX_DIGEST_TEXT_MAX], struct hx_err *err);

#endif
