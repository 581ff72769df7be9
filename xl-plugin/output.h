/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What commands print with: JSON, texts from outside, the terminal's width.
 */
#ifndef HX_OUTPUT_H
#define HX_OUTPUT_H

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "image/base/err.h"

/*
 * Prints a document, indented, to stdout, and drops the reference; takes NULL,
 * which is what jansson gives without memory.  On a terminal characters beyond
 * ASCII are written as \uXXXX, since some of them move its cursor.
 */
int hx_print_json(json_t *document, struct hx_err *err);

/* Prints text from outside and a newline, made safe for a terminal. */
void hx_print_line(FILE *out, const char *text);

/* Columns of the terminal that `stream` is; 0 when it is none. */
unsigned hx_terminal_width(FILE *stream);
/* Its lines; 0 when it is none. */
unsigned hx_terminal_height(FILE *stream);

/* "xl-hyper: <sentence>" to stderr. */
void hx_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Flushes stdout; a full disk or the like is an error, and no success. */
int hx_finish_output(struct hx_err *err);

/*
 * A JSON string of text that may be NULL (null) or, since it came from
 * outside, no UTF-8 (each wrong byte becomes '?').
 */
json_t *hx_json_text(const char *text);

#endif
