/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What logging in reads: WWW-Authenticate lines and URLs; and daemon.json.
 * The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/pull/challenge.h"
#include "image/pull/daemon-config.h"
#include "image/pull/token.h"
#include "image/pull/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_challenge(char *text)
{
    char *half = strchr(text, '\n');
    char *lines[3] = { text, NULL, NULL };
    struct hx_challenge challenge = { 0 };

    if (half) {
        *half = '\0';
        lines[1] = half + 1;
    }
    if (hx_challenge_choose(lines, &challenge) == 0) {
        free(hx_token_url(&challenge, "library/nginx"));
        if (challenge.scheme == HX_AUTH_BEARER && !challenge.realm)
            abort();
    }
    hx_challenge_release(&challenge);
}

static void try_url(const char *text)
{
    struct hx_url url = { 0 };
    struct hx_err err;

    if (hx_url_parse(text, "https://host/v2/", &url, &err) == 0 &&
        strncmp(url.text, "http", 4) != 0)
        abort();
    hx_url_release(&url);
}

static void try_daemon_json(const char *text, size_t len)
{
    struct hx_daemon_config config = { 0 };
    struct hx_err err;

    if (hx_daemon_config_parse(text, len, "d", &config, &err) == 0)
        hx_daemon_config_release(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    text = strndup((const char *)data + 1, size - 1);
    if (!text)
        return 0;
    switch (data[0] % 3) {
    case 0:
        try_challenge(text);
        break;
    case 1:
        try_url(text);
        break;
    default:
        try_daemon_json(text, strlen(text));
        break;
    }
    free(text);
    return 0;
}
