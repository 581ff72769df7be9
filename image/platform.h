/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Platforms as docker names them: "linux/amd64", "linux/arm64/v8".
 */
#ifndef HX_PLATFORM_H
#define HX_PLATFORM_H

#include "image/base/err.h"

struct hx_platform {
    char os[32];
    char arch[32];    /* GOARCH: "amd64", "arm64", "riscv64" */
    char variant[16]; /* "v7", or "" */
};

/* "os/arch[/variant]", or NULL for the host's; HX_ERR_USAGE. */
int hx_platform_parse(const char *text, struct hx_platform *platform_r,
                      struct hx_err *err);

/*
 * Whether an image for os/arch/variant serves `wanted`.  NULL is the empty
 * string.  A variant that is not named is the architecture's usual one.
 */
int hx_platform_matches(const struct hx_platform *wanted, const char *os,
                        const char *arch, const char *variant);

#define HX_PLATFORM_TEXT_MAX 96
/* "linux/arm64/v8" */
const char *hx_platform_text(const struct hx_platform *platform,
                             char text[HX_PLATFORM_TEXT_MAX]);

#endif
