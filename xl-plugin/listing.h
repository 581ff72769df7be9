/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands that list things as a table have in common: their options,
 * and how the table comes to the terminal.
 *
 *     static const struct hx_option options[] = { HX_LISTING_OPTIONS("ids"),
 *                                                 { 0 } };
 *     struct hx_listing how = { 0 };
 *
 *     hx_options_parse(command, argc, argv, hx_listing_set, &how, &err);
 *     hx_table_init(&table, columns);
 *     r = hx_table_add(&table, ...);
 *     r = hx_listing_print(&how, &table, r, "listing the pods", &err);
 */
#ifndef HX_LISTING_H
#define HX_LISTING_H

#include <stdbool.h>

#include "xl-plugin/options.h"
#include "xl-plugin/table.h"

struct hx_listing {
    bool all; /* of commands that have -a */
    bool quiet;
    bool json;
    bool no_trunc;
};

/* `what` is printed alone with -q. */
#define HX_LISTING_OPTIONS(what)                                               \
    { 'q', "quiet", NULL, "print " what " only" },                             \
        { HX_OPT_NO_TRUNC, "no-trunc", NULL,                                   \
          "print everything in full, however narrow the terminal" },           \
    {                                                                          \
        HX_OPT_JSON, "json", NULL, "print JSON"                                \
    }

/* An hx_option_fn; `listing` is a struct hx_listing. */
int hx_listing_set(void *listing, int key, const char *value,
                   struct hx_err *err);

/* Prints and releases the table, unless `r`, what filling it gave, is negative;
 * `what` is the sentence's beginning.  HX_ERR_SYSTEM: no memory. */
int hx_listing_print(const struct hx_listing *listing, struct hx_table *table,
                     int r, const char *what, struct hx_err *err);

#endif
