/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/confine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/caps.h"
#include "image/base/file.h"
#include "image/base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PROGRAM_MAX_BYTES (64u << 10)

/* -- memory ------------------------------------------------------------------
 */

/* All lists of one spec. */
#define LISTS 5
static void lists_of(struct hx_confine_spec *confine, char ***lists[LISTS])
{
    lists[0] = &confine->cap_add;
    lists[1] = &confine->cap_drop;
    lists[2] = &confine->security_opt;
    lists[3] = &confine->ulimits;
    lists[4] = &confine->sysctls;
}

void hx_confine_release(struct hx_confine_spec *confine)
{
    char ***lists[LISTS];

    lists_of(confine, lists);
    for (size_t i = 0; i < LISTS; i++)
        hx_strv_free(lists[i]);
    free(confine->seccomp);
    *confine = (struct hx_confine_spec){ 0 };
}

int hx_confine_own(struct hx_confine_spec *confine)
{
    char ***lists[LISTS];
    int r = 0;

    lists_of(confine, lists);
    for (size_t i = 0; i < LISTS; i++) {
        char *const *from = *lists[i];

        *lists[i] = NULL;
        r |= hx_strv_add_all(lists[i], from);
    }
    if (confine->seccomp) {
        confine->seccomp = strdup(confine->seccomp);
        r |= confine->seccomp ? 0 : -1;
    }
    return r;
}

/* -- the record --------------------------------------------------------------
 */

json_t *hx_confine_to_json(const struct hx_confine_spec *confine)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:s?, s:i, "
                     "s:I, s:I, s:I}",
                     "privileged", (int)confine->privileged, "no_new_privs",
                     (int)confine->no_new_privs, "unmasked",
                     (int)confine->unmasked, "init", (int)confine->init,
                     "cap_add", hx_json_from_strv(confine->cap_add), "cap_drop",
                     hx_json_from_strv(confine->cap_drop), "security_opt",
                     hx_json_from_strv(confine->security_opt), "ulimits",
                     hx_json_from_strv(confine->ulimits), "sysctls",
                     hx_json_from_strv(confine->sysctls), "seccomp",
                     confine->seccomp, "oom_score_adj", confine->oom_score_adj,
                     "pids_limit", (json_int_t)confine->pids_limit, "nano_cpus",
                     (json_int_t)confine->nano_cpus, "cpu_shares",
                     (json_int_t)confine->cpu_shares);
}

static int flags_from_json(const json_t *obj, const char *what,
                           struct hx_confine_spec *out, struct hx_err *err)
{
    const struct {
        const char *field;
        bool *flag;
    } flags[] = { { "privileged", &out->privileged },
                  { "no_new_privs", &out->no_new_privs },
                  { "unmasked", &out->unmasked },
                  { "init", &out->init } };

    for (size_t i = 0; i < COUNT(flags); i++) {
        int value = 0, r = hx_json_bool(obj, flags[i].field, what,
                                        HX_JSON_OPTIONAL, &value, err);

        if (r < 0)
            return r;
        *flags[i].flag = value != 0;
    }
    return 0;
}

static int numbers_from_json(const json_t *obj, const char *what,
                             struct hx_confine_spec *out, struct hx_err *err)
{
    const json_t *score = json_object_get(obj, "oom_score_adj");
    const struct {
        const char *field;
        uint64_t *number;
    } numbers[] = { { "pids_limit", &out->pids_limit },
                    { "nano_cpus", &out->nano_cpus },
                    { "cpu_shares", &out->cpu_shares } };

    for (size_t i = 0; i < COUNT(numbers); i++) {
        int r = hx_json_u64(obj, numbers[i].field, what, HX_JSON_OPTIONAL,
                            numbers[i].number, err);

        if (r < 0)
            return r;
    }
    if (score &&
        (json_integer_value(score) < -1000 || json_integer_value(score) > 1000))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: field \"oom_score_adj\" is not from -1000 to "
                          "1000",
                          what);
    out->oom_score_adj = (int)json_integer_value(score);
    return 0;
}

int hx_confine_from_json(const json_t *obj, const char *what,
                         struct hx_confine_spec *confine, struct hx_err *err)
{
    static const char *const fields[LISTS] = { "cap_add", "cap_drop",
                                               "security_opt", "ulimits",
                                               "sysctls" };
    const char *seccomp = NULL;
    char ***lists[LISTS];
    int r;

    if (!obj)
        return 0;
    lists_of(confine, lists);
    r = flags_from_json(obj, what, confine, err);
    if (r == 0)
        r = numbers_from_json(obj, what, confine, err);
    for (size_t i = 0; r == 0 && i < LISTS; i++)
        r = hx_json_strv(obj, fields[i], what, HX_JSON_OPTIONAL, lists[i], err);
    if (r == 0)
        r = hx_json_str(obj, "seccomp", what, HX_JSON_OPTIONAL, &seccomp, err);
    if (r == 0 && seccomp) {
        confine->seccomp = strdup(seccomp);
        if (!confine->seccomp)
            r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    }
    return r;
}

/* -- resource limits ---------------------------------------------------------
 */

/* Docker's; "as" is none of them. */
static const char *const ulimit_names[] = {
    "core",    "cpu",      "data",   "fsize",      "locks",
    "memlock", "msgqueue", "nice",   "nofile",     "nproc",
    "rss",     "rtprio",   "rttime", "sigpending", "stack",
};

/* A number, or -1; *end_r is behind it. */
static bool read_limit(const char *text, int64_t *limit_r, const char **end_r)
{
    char *end;

    errno = 0;
    *limit_r = strtoll(text, &end, 10);
    *end_r = end;
    return end > text && errno == 0 && *limit_r >= -1 && *text != '+' &&
           *text != ' ';
}

int hx_ulimit_parse(const char *what, const char *text, struct hx_ulimit *out,
                    struct hx_err *err)
{
    size_t len = strcspn(text, "=");
    struct hx_ulimit limit = { 0 };
    const char *end;

    for (size_t i = 0; i < COUNT(ulimit_names); i++) {
        if (strlen(ulimit_names[i]) == len &&
            memcmp(ulimit_names[i], text, len) == 0)
            limit.name = ulimit_names[i];
    }
    if (!limit.name)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' names no limit; write one of core, cpu, "
                          "data, fsize, locks, memlock, msgqueue, nice, "
                          "nofile, nproc, rss, rtprio, rttime, sigpending and "
                          "stack, as in nofile=1024:4096",
                          what, text);
    if (!text[len] || !read_limit(text + len + 1, &limit.soft, &end))
        goto wrong;
    limit.hard = limit.soft;
    if (*end &&
        (*end != ':' || !read_limit(end + 1, &limit.hard, &end) || *end))
        goto wrong;
    if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: in '%.64s' the soft limit is above the hard one",
                          what, text);
    *out = limit;
    return 0;
wrong:
    return hx_err_set(err, HX_ERR_USAGE,
                      "%s: '%.64s' is no limit; write nofile=1024 or "
                      "nofile=1024:4096, -1 being unlimited",
                      what, text);
}

static json_t *ulimits_for_guest(char *const *list)
{
    json_t *array = json_array();

    for (; array && list && *list; list++) {
        struct hx_ulimit limit;
        json_t *item;

        if (hx_ulimit_parse("ulimit", *list, &limit, NULL) < 0)
            continue;
        item = json_pack("{s:s}", "name", limit.name);
        if (limit.soft >= 0)
            json_object_set_new(item, "soft", json_integer(limit.soft));
        if (limit.hard >= 0)
            json_object_set_new(item, "hard", json_integer(limit.hard));
        json_array_append_new(array, item);
    }
    return array;
}

/* -- kernel settings ---------------------------------------------------------
 */

int hx_sysctl_check(const char *what, const char *text, struct hx_err *err)
{
    /* A prefix ends in a dot. */
    static const char *const allowed[] = {
        "kernel.msgmax", "kernel.msgmnb",          "kernel.msgmni",
        "kernel.sem",    "kernel.shmall",          "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced", "net.",
        "fs.mqueue.",
    };
    static const char word[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:";
    size_t len = strcspn(text, "=");

    if (!text[len] || len == 0 || len > 200 || strspn(text, word) != len ||
        memmem(text, len, "..", 2) || memmem(text, len, "//", 2) ||
        text[len - 1] == '.')
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: '%.64s' is no setting; write "
                          "net.core.somaxconn=1024",
                          what, text);
    for (size_t i = 0; i < COUNT(allowed); i++) {
        size_t n = strlen(allowed[i]);
        bool prefix = allowed[i][n - 1] == '.';

        if (strncmp(text, allowed[i], n) == 0 && (prefix || n == len))
            return 0;
    }
    return hx_err_set(err, HX_ERR_USAGE,
                      "%s: %.*s is not a container's to set; those are net.*, "
                      "fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm*",
                      what, (int)len, text);
}

/* As sysctl(8) reads a name: in net.ipv4.conf.eth0/5.forwarding the slash is
 * the dot of an interface's name. */
static char *sysctl_path(const char *text, size_t len)
{
    char *path = strndup(text, len);

    for (char *p = path; path && *p; p++)
        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    return path;
}

static json_t *sysctls_for_guest(char *const *list)
{
    json_t *array = json_array();

    for (; array && list && *list; list++) {
        size_t len = strcspn(*list, "=");
        _cleanup_free_ char *path = sysctl_path(*list, len);

        if (!path || json_array_append_new(
                         array, json_pack("{s:s, s:s}", "name", path, "value",
                                          *list + len + 1)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* -- the guest ---------------------------------------------------------------
 */

/* runc's way from cgroup v1's shares to v2's weight. */
static json_int_t cpu_weight(uint64_t shares)
{
    return shares == 0 ? 0 : (json_int_t)(1 + (shares - 2) * 9999 / 262142);
}

json_t *hx_confine_for_guest(const struct hx_confine_spec *confine,
                             const char *seccomp)
{
    const uint64_t caps =
        hx_caps_of(confine->cap_add, confine->cap_drop, confine->privileged);
    const char *program = confine->seccomp ? confine->seccomp : seccomp;

    if (program && strcmp(program, HX_SECCOMP_UNCONFINED) == 0)
        program = NULL;
    /* 1e9 of a second in 100 ms: 1e5 microseconds. */
    return json_pack(
        "{s:I, s:b, s:b, s:b, s:b, s:s?, s:i, s:I, s:I, s:I, s:o, s:o}",
        "capabilities", (json_int_t)caps, "no_new_privs",
        (int)confine->no_new_privs, "privileged", (int)confine->privileged,
        "unmasked", confine->privileged || confine->unmasked, "init",
        (int)confine->init, "seccomp", program, "oom_score_adj",
        confine->oom_score_adj, "pids_max", (json_int_t)confine->pids_limit,
        "cpu_quota_us", (json_int_t)(confine->nano_cpus / 10000), "cpu_weight",
        cpu_weight(confine->cpu_shares), "ulimits",
        ulimits_for_guest(confine->ulimits), "sysctls",
        sysctls_for_guest(confine->sysctls));
}

int hx_confine_load_seccomp(const char *folder, char **program_r,
                            struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(PROGRAM_MAX_BYTES);
    _cleanup_free_ char *path = NULL;
    _cleanup_json_ json_t *doc = NULL;
    const char *program = NULL;
    int r;

    if (asprintf(&path, "%s/seccomp-default.program", folder) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading the filter");
    }
    r = hx_file_read(path, PROGRAM_MAX_BYTES, &text, err);
    if (r == 0)
        r = hx_json_parse(text.data, text.len, path, &doc, err);
    if (r == 0)
        r = hx_json_str(doc, "program", path, HX_JSON_REQUIRED, &program, err);
    if (r < 0)
        return hx_err_prefix(err, "reading the default seccomp filter (it "
                                  "comes with xl-hyper)");
    *program_r = program ? strdup(program) : NULL;
    return *program_r ? 0 : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", path);
}
