/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images to and from archives: the library's side of `pull --save` and
 * `pull --load`.
 */
#ifndef HX_SAVE_LOAD_H
#define HX_SAVE_LOAD_H

#include "image/image.h"

/*
 * Writes stored images to `fd`, as docker save does, or as an OCI layout.  A
 * failure leaves what is no whole archive.
 */
int hx_image_save(struct hx_store *store, char *const *names, int oci, int fd,
                  const struct hx_progress *progress, struct hx_err *err);

/*
 * Reads the archive behind `fd`, either kind, also a stream; `what` names it in
 * errors.  `loaded` is called once for each name of each image, with NULL for
 * an image without; those before a failure stay.  `platform` may be NULL, for
 * the host's.
 */
int hx_image_load(struct hx_store *store, int fd, const char *what,
                  const char *platform, const struct hx_progress *progress,
                  void (*loaded)(const char *id, const char *reference,
                                 void *opaque),
                  void *opaque, struct hx_err *err);

#endif
