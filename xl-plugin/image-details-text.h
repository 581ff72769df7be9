/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that is known of an image, as JSON with Docker's names.
 */
#ifndef HX_IMAGE_DETAILS_TEXT_H
#define HX_IMAGE_DETAILS_TEXT_H

#include <jansson.h>

#include "image/details.h"

/*
 * One object of `docker image inspect`, and in "Disk" what domains boot from.
 * NULL without memory.
 */
json_t *hx_image_inspect_json(const struct hx_image_details *details,
                              const char *disk_path);

/*
 * The steps that made the image, the last one first, as Docker's API has them:
 * Id (of the first; of the others "<missing>"), Created, CreatedBy, Size,
 * Comment.  Size is that of the step's layer as its registry has it, null when
 * that is not known.  NULL without memory.
 */
json_t *hx_image_history_json(const struct hx_image_details *details);

#endif
