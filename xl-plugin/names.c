/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/names.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX_LEN 7 /* a dash and 6 digits */

static bool is_ascii_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

void hx_pod_name_default(const char *reference, uint32_t random,
                         char name[HX_POD_NAME_MAX + 1])
{
    const char *slash, *end;
    size_t len = 0;

    end = reference + strcspn(reference, "@");
    slash = memrchr(reference, '/', (size_t)(end - reference));
    if (slash)
        reference = slash + 1;
    for (; reference < end && *reference != ':'; reference++) {
        bool fits = is_ascii_alnum(*reference) ||
                    (len > 0 && strchr("_.-", *reference));

        if (fits && len < HX_POD_NAME_MAX - SUFFIX_LEN)
            name[len++] = *reference;
    }
    if (len == 0) {
        memcpy(name, "pod", 3);
        len = 3;
    }
    snprintf(name + len, HX_POD_NAME_MAX + 1 - len, "-%06x",
             (unsigned)(random & 0xffffff));
}

bool hx_hostname_valid(const char *hostname)
{
    size_t len = strlen(hostname);

    if (len == 0 || len > HX_HOSTNAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool begins = i == 0 || hostname[i - 1] == '.';
        bool ends = i + 1 == len || hostname[i + 1] == '.';

        if (is_ascii_alnum(hostname[i]))
            continue;
        if (hostname[i] == '-' && !begins && !ends)
            continue;
        if (hostname[i] == '.' && !begins && i + 1 < len)
            continue;
        return false;
    }
    return true;
}

void hx_hostname_default(const char *pod_name,
                         char hostname[HX_HOSTNAME_MAX + 1])
{
    size_t len = 0;

    for (; *pod_name && len < HX_HOSTNAME_MAX; pod_name++) {
        char c = *pod_name;

        if (!is_ascii_alnum(c))
            c = '-';
        hostname[len++] = c;
    }
    while (len > 0 && hostname[len - 1] == '-')
        len--;
    hostname[len] = '\0';
}

bool hx_bridge_name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c <= ' ' || c >= 0x7f || c == '/' || c == ':')
            return false;
    }
    return true;
}
