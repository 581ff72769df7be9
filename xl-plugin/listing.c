/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/listing.h"

#include "xl-plugin/output.h"

int hx_listing_set(void *listing, int key, const char *value,
                   struct hx_err *err)
{
    struct hx_listing *l = listing;

    (void)value;
    (void)err;
    if (key == 'a')
        l->all = true;
    else if (key == 'q')
        l->quiet = true;
    else if (key == HX_OPT_NO_TRUNC)
        l->no_trunc = true;
    else
        l->json = true;
    return 0;
}

int hx_listing_print(const struct hx_listing *listing, struct hx_table *table,
                     int r, const char *what, struct hx_err *err)
{
    unsigned width = listing->no_trunc ? 0 : hx_terminal_width(stdout);

    if (r == 0)
        r = hx_table_print(table, stdout, width);
    hx_table_release(table);
    if (r < 0)
        return hx_err_set(err, HX_ERR_SYSTEM, "%s: no memory", what);
    return 0;
}
