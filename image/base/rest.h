/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For a process that from now on does little but wait for another.
 */
#ifndef HX_REST_H
#define HX_REST_H

/*
 * Gives back what the process does not need meanwhile: free memory, and the
 * pages of its program and libraries, which come back when they are used.
 */
void hx_rest(void);

#endif
