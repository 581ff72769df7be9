/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layer on its way out: a pax tar, written by libarchive, hashed, packed with
 * gzip, into an empty file.  The same entries give the same bytes.
 *
 *     r = hx_output_open(fd, &output, err);
 *     archive_write_header(output->tar, entry); archive_write_data(...);
 *     r = hx_output_finish(output, diff_id, err);
 *     hx_output_free(output);
 */
#ifndef HX_MKLAYER_OUTPUT_H
#define HX_MKLAYER_OUTPUT_H

#include <archive.h>
#include <stddef.h>

#include "image/base/err.h"

#define HX_DIFF_ID_TEXT 72 /* "sha256:", 64 digits, the NUL */

struct hx_output {
    struct archive *tar;
    struct hx_output_state *state;
};

/* Borrows `fd`. */
int hx_output_open(int fd, struct hx_output **output_r, struct hx_err *err);

/* What libarchive, or the writing below it, said last. */
int hx_output_failed(const struct hx_output *output, struct hx_err *err);

/* The end of tar and gzip; the hash of the tar comes back. */
int hx_output_finish(struct hx_output *output, char diff_id_r[HX_DIFF_ID_TEXT],
                     struct hx_err *err);
/* Takes NULL. */
void hx_output_free(struct hx_output *output);

#endif
