/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables as docker prints them: columns two blanks apart, titles in capitals.
 *
 *     static const struct hx_column columns[] = {
 *         { "NAME", .shrinks_to = 12 }, { "MEM", .gives_way = 1 }, { 0 } };
 *     struct hx_table table;
 *
 *     hx_table_init(&table, columns);
 *     hx_table_add(&table, (const char *[]){ "web", "64M" });
 *     hx_table_print(&table, stdout, hx_terminal_width(stdout));
 *     hx_table_release(&table);
 *
 * Cells are copied, and made safe for a terminal on the way.
 */
#ifndef HX_TABLE_H
#define HX_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "image/base/buf.h"

#define HX_TABLE_COLUMNS_MAX 16

struct hx_column {
    const char *title;
    /* When the table is wider than the terminal: */
    unsigned gives_way;  /* left out, 1 first; 0: never */
    unsigned shrinks_to; /* then cells are cut, down to this; 0: never */
};

struct hx_table {
    const struct hx_column *columns; /* borrowed; ends in zeros */
    size_t column_count;
    char **cells; /* row after row */
    size_t row_count;
    size_t row_room;
};

void hx_table_init(struct hx_table *table, const struct hx_column *columns);
void hx_table_release(struct hx_table *table);

/* One cell for each column; NULL is "-".  0, or -1 without memory. */
int hx_table_add(struct hx_table *table, const char *const *cells);

/* Formats at most `width` columns wide when that can be; 0 is unbounded. */
int hx_table_format(const struct hx_table *table, unsigned width,
                    struct hx_buf *out);
/* The same, to a stream. */
int hx_table_print(const struct hx_table *table, FILE *out, unsigned width);

/* Width on a terminal of printable UTF-8, each character counted as one. */
unsigned hx_text_width(const char *text);

/* Copies `text`, cut to `width` with ".." at its end when it is wider. */
void hx_text_cut(const char *text, unsigned width, struct hx_buf *out);

#endif
