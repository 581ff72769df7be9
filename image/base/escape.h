/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from outside, made safe for a terminal or a log line.
 *
 * Printable UTF-8 stays as it is; control characters (C0, DEL, C1) and bytes
 * that are not UTF-8 become '?', so that neither an image's name nor a
 * guest's words can move a cursor, change a title or forge a line.
 */
#ifndef HX_ESCAPE_H
#define HX_ESCAPE_H

/* Replaces within `text`; the length never changes. */
void hx_escape_in_place(char *text);

#endif
