/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which images pods need, for what removes images.
 */
#ifndef HX_IMAGE_USE_H
#define HX_IMAGE_USE_H

#include "image/base/err.h"

/*
 * 1 when a pod, running or not, was made of the image of this id, 0 when none
 * was, or negative.  `host` is a struct hx_host: the pods of this moment are
 * asked for, since a list made earlier may lack one.
 */
int hx_image_in_use(const char *id, void *host, struct hx_err *err);

#endif
