/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the configuration lies: /etc/hyper, or $HX_CONFDIR.
 */
#ifndef HX_PULL_CONFDIR_H
#define HX_PULL_CONFDIR_H

/* A path in it, the caller's to free; NULL without memory. */
char *hx_confdir_path(const char *name);

#endif
