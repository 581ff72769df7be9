/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking the store: the library's side of `pull --check`.
 */
#ifndef HX_CHECK_H
#define HX_CHECK_H

#include <jansson.h>

#include "image/image.h"

enum hx_check_state {
    HX_CHECK_WRONG,
    HX_CHECK_REPAIRED, /* removed: the next pull makes it anew */
    HX_CHECK_LEFT_OVER /* of a killed command; the next pull sees to it */
};

struct hx_check_finding {
    const char *file; /* below the store, printable */
    const char *what; /* "its bytes have another digest" */
    enum hx_check_state state;
};

struct hx_check_result {
    uint64_t blobs, disks, images, names; /* looked at */
    uint64_t wrong;                       /* and not repaired */
    uint64_t repaired;
    uint64_t left_over;
};

/*
 * Checks every file of the store; `found` is called for each thing that is
 * not as it should be.  With `repair` it is removed (HX_ERR_STATE when a pull
 * does not end for half a minute).  Finding something is no error.
 */
int hx_image_check(
    struct hx_store *store, int repair, const struct hx_progress *progress,
    void (*found)(const struct hx_check_finding *finding, void *opaque),
    void *opaque, struct hx_check_result *result_r, struct hx_err *err);

#endif
