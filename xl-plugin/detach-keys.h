/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys that leave a session and let its process go on: docker's
 * --detach-keys, "ctrl-p,ctrl-q".
 */
#ifndef HX_DETACH_KEYS_H
#define HX_DETACH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

#define HX_DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define HX_DETACH_KEYS_MAX     16

struct hx_detach_keys {
    uint8_t key[HX_DETACH_KEYS_MAX];
    size_t count;
    size_t typed; /* of them so far */
};

/* Characters, and ctrl- with a letter or one of @[\]^_, between commas.  "" is
 * the default.  HX_ERR_USAGE. */
int hx_detach_keys_parse(const char *text, struct hx_detach_keys *keys_r,
                         struct hx_err *err);

/*
 * What of `data` is to be passed on: to `out`, at most `len` and
 * HX_DETACH_KEYS_MAX bytes.  Keys of an unfinished sequence are kept back until
 * the next one.  False: the sequence was typed.
 */
bool hx_detach_keys_pass(struct hx_detach_keys *keys, const uint8_t *data,
                         size_t len, uint8_t *out, size_t *out_len_r);

#endif
