/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp: a profile in Docker's format -> the program for the guest's kernel.
 *
 *     seccomp PROFILE CAPABILITIES
 *
 * CAPABILITIES is the container's bounding set, hexadecimal as in
 * /proc/PID/status.  Answers in one line of JSON, {"program": "BASE64"} or
 * {"error": {"code": ..., "message": ...}}, as all helpers do.
 *
 * A program of its own, so that only a create with a profile, or with
 * capabilities, that are not the default ones loads libseccomp; the default
 * one's answer is made by the build and installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/caps.h"
#include "domain-builder/seccomp/profile.h"
#include "image/base/file.h"
#include "image/base/json.h"

#define PROFILE_MAX_BYTES (1u << 20)

/* Base64 (RFC 4648) with padding. */
static char *encode(const unsigned char *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1), *out = text;

    for (size_t i = 0; text && i < len; i += 3) {
        unsigned bits = (unsigned)data[i] << 16;

        bits |= i + 1 < len ? (unsigned)data[i + 1] << 8 : 0;
        bits |= i + 2 < len ? data[i + 2] : 0;
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    if (text)
        *out = '\0';
    return text;
}

static int answer(const char *path, const char *caps, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf json = HX_BUF_INIT(PROFILE_MAX_BYTES);
    _cleanup_buf_ struct hx_buf program = HX_BUF_INIT(0);
    _cleanup_free_ char *text = NULL;
    char *end;
    uint64_t bits = strtoull(caps, &end, 16);
    int r;

    if (!*caps || *end || bits & ~HX_CAPS_ALL)
        return hx_err_set(err, HX_ERR_USAGE,
                          "'%.32s' is no set of capabilities", caps);
    r = hx_file_read(path, PROFILE_MAX_BYTES, &json, err);
    if (r == 0)
        r = hx_seccomp_compile(json.data, json.len, path, bits, &program, err);
    if (r < 0)
        return r;
    text = encode((const unsigned char *)program.data, program.len);
    if (!text)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "compiling %s", path);
    printf("{\"program\": \"%s\"}\n", text);
    return 0;
}

int main(int argc, char **argv)
{
    struct hx_err err = { 0 };
    json_t *line;
    int r;

    if (argc != 3) {
        fputs("Usage: seccomp PROFILE CAPABILITIES\n", stderr);
        return 2;
    }
    r = answer(argv[1], argv[2], &err);
    if (r < 0) {
        line = json_pack("{s:{s:s, s:s}}", "error", "code",
                         hx_err_name(err.code), "message", err.msg);
        if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
            return 1;
        putchar('\n');
        json_decref(line);
    }
    return fflush(stdout) == 0 && r == 0 ? 0 : 1;
}
