/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own terminal, while it is the terminal of a process in a pod; and the
 * signals that end a session, so that the terminal is put back whatever comes.
 *
 *     hx_tty_catch(&wake, err);             before hx_tty_raw()
 *     hx_tty_raw();
 *     ... wait for `wake` among others: switch (hx_tty_caught()) ...
 *     hx_tty_restore();
 *     hx_tty_die(signum);                   if one came
 */
#ifndef HX_TTY_H
#define HX_TTY_H

#include <stdbool.h>

#include "image/base/err.h"

/*
 * From now on HUP, INT, QUIT and TERM, unless they are ignored, and WINCH make
 * *wake_r readable.  A PIPE is left to write(2)'s EPIPE.
 */
int hx_tty_catch(int *wake_r, struct hx_err *err);

/* The same for WINCH alone. */
int hx_tty_catch_resize(int *wake_r, struct hx_err *err);

/* Those that were caught do again what they do by default. */
void hx_tty_uncatch(void);

/* The next signal that came; 0: none. */
int hx_tty_caught(void);

/* Every key of the terminal on standard input becomes a byte. */
int hx_tty_raw(struct hx_err *err);
/* Undoes that; as often as one likes. */
void hx_tty_restore(void);

/* Of the first of stdout, stdin and stderr that is a terminal; false: none. */
bool hx_tty_size(unsigned *rows_r, unsigned *columns_r);

/* Ends this process by the signal, as if it had not been caught. */
void hx_tty_die(int signum) __attribute__((noreturn));

#endif
