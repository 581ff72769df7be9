/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* uname's words for the machine, and Go's. */
static const struct {
    const char *machine, *arch, *variant;
} machines[] = {
    { "x86_64", "amd64", "" },    { "i686", "386", "" },
    { "i586", "386", "" },        { "aarch64", "arm64", "" },
    { "armv7l", "arm", "v7" },    { "armv6l", "arm", "v6" },
    { "riscv64", "riscv64", "" }, { "ppc64le", "ppc64le", "" },
    { "s390x", "s390x", "" },
};

static void host_platform(struct hx_platform *platform)
{
    struct utsname name;

    *platform = (struct hx_platform){ .os = "linux" };
    if (uname(&name) < 0)
        return;
    snprintf(platform->arch, sizeof(platform->arch), "%.31s", name.machine);
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (strcmp(machines[i].machine, name.machine) == 0) {
            snprintf(platform->arch, sizeof(platform->arch), "%s",
                     machines[i].arch);
            snprintf(platform->variant, sizeof(platform->variant), "%s",
                     machines[i].variant);
        }
    }
}

/* Copies up to the next '/'; the rest, or NULL when the part is no word. */
static const char *take(const char *text, char *part, size_t size)
{
    size_t len = strcspn(text, "/");

    if (len == 0 || len >= size ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") < len)
        return NULL;
    memcpy(part, text, len);
    part[len] = '\0';
    return text + len;
}

int hx_platform_parse(const char *text, struct hx_platform *platform_r,
                      struct hx_err *err)
{
    struct hx_platform platform = { 0 };
    const char *p = text;

    if (!text) {
        host_platform(platform_r);
        return 0;
    }
    p = take(p, platform.os, sizeof(platform.os));
    if (p && *p == '/') {
        p = take(p + 1, platform.arch, sizeof(platform.arch));
        if (p && *p == '/')
            p = take(p + 1, platform.variant, sizeof(platform.variant));
        if (p && *p == '\0') {
            *platform_r = platform;
            return 0;
        }
    }
    return hx_err_set(err, HX_ERR_USAGE,
                      "platform '%.64s': write it as OS/ARCH[/VARIANT], such "
                      "as linux/amd64 or linux/arm/v7",
                      text);
}

static const char *usual_variant(const char *arch, const char *variant)
{
    if (variant && *variant)
        return variant;
    if (strcmp(arch, "arm64") == 0)
        return "v8";
    if (strcmp(arch, "arm") == 0)
        return "v7";
    if (strcmp(arch, "amd64") == 0)
        return "v1";
    return "";
}

int hx_platform_matches(const struct hx_platform *wanted, const char *os,
                        const char *arch, const char *variant)
{
    if (!os || !arch || strcmp(os, wanted->os) != 0 ||
        strcmp(arch, wanted->arch) != 0)
        return 0;
    return strcmp(usual_variant(arch, variant),
                  usual_variant(arch, wanted->variant)) == 0;
}

const char *hx_platform_text(const struct hx_platform *platform,
                             char text[HX_PLATFORM_TEXT_MAX])
{
    snprintf(text, HX_PLATFORM_TEXT_MAX, "%s/%s%s%s", platform->os,
             platform->arch, *platform->variant ? "/" : "", platform->variant);
    return text;
}
