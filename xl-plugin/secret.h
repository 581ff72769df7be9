/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for names and passwords.
 */
#ifndef HX_SECRET_H
#define HX_SECRET_H

#include <stdbool.h>

#include "image/base/buf.h"
#include "image/base/err.h"

/* Tokens can be long; nobody's password is. */
#define HX_SECRET_MAX_BYTES ((size_t)64 << 10)

/*
 * Asks on the terminal and reads one line, without echo unless `echo`.
 * HX_ERR_USAGE when there is no terminal, HX_ERR_INTERRUPTED at end of file.
 * A signal that ends or stops the process leaves the terminal as it was.
 */
int hx_secret_prompt(const char *question, bool echo, struct hx_buf *out,
                     struct hx_err *err);

/* All of standard input, without the newline at its end. */
int hx_secret_read_stdin(struct hx_buf *out, struct hx_err *err);

/* Overwrites and releases. */
void hx_secret_forget(struct hx_buf *secret);

#endif
