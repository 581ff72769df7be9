/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "pv-init/confine.h"

#define CAP(name) (1ull << CAP_##name)

/* What Docker leaves a container's root of its power. */
#define DOCKER_CAPS                                                            \
    (CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FSETID) | CAP(FOWNER) | CAP(MKNOD) | \
     CAP(NET_RAW) | CAP(SETGID) | CAP(SETUID) | CAP(SETFCAP) | CAP(SETPCAP) |  \
     CAP(NET_BIND_SERVICE) | CAP(SYS_CHROOT) | CAP(KILL) | CAP(AUDIT_WRITE))

static const struct {
    const char *name;
    int resource;
} ulimits[] = {
    { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
    { "data", RLIMIT_DATA },         { "fsize", RLIMIT_FSIZE },
    { "locks", RLIMIT_LOCKS },       { "memlock", RLIMIT_MEMLOCK },
    { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
    { "nofile", RLIMIT_NOFILE },     { "nproc", RLIMIT_NPROC },
    { "rss", RLIMIT_RSS },           { "rtprio", RLIMIT_RTPRIO },
    { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
    { "stack", RLIMIT_STACK },
};

static int parse_ulimit(struct hx_init_fields *at, void *item)
{
    struct hx_init_ulimit *out = item;
    const char *name = hx_init_field_str(at, "name");
    unsigned i;

    /* RLIM_INFINITY lies outside of what can be asked for: absent. */
    out->limit.rlim_max =
        hx_init_field_u64_or(at, "hard", RLIM_INFINITY, INT64_MAX);
    out->limit.rlim_cur =
        hx_init_field_u64_or(at, "soft", RLIM_INFINITY, INT64_MAX);
    if (at->failed)
        return -1;
    if (out->limit.rlim_cur > out->limit.rlim_max)
        return hx_init_fields_wrong(at, "soft", "at most the hard limit");
    for (i = 0; i < HX_INIT_COUNT(ulimits); i++) {
        if (strcmp(name, ulimits[i].name) == 0) {
            out->resource = ulimits[i].resource;
            return 0;
        }
    }
    return hx_init_fields_wrong(at, "name", "a resource limit's name");
}

static int parse_sysctl(struct hx_init_fields *at, void *item)
{
    struct hx_init_sysctl *out = item;

    out->name = hx_init_field_str(at, "name");
    out->value = hx_init_field_str(at, "value");
    if (at->failed)
        return -1;
    /* It becomes part of a path; "eth0.5" of an interface is the one place for
     * a dot, and none leads out of /proc/sys. */
    if (!out->name[0] || strlen(out->name) > 200 || out->name[0] == '/' ||
        strstr(out->name, ".."))
        return hx_init_fields_wrong(at, "name", "a path below /proc/sys");
    return 0;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Base64 with its padding; the length of what it stands for, or -1. */
static ssize_t decode(const char *text, size_t len, unsigned char *out)
{
    size_t i, n = 0;

    if (len % 4)
        return -1;
    for (i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        int pad = last && text[i + 3] == '=' ? 1 + (text[i + 2] == '=') : 0;
        uint32_t bits = 0;
        int j;

        for (j = 0; j < 4; j++) {
            int digit = j >= 4 - pad ? 0 : digit_of(text[i + (size_t)j]);

            if (digit < 0)
                return -1;
            bits = bits << 6 | (uint32_t)digit;
        }
        for (j = 0; j < 3 - pad; j++)
            out[n++] = (unsigned char)(bits >> (16 - 8 * j));
    }
    return (ssize_t)n;
}

static int parse_filter(struct hx_init_fields *at, struct hx_init_confine *out)
{
    const char *text = hx_init_field_str_or(at, "seccomp", NULL);
    size_t len = text ? strlen(text) : 0;
    ssize_t bytes;

    if (at->failed)
        return -1;
    if (!text)
        return 0;
    out->filter = malloc(len + sizeof(*out->filter));
    if (!out->filter)
        return hx_init_fields_no_memory(at);
    bytes = decode(text, len, (unsigned char *)out->filter);
    if (bytes <= 0 || (size_t)bytes % sizeof(*out->filter) ||
        (size_t)bytes / sizeof(*out->filter) > BPF_MAXINSNS)
        return hx_init_fields_wrong(at, "seccomp",
                                    "a program of struct sock_filter in "
                                    "base64");
    out->filter_len = (unsigned short)((size_t)bytes / sizeof(*out->filter));
    return 0;
}

void hx_init_confine_default(struct hx_init_confine *out)
{
    *out = (struct hx_init_confine){ .capabilities = DOCKER_CAPS };
}

int hx_init_confine_parse(struct hx_init_fields *at,
                          struct hx_init_confine *out)
{
    hx_init_confine_default(out);
    out->capabilities =
        hx_init_field_u64(at, "capabilities", DOCKER_CAPS, 0, INT64_MAX);
    out->no_new_privs = hx_init_field_bool_or(at, "no_new_privs", false);
    out->privileged = hx_init_field_bool_or(at, "privileged", false);
    out->unmasked = hx_init_field_bool_or(at, "unmasked", out->privileged);
    out->init = hx_init_field_bool_or(at, "init", false);
    out->oom_score_adj =
        (int)hx_init_field_int(at, "oom_score_adj", 0, -1000, 1000);
    out->pids_max = hx_init_field_u64(at, "pids_max", 0, 0, UINT32_MAX);
    out->cpu_quota_us = hx_init_field_u64(at, "cpu_quota_us", 0, 0, UINT32_MAX);
    out->cpu_weight = hx_init_field_u64(at, "cpu_weight", 0, 0, 10000);
    if (at->failed || parse_filter(at, out) < 0)
        return -1;
    if (hx_init_field_list(at, "ulimits", HX_INIT_COUNT(ulimits),
                           sizeof(*out->ulimits), parse_ulimit,
                           (void **)&out->ulimits, &out->ulimit_count) < 0)
        return -1;
    return hx_init_field_list(at, "sysctls", 1024, sizeof(*out->sysctls),
                              parse_sysctl, (void **)&out->sysctls,
                              &out->sysctl_count);
}

void hx_init_confine_release(struct hx_init_confine *confine)
{
    free(confine->filter);
    free(confine->ulimits);
    free(confine->sysctls);
    *confine = (struct hx_init_confine){ 0 };
}
