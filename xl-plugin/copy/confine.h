/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process that reads a hostile guest's tar can still do. */
#ifndef HX_COPY_CONFINE_H
#define HX_COPY_CONFINE_H

#include "image/base/err.h"

/*
 * For good: the folder `root` is the process's root, of root's capabilities
 * those that writing files takes are left, no program can get it others, and
 * its memory is bounded.  All before a byte of the guest's was read.  Without
 * root's rights only the latter two.
 */
int hx_confine(int root, struct hx_err *err);

#endif
