/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands that print all that is known of things have in common: a
 * JSON array with a document of each that was named.
 *
 *     first = hx_options_parse(command, argc, argv, hx_inspect_set, NULL,
 * &err);
 *     ...
 *     return hx_inspect_print(command, argv + first, document_of, host);
 */
#ifndef HX_INSPECT_H
#define HX_INSPECT_H

#include <jansson.h>

#include "xl-plugin/options.h"

extern const struct hx_option hx_inspect_options[];

/* An hx_option_fn, of which `opaque` is not looked at. */
int hx_inspect_set(void *opaque, int key, const char *value,
                   struct hx_err *err);

/* The document of what is called `name`, the caller's; *document_r is NULL also
 * when there is no memory for one. */
typedef int hx_inspect_fn(void *from, const char *name, json_t **document_r,
                          struct hx_err *err);

/* As docker: prints what was found, complains about what was not, and returns
 * the exit status.  `names` ends with NULL; `from` is for `document_of`. */
int hx_inspect_print(const struct hx_command *command, char *const *names,
                     hx_inspect_fn *document_of, void *from);

#endif
