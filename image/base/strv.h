/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of strings as exec takes them: an array of owned strings that ends in
 * NULL; NULL itself is the empty list.
 */
#ifndef HX_STRV_H
#define HX_STRV_H

#include <stddef.h>

#include "image/base/cleanup.h"

size_t hx_strv_len(char *const *v);

/* Appends a copy of `text`; 0, or -1 with errno ENOMEM. */
int hx_strv_add(char ***v, const char *text);
/* Appends copies of all of `more` (borrowed, may be NULL). */
int hx_strv_add_all(char ***v, char *const *more);

/* Frees list and strings and sets *v to NULL. */
void hx_strv_free(char ***v);

/*
 * Environment lists ("NAME=value"): the value of NAME or NULL; and setting
 * one, replacing an earlier value in its place.
 */
const char *hx_env_get(char *const *env, const char *name);
int hx_env_put(char ***env, const char *assignment);

#define _cleanup_strv_ _cleanup_(hx_strv_free)

#endif
