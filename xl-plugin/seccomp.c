/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/seccomp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/caps.h"
#include "image/base/file.h"
#include "image/base/json.h"
#include "image/helper.h"

#define BUILTIN          "builtin"
#define BUILTIN_FILE     "seccomp-default.json"
#define DAEMON_MAX_BYTES (1u << 20)

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "choosing a seccomp profile");
}

/* *profile_r stays NULL when the file, or its key, is not there. */
static int configured(const char *daemon_json, char **profile_r,
                      struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(DAEMON_MAX_BYTES);
    _cleanup_json_ json_t *doc = NULL;
    const char *profile = NULL;
    int r = hx_file_read(daemon_json, DAEMON_MAX_BYTES, &text, err);

    if (r == -HX_ERR_NOT_FOUND) {
        hx_err_clear(err);
        return 0;
    }
    if (r == 0)
        r = hx_json_parse(text.data, text.len, daemon_json, &doc, err);
    if (r == 0)
        r = hx_json_str(doc, "seccomp-profile", daemon_json, HX_JSON_OPTIONAL,
                        &profile, err);
    if (r < 0 || !profile || !*profile)
        return r;
    *profile_r = strdup(profile);
    return *profile_r ? 0 : no_memory(err);
}

static void take_program(const json_t *line, void *opaque)
{
    char **program = opaque;
    const char *text = json_string_value(json_object_get(line, "program"));

    if (text && !*program)
        *program = strdup(text);
}

static int compile(struct hx_confine_spec *confine, const char *path,
                   struct hx_err *err)
{
    char caps[24];
    char *args[] = { (char *)path, caps, NULL };
    const struct hx_helper helper = { .program = "seccomp",
                                      .args = args,
                                      .line = take_program,
                                      .opaque = &confine->seccomp };
    int r;

    snprintf(caps, sizeof(caps), "%llx",
             (unsigned long long)hx_caps_of(confine->cap_add, confine->cap_drop,
                                            confine->privileged));
    r = hx_helper_run(&helper, err);
    if (r == 0 && !confine->seccomp)
        r = no_memory(err);
    return r < 0 ? hx_err_prefix(err, "the seccomp profile") : 0;
}

static int set_unconfined(struct hx_confine_spec *confine, struct hx_err *err)
{
    confine->seccomp = strdup(HX_SECCOMP_UNCONFINED);
    return confine->seccomp ? 0 : no_memory(err);
}

int hx_seccomp_choose(struct hx_confine_spec *confine, const char *profile,
                      const char *daemon_json, struct hx_err *err)
{
    _cleanup_free_ char *set = NULL, *builtin = NULL;
    bool given = profile;
    int r;

    /* As docker: only a profile of its own filters a privileged one. */
    if (confine->privileged && !given)
        return set_unconfined(confine, err);
    if (!given) {
        r = configured(daemon_json, &set, err);
        if (r < 0)
            return r;
        profile = set ? set : BUILTIN;
    }
    if (strcmp(profile, HX_SECCOMP_UNCONFINED) == 0)
        return set_unconfined(confine, err);
    if (strcmp(profile, BUILTIN) != 0)
        return compile(confine, profile, err);
    /* The file of the installed default says it for these. */
    if (hx_caps_of(confine->cap_add, confine->cap_drop, confine->privileged) ==
        hx_caps_default)
        return 0;
    builtin = hx_helper_path(BUILTIN_FILE);
    return builtin ? compile(confine, builtin, err) : no_memory(err);
}
