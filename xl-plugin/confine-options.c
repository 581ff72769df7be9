/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/confine-options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain-builder/caps.h"
#include "xl-plugin/suggest.h"

#define NANO UINT64_C(1000000000)

/* Docker's least, which is the kernel's: a hundredth of a CPU. */
#define LEAST_NANO_CPUS (NANO / 100)

static int add(char ***list, const char *value, struct hx_err *err)
{
    if (hx_strv_add(list, value) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the options");
    return 0;
}

static int add_cap(char ***list, const char *what, const char *value,
                   struct hx_err *err)
{
    const char *name = strncasecmp(value, "CAP_", 4) == 0 ? value + 4 : value;
    struct hx_suggest suggest = { .word = name };
    char upper[HX_CAPS_NAME] = "", full[HX_CAPS_NAME + 4];
    int number = hx_cap_number(value);

    if (strcasecmp(value, "ALL") == 0)
        return add(list, "ALL", err);
    if (number >= 0) {
        snprintf(full, sizeof(full), "CAP_%s", hx_cap_name((unsigned)number));
        return add(list, full, err);
    }
    for (size_t i = 0; i < sizeof(upper) - 1 && name[i]; i++)
        upper[i] =
            name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    suggest.word = upper;
    for (unsigned i = 0; i < HX_CAPS_COUNT; i++)
        hx_suggest_try(&suggest, hx_cap_name(i));
    if (suggest.best)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.40s' is no capability; did you mean %s?",
                          what, value, suggest.best);
    return hx_err_set(err, HX_ERR_USAGE,
                      "%s: '%.40s' is no capability; write one of "
                      "capabilities(7) as NET_ADMIN, or ALL",
                      what, value);
}

static int set_no_new_privs(struct hx_confine_options *o, const char *value,
                            struct hx_err *err)
{
    if (!value || strcmp(value, "true") == 0)
        o->spec.no_new_privs = true;
    else if (strcmp(value, "false") == 0)
        o->spec.no_new_privs = false;
    else
        return hx_err_set(err, HX_ERR_USAGE,
                          "--security-opt: no-new-privileges=%.40s has no "
                          "meaning; write true or false",
                          value);
    return 0;
}

static int set_security(struct hx_confine_options *o, const char *value,
                        struct hx_err *err)
{
    /* Docker takes a colon as well, as it was once. */
    size_t len = strcspn(value, "=:");
    const char *what = value[len] ? value + len + 1 : NULL;
    int r = 0;

#define IS(word) (len == sizeof(word) - 1 && memcmp(value, word, len) == 0)
    if (IS("no-new-privileges"))
        r = set_no_new_privs(o, what, err);
    else if (IS("seccomp") && what && *what)
        o->profile = what;
    else if (IS("systempaths") && what && strcmp(what, "unconfined") == 0)
        o->spec.unmasked = true;
    else if (IS("apparmor") || IS("label"))
        r = hx_err_set(err, HX_ERR_UNSUPPORTED,
                       "--security-opt: the HyperKernel has neither AppArmor "
                       "nor SELinux; leave %.*s out",
                       (int)len, value);
    else
        r = hx_err_set(err, HX_ERR_USAGE,
                       "--security-opt: '%.64s' is not understood; write "
                       "no-new-privileges, seccomp=FILE, seccomp=unconfined or "
                       "systempaths=unconfined",
                       value);
#undef IS
    return r == 0 ? add(&o->spec.security_opt, value, err) : r;
}

static int add_ulimit(struct hx_confine_options *o, const char *value,
                      struct hx_err *err)
{
    struct hx_ulimit limit;
    char text[80];
    int r = hx_ulimit_parse("--ulimit", value, &limit, err);

    if (r < 0)
        return r;
    /* The last word on one of them counts. */
    for (char **p = o->spec.ulimits; p && *p; p++) {
        size_t len = strcspn(*p, "=");

        if (strlen(limit.name) == len && memcmp(*p, limit.name, len) == 0) {
            free(*p);
            if (asprintf(p, "%s=%lld:%lld", limit.name, (long long)limit.soft,
                         (long long)limit.hard) >= 0)
                return 0;
            *p = NULL;
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "reading the options");
        }
    }
    snprintf(text, sizeof(text), "%s=%lld:%lld", limit.name,
             (long long)limit.soft, (long long)limit.hard);
    return add(&o->spec.ulimits, text, err);
}

static int add_sysctl(struct hx_confine_options *o, const char *value,
                      struct hx_err *err)
{
    int r = hx_sysctl_check("--sysctl", value, err);

    return r == 0 ? add(&o->spec.sysctls, value, err) : r;
}

/* "1.5" as billionths. */
static int set_cpus(struct hx_confine_options *o, const char *value,
                    struct hx_err *err)
{
    size_t whole = strspn(value, "0123456789"), part = 0;
    uint64_t nano = 0, unit = NANO;

    if (value[whole] == '.')
        part = strspn(value + whole + 1, "0123456789");
    if (whole + part == 0 || whole > 4 || part > 9 ||
        value[whole + (value[whole] == '.') + part])
        return hx_err_set(err, HX_ERR_USAGE,
                          "--cpus: '%.40s' is no number of CPUs; write 1.5",
                          value);
    for (size_t i = 0; i < whole; i++)
        nano = nano * 10 + (uint64_t)(value[i] - '0') * NANO;
    for (size_t i = 0; i < part; i++) {
        unit /= 10;
        nano += (uint64_t)(value[whole + 1 + i] - '0') * unit;
    }
    if (nano > 0 && nano < LEAST_NANO_CPUS)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--cpus: %s is too little for the kernel; give it "
                          "0.01 or more",
                          value);
    o->spec.nano_cpus = nano;
    return 0;
}

static int set_number(struct hx_confine_options *o, int key, const char *value,
                      struct hx_err *err)
{
    long number = 0;
    int r;

    switch (key) {
    case HX_CONFINE_OOM_SCORE_ADJ:
        r = hx_options_number("--oom-score-adj", value, -1000, 1000, &number,
                              err);
        o->spec.oom_score_adj = (int)number;
        return r;
    case HX_CONFINE_PIDS_LIMIT:
        /* -1 and 0 are no limit. */
        r = hx_options_number("--pids-limit", value, -1, INT32_MAX, &number,
                              err);
        o->spec.pids_limit = number > 0 ? (uint64_t)number : 0;
        return r;
    default:
        r = strcmp(value, "0") == 0
                ? 0
                : hx_options_number("--cpu-shares", value, 2, 262144, &number,
                                    err);
        o->spec.cpu_shares = (uint64_t)number;
        return r;
    }
}

bool hx_confine_has_option(int key)
{
    return key >= HX_CONFINE_CAP_ADD && key <= HX_CONFINE_INIT;
}

int hx_confine_option(struct hx_confine_options *o, int key, const char *value,
                      struct hx_err *err)
{
    switch (key) {
    case HX_CONFINE_CAP_ADD:
        return add_cap(&o->spec.cap_add, "--cap-add", value, err);
    case HX_CONFINE_CAP_DROP:
        return add_cap(&o->spec.cap_drop, "--cap-drop", value, err);
    case HX_CONFINE_PRIVILEGED:
        o->spec.privileged = true;
        return 0;
    case HX_CONFINE_SECURITY_OPT:
        return set_security(o, value, err);
    case HX_CONFINE_ULIMIT:
        return add_ulimit(o, value, err);
    case HX_CONFINE_SYSCTL:
        return add_sysctl(o, value, err);
    case HX_CONFINE_CPUS:
        return set_cpus(o, value, err);
    case HX_CONFINE_INIT:
        o->spec.init = true;
        return 0;
    default:
        return set_number(o, key, value, err);
    }
}

int hx_confine_check(const struct hx_confine_options *o, unsigned vcpus,
                     struct hx_err *err)
{
    if (o->spec.nano_cpus <= vcpus * NANO)
        return 0;
    return hx_err_set(err, HX_ERR_USAGE,
                      "--cpus: the pod has %u virtual CPU%s; give it more with "
                      "--vcpus",
                      vcpus, vcpus == 1 ? "" : "s");
}

void hx_confine_options_release(struct hx_confine_options *o)
{
    hx_confine_release(&o->spec);
}
