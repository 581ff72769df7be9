/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/challenge.h"

#include <string.h>
#include <strings.h>

#define TOKEN                                                                  \
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"  \
    "UVWXYZ"
#define BLANK " \t"

void hx_challenge_release(struct hx_challenge *challenge)
{
    if (!challenge)
        return;
    free(challenge->realm);
    free(challenge->service);
    free(challenge->scope);
    *challenge = (struct hx_challenge){ 0 };
}

/*
 * The value behind '=': a token or a quoted string, as a copy.  *p moves
 * behind it.  NULL when there is none, or without memory.
 */
static char *take_value(const char **p)
{
    const char *q = *p;
    char *value, *out;
    size_t len;

    if (*q != '"') {
        /* Realms without quotes hold ':' and '/', which are no token. */
        len = strcspn(q, BLANK ",\"");
        *p = q + len;
        return len ? strndup(q, len) : NULL;
    }
    value = out = malloc(strlen(q) + 1);
    if (!value)
        return NULL;
    for (q++; *q && *q != '"'; q++) {
        if (*q == '\\' && q[1])
            q++;
        *out++ = *q;
    }
    *out = '\0';
    if (*q != '"') {
        free(value);
        return NULL;
    }
    *p = q + 1;
    return value;
}

static void set_param(struct hx_challenge *challenge, const char *name,
                      size_t len, char *value)
{
    static const char *const names[] = { "realm", "service", "scope" };
    char **fields[] = { &challenge->realm, &challenge->service,
                        &challenge->scope };

    for (size_t i = 0; i < 3; i++) {
        /* The first of two counts. */
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0 &&
            !*fields[i]) {
            *fields[i] = value;
            return;
        }
    }
    free(value);
}

static enum hx_auth_scheme scheme_of(const char *name, size_t len)
{
    if (len == 6 && strncasecmp(name, "Bearer", 6) == 0)
        return HX_AUTH_BEARER;
    if (len == 5 && strncasecmp(name, "Basic", 5) == 0)
        return HX_AUTH_BASIC;
    return HX_AUTH_NONE;
}

/* Keeps the better one of the two; the other is released. */
static void offer(struct hx_challenge *best, struct hx_challenge *next)
{
    int usable = next->scheme == HX_AUTH_BASIC ||
                 (next->scheme == HX_AUTH_BEARER && next->realm);

    if (usable && next->scheme > best->scheme) {
        hx_challenge_release(best);
        *best = *next;
        *next = (struct hx_challenge){ 0 };
    }
    hx_challenge_release(next);
}

/* The parameters of one challenge; *p ends at the next scheme, or the end.
 * -1 when the rest of the line cannot be read. */
static int take_params(const char **p, struct hx_challenge *challenge)
{
    for (;;) {
        const char *name, *after;
        char *value;
        size_t len;

        *p += strspn(*p, BLANK ",");
        name = *p;
        len = strspn(name, TOKEN);
        after = name + len + strspn(name + len, BLANK);
        if (len == 0)
            return *name ? -1 : 0;
        /* A word without '=' begins the next challenge. */
        if (*after != '=')
            return 0;
        after += 1 + strspn(after + 1, BLANK);
        value = take_value(&after);
        if (!value)
            return -1;
        set_param(challenge, name, len, value);
        *p = after;
    }
}

static void parse_line(const char *line, struct hx_challenge *best)
{
    const char *p = line;

    for (;;) {
        struct hx_challenge next = { 0 };
        size_t len;
        int bad;

        p += strspn(p, BLANK ",");
        len = strspn(p, TOKEN);
        if (len == 0)
            return;
        next.scheme = scheme_of(p, len);
        p += len;
        bad = take_params(&p, &next) < 0;
        offer(best, &next);
        if (bad)
            return;
    }
}

int hx_challenge_choose(char *const *lines, struct hx_challenge *challenge_r)
{
    struct hx_challenge best = { 0 };

    for (size_t i = 0; lines && lines[i]; i++)
        parse_line(lines[i], &best);
    *challenge_r = best;
    return 0;
}
