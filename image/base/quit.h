/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a program that is started for one thing and waited for.
 */
#ifndef HX_QUIT_H
#define HX_QUIT_H

/*
 * Ends it once what it said is written; libraries are not asked to give back
 * what the system takes anyway, but for a sanitizer, which looks at that.
 */
_Noreturn void hx_quit(int status);

#endif
