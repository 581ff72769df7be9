/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX     "sha256:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

static int lower_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") == len && text[len] == '\0';
}

int hx_digest_valid(const char *text)
{
    return text && strncmp(text, PREFIX, PREFIX_LEN) == 0 &&
           lower_hex(text + PREFIX_LEN, HX_DIGEST_HEX);
}

/* "algorithm:hex" of any algorithm, as descriptor.md allows. */
static int other_algorithm(const char *text)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+._-");
    size_t hex;

    if (name == 0 || name > 32 || !islower((unsigned char)text[0]) ||
        text[name] != ':')
        return 0;
    hex = strspn(text + name + 1, "0123456789abcdef");
    return hex >= 32 && text[name + 1 + hex] == '\0';
}

int hx_digest_check(const char *text, const char *what, struct hx_err *err)
{
    if (hx_digest_valid(text))
        return 0;
    if (text && strncmp(text, PREFIX, PREFIX_LEN) != 0 && other_algorithm(text))
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "%s: digest %.80s: only sha256 is supported", what,
                          text);
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "%s: '%.80s' is no digest (sha256: and 64 hex digits)",
                      what, text ? text : "");
}

const char *hx_digest_hex(const char *digest)
{
    return digest + PREFIX_LEN;
}

void hx_digest_copy(char to[HX_DIGEST_TEXT_MAX], const char *digest)
{
    snprintf(to, HX_DIGEST_TEXT_MAX, "%s", digest);
}

void hx_hex_copy(char to[HX_DIGEST_HEX + 1], const char *hex)
{
    snprintf(to, HX_DIGEST_HEX + 1, "%s", hex);
}
