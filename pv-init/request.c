/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/request.h"

#include <string.h>

#include "pv-init/base.h"

/* Cuts `text` at its first blank and returns what follows, or NULL. */
static char *cut(char *text)
{
    char *blank = strchr(text, ' ');

    if (!blank)
        return NULL;
    *blank = '\0';
    return blank + 1;
}

int hx_init_request_parse(const char *text, struct hx_init_request *out)
{
    struct hx_init_request parsed = { 0 };
    char copy[64], *verb, *argument;
    uint64_t value;

    if (strlen(text) >= sizeof(copy))
        return -1;
    strcpy(copy, text);
    verb = cut(copy);
    argument = verb ? cut(verb) : NULL;
    if (!argument || hx_init_parse_u64(copy, UINT64_MAX, &parsed.seq) < 0 ||
        parsed.seq == 0 || hx_init_parse_u64(argument, INT32_MAX, &value) < 0)
        return -1;
    if (strcmp(verb, "kill") == 0 && value >= 1 && value <= 64) {
        parsed.verb = HX_INIT_KILL;
        parsed.signum = (int)value;
    } else if (strcmp(verb, "stop") == 0) {
        parsed.verb = HX_INIT_STOP;
        parsed.timeout_ms = (uint32_t)value;
    } else {
        return -1;
    }
    *out = parsed;
    return 0;
}
