/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References, sources, platforms and digests.  What is taken must be safe as
 * a path and be read back as the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/digest.h"
#include "image/platform.h"
#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each component of a path: no dot in front, no blank, no control. */
static void check_path(const char *text)
{
    for (const char *p = text; *p; p += strcspn(p, "/"), p += *p == '/') {
        size_t len = strcspn(p, "/");

        if (len == 0 || len > 255 || *p == '.')
            abort();
        for (size_t i = 0; i < len; i++) {
            if (p[i] <= ' ' || p[i] > '~')
                abort();
        }
    }
}

static void check_again(const char *text, const struct hx_reference *ref)
{
    struct hx_reference again = { 0 };
    char *first = hx_reference_canonical(ref), *second;

    if (!first)
        return;
    if (hx_reference_parse(text, &again, NULL) < 0)
        abort();
    second = hx_reference_canonical(&again);
    if (second && strcmp(first, second) != 0)
        abort();
    free(first);
    free(second);
    hx_reference_release(&again);
}

static void try_reference(const char *text)
{
    struct hx_reference ref = { 0 };
    char *canonical, *familiar;

    if (hx_reference_parse(text, &ref, NULL) < 0)
        return;
    check_path(ref.domain);
    check_path(ref.path);
    if (ref.tag)
        check_path(ref.tag);
    if (ref.digest && !hx_digest_valid(ref.digest))
        abort();
    canonical = hx_reference_canonical(&ref);
    familiar = hx_reference_familiar(&ref);
    if (canonical)
        check_again(canonical, &ref);
    if (familiar)
        check_again(familiar, &ref);
    free(canonical);
    free(familiar);
    hx_reference_release(&ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct hx_source source = { 0 };
    struct hx_platform platform;
    struct hx_err err;

    if (!text)
        return 0;
    try_reference(text);
    if (hx_source_parse(text, &source, &err) == 0)
        hx_source_release(&source);
    hx_platform_parse(text, &platform, &err);
    hx_digest_check(text, "x", &err);
    free(text);
    return 0;
}
