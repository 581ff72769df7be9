/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/table.h"

#include <string.h>

#include "image/base/escape.h"

#define GAP           2
#define TABLE_MAX_OUT ((size_t)64 << 20)

unsigned hx_text_width(const char *text)
{
    unsigned width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void hx_text_cut(const char *text, unsigned width, struct hx_buf *out)
{
    unsigned kept = hx_text_width(text);
    const char *end = text;

    if (kept <= width) {
        hx_buf_adds(out, text);
        return;
    }
    for (kept = 0; *end; end++) {
        if (((unsigned char)*end & 0xc0) == 0x80)
            continue;
        if (kept + 2 >= width)
            break;
        kept++;
    }
    hx_buf_add(out, text, (size_t)(end - text));
    hx_buf_add(out, "..", width < 2 ? width : 2);
}

void hx_table_init(struct hx_table *table, const struct hx_column *columns)
{
    *table = (struct hx_table){ .columns = columns };
    while (columns[table->column_count].title &&
           table->column_count < HX_TABLE_COLUMNS_MAX)
        table->column_count++;
}

void hx_table_release(struct hx_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct hx_table){ 0 };
}

int hx_table_add(struct hx_table *table, const char *const *cells)
{
    char **row;

    if (table->row_count == table->row_room) {
        size_t room = table->row_room ? table->row_room * 2 : 16;
        char **more = reallocarray(table->cells, room * table->column_count,
                                   sizeof(*more));

        if (!more)
            return -1;
        table->cells = more;
        table->row_room = room;
    }
    row = table->cells + table->row_count * table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        row[i] = strdup(cells[i] && *cells[i] ? cells[i] : "-");
        if (!row[i]) {
            while (i > 0)
                free(row[--i]);
            return -1;
        }
        hx_escape_in_place(row[i]);
    }
    table->row_count++;
    return 0;
}

/* Widths of the columns; 0 is one that is left out. */
struct widths {
    unsigned of[HX_TABLE_COLUMNS_MAX];
};

static unsigned total_width(const struct hx_table *table,
                            const struct widths *w)
{
    unsigned total = 0;

    for (size_t i = 0; i < table->column_count; i++)
        total += w->of[i] ? w->of[i] + GAP : 0;
    return total ? total - GAP : 0;
}

static void natural_widths(const struct hx_table *table, struct widths *w)
{
    for (size_t i = 0; i < table->column_count; i++) {
        w->of[i] = hx_text_width(table->columns[i].title);
        for (size_t row = 0; row < table->row_count; row++) {
            unsigned cell =
                hx_text_width(table->cells[row * table->column_count + i]);

            if (cell > w->of[i])
                w->of[i] = cell;
        }
    }
}

/* What could be gained by cutting cells. */
static unsigned slack(const struct hx_table *table, const struct widths *w)
{
    unsigned total = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        unsigned least = table->columns[i].shrinks_to;

        if (least && w->of[i] > least)
            total += w->of[i] - least;
    }
    return total;
}

/* Leaves a column out; 0 when none is left that may go. */
static int drop_one(const struct hx_table *table, struct widths *w)
{
    size_t best = HX_TABLE_COLUMNS_MAX;

    for (size_t i = 0; i < table->column_count; i++) {
        unsigned order = table->columns[i].gives_way;

        if (!order || !w->of[i])
            continue;
        if (best == HX_TABLE_COLUMNS_MAX ||
            order < table->columns[best].gives_way)
            best = i;
    }
    if (best == HX_TABLE_COLUMNS_MAX)
        return 0;
    w->of[best] = 0;
    return 1;
}

static void fit(const struct hx_table *table, unsigned width, struct widths *w)
{
    while (total_width(table, w) > width && drop_one(table, w))
        ;
    while (total_width(table, w) > width && slack(table, w)) {
        size_t widest = 0;
        unsigned most = 0;

        for (size_t i = 0; i < table->column_count; i++) {
            unsigned least = table->columns[i].shrinks_to;

            if (least && w->of[i] > least && w->of[i] > most) {
                most = w->of[i];
                widest = i;
            }
        }
        w->of[widest]--;
    }
}

/* The last column is not padded, so that no line ends in blanks. */
static int add_row(const struct hx_table *table, const struct widths *w,
                   char *const *cells, struct hx_buf *out)
{
    unsigned pending = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        const char *cell = cells ? cells[i] : table->columns[i].title;
        unsigned width = hx_text_width(cell);

        if (!w->of[i])
            continue;
        if (pending && hx_buf_addf(out, "%*s", (int)pending, "") < 0)
            return -1;
        hx_text_cut(cell, w->of[i], out);
        pending = GAP + (width < w->of[i] ? w->of[i] - width : 0);
    }
    return hx_buf_adds(out, "\n");
}

int hx_table_format(const struct hx_table *table, unsigned width,
                    struct hx_buf *out)
{
    struct widths w;

    natural_widths(table, &w);
    if (width)
        fit(table, width, &w);
    if (add_row(table, &w, NULL, out) < 0)
        return -1;
    for (size_t row = 0; row < table->row_count; row++) {
        if (add_row(table, &w, table->cells + row * table->column_count, out) <
            0)
            return -1;
    }
    return 0;
}

int hx_table_print(const struct hx_table *table, FILE *out, unsigned width)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(TABLE_MAX_OUT);

    if (hx_table_format(table, width, &text) < 0)
        return -1;
    return fwrite(text.data, 1, text.len, out) == text.len ? 0 : -1;
}
