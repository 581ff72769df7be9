/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "pv-init/base.h"

unsigned hx_init_address_len(int family)
{
    return family == AF_INET ? 4 : 16;
}

int hx_init_address_parse(const char *text, struct hx_init_prefix *out)
{
    struct hx_init_prefix parsed = { 0 };

    if (inet_pton(AF_INET, text, parsed.bytes) == 1)
        parsed.family = AF_INET;
    else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
        parsed.family = AF_INET6;
    else
        return -1;
    parsed.bits = (uint8_t)(hx_init_address_len(parsed.family) * 8);
    *out = parsed;
    return 0;
}

int hx_init_prefix_parse(const char *text, struct hx_init_prefix *out)
{
    struct hx_init_prefix parsed;
    const char *slash = strchr(text, '/');
    char address[64];
    uint64_t bits;

    if (!slash || (size_t)(slash - text) >= sizeof(address))
        return -1;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    if (hx_init_address_parse(address, &parsed) < 0 ||
        hx_init_parse_u64(slash + 1, parsed.bits, &bits) < 0)
        return -1;
    parsed.bits = (uint8_t)bits;
    *out = parsed;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hx_init_mac_parse(const char *text, uint8_t mac[6])
{
    uint8_t parsed[6];
    int i;

    if (strlen(text) != 17)
        return -1;
    for (i = 0; i < 6; i++, text += 3) {
        int high = hex_digit(text[0]), low = hex_digit(text[1]);

        if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return -1;
        parsed[i] = (uint8_t)(high << 4 | low);
    }
    if (parsed[0] & 1)
        return -1;
    memcpy(mac, parsed, sizeof(parsed));
    return 0;
}

bool hx_init_prefix_covers(const struct hx_init_prefix *net,
                           const struct hx_init_prefix *address)
{
    struct hx_init_prefix a = *net, b = *address;

    if (a.family != b.family)
        return false;
    b.bits = a.bits;
    hx_init_prefix_mask(&a);
    hx_init_prefix_mask(&b);
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

void hx_init_prefix_mask(struct hx_init_prefix *prefix)
{
    unsigned i;

    for (i = 0; i < sizeof(prefix->bytes); i++) {
        unsigned first = i * 8;

        if (prefix->bits <= first)
            prefix->bytes[i] = 0;
        else if (prefix->bits < first + 8)
            prefix->bytes[i] &= (uint8_t)(0xff << (first + 8 - prefix->bits));
    }
}
