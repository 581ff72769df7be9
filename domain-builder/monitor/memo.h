/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the next monitor must know of the console when this one is killed:
 * the file RUN/UUID/console, one line.
 *
 *     tty /dev/pts/3 34819 1700000000123456789
 *
 * The tty is xenconsoled's, which our own has replaced in xenstore; with its
 * device number and the time it came to be (st_ctime, ns), because terminals'
 * names are used again, and the next /dev/pts/3 may be an administrator's.
 * A dash stands for none.
 */
#ifndef HX_MEMO_H
#define HX_MEMO_H

#include <stdbool.h>
#include <stdint.h>

struct hx_memo {
    char tty[32]; /* "" is none */
    uint64_t device;
    uint64_t born_ns;
};

#define HX_MEMO_TEXT_MAX 128

void hx_memo_format(const struct hx_memo *memo, char text_r[HX_MEMO_TEXT_MAX]);
/* 0, or -1 when it is no memo; *memo_r is untouched then. */
int hx_memo_parse(const char *text, struct hx_memo *memo_r);

/* "/dev/pts/" and a number of up to 9 digits: all that is ever opened. */
bool hx_memo_tty_valid(const char *path);

#endif
