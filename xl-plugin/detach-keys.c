/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/detach-keys.h"

#include <ctype.h>
#include <string.h>

/* The byte of a key; -1: it is none. */
static int key_of(const char *text, size_t len)
{
    if (len == 1)
        return (uint8_t)text[0];
    if (len != 6 || strncmp(text, "ctrl-", 5) != 0)
        return -1;
    if (islower((unsigned char)text[5]))
        return text[5] - 'a' + 1;
    return strchr("@[\\]^_", text[5]) ? text[5] - '@' : -1;
}

int hx_detach_keys_parse(const char *text, struct hx_detach_keys *keys_r,
                         struct hx_err *err)
{
    struct hx_detach_keys keys = { 0 };
    const char *p = *text ? text : HX_DETACH_KEYS_DEFAULT;

    for (;;) {
        size_t len = strcspn(p, ",");
        int key = key_of(p, len);

        if (key < 0 || keys.count == HX_DETACH_KEYS_MAX)
            return hx_err_set(err, HX_ERR_USAGE,
                              "--detach-keys: '%.64s' are no keys; write "
                              "them as in ctrl-p,ctrl-q or x, %d at most",
                              text, HX_DETACH_KEYS_MAX);
        keys.key[keys.count++] = (uint8_t)key;
        if (!p[len])
            break;
        p += len + 1;
    }
    *keys_r = keys;
    return 0;
}

bool hx_detach_keys_pass(struct hx_detach_keys *keys, const uint8_t *data,
                         size_t len, uint8_t *out, size_t *out_len_r)
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == keys->key[keys->typed]) {
            if (++keys->typed < keys->count)
                continue;
            *out_len_r = used;
            return false;
        }
        memcpy(out + used, keys->key, keys->typed);
        used += keys->typed;
        keys->typed = data[i] == keys->key[0];
        if (!keys->typed)
            out[used++] = data[i];
    }
    *out_len_r = used;
    return true;
}
