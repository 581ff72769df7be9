/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/ipv4.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool hx_ipv4_parse(const char *text, uint32_t *address_r)
{
    struct in_addr in;

    if (inet_pton(AF_INET, text, &in) != 1)
        return false;
    *address_r = ntohl(in.s_addr);
    return true;
}

bool hx_ipv4_parse_net(const char *text, struct hx_ipv4_net *net_r)
{
    const char *slash = strchr(text, '/');
    char address[HX_IPV4_TEXT];
    struct hx_ipv4_net net;
    size_t len, digits;

    if (!slash)
        return false;
    len = (size_t)(slash - text);
    digits = strspn(slash + 1, "0123456789");
    if (len >= sizeof(address) || digits == 0 || digits > 2 ||
        slash[1 + digits] != '\0')
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    net.prefix = 0;
    for (size_t i = 1; i <= digits; i++)
        net.prefix = net.prefix * 10 + (unsigned)(slash[i] - '0');
    if (net.prefix > 32 || !hx_ipv4_parse(address, &net.address))
        return false;
    *net_r = net;
    return true;
}

char *hx_ipv4_format(uint32_t address, char text_r[HX_IPV4_TEXT])
{
    snprintf(text_r, HX_IPV4_TEXT, "%u.%u.%u.%u", address >> 24,
             address >> 16 & 255, address >> 8 & 255, address & 255);
    return text_r;
}

char *hx_ipv4_format_net(const struct hx_ipv4_net *net,
                         char text_r[HX_IPV4_TEXT])
{
    size_t len = strlen(hx_ipv4_format(net->address, text_r));

    snprintf(text_r + len, HX_IPV4_TEXT - len, "/%u", net->prefix & 63);
    return text_r;
}
