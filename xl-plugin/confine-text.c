/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/confine-text.h"

#include <string.h>

#include "image/base/json.h"
#include "xl-plugin/output.h"

/* As docker, which says null for what was not asked for. */
static json_t *list_json(char *const *list)
{
    json_t *array;

    if (!list || !*list)
        return json_null();
    array = json_array();
    for (; array && *list; list++)
        json_array_append_new(array, hx_json_text(*list));
    return array;
}

static json_t *ulimits_json(char *const *list)
{
    json_t *array = json_array();

    for (; array && list && *list; list++) {
        struct hx_ulimit limit;

        if (hx_ulimit_parse("ulimit", *list, &limit, NULL) == 0)
            json_array_append_new(
                array, json_pack("{s:s, s:I, s:I}", "Name", limit.name, "Hard",
                                 (json_int_t)limit.hard, "Soft",
                                 (json_int_t)limit.soft));
    }
    return array;
}

static json_t *sysctls_json(char *const *list)
{
    json_t *obj = json_object();

    for (; obj && list && *list; list++) {
        size_t len = strcspn(*list, "=");
        _cleanup_free_ char *name = strndup(*list, len);

        if (name && (*list)[len])
            json_object_set_new(obj, name, hx_json_text(*list + len + 1));
    }
    return obj;
}

int hx_confine_inspect(const struct hx_confine_spec *confine, json_t *obj)
{
    _cleanup_json_ json_t *fields = json_pack(
        "{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:I, s:I}", "Privileged",
        (int)confine->privileged, "Init", (int)confine->init, "CapAdd",
        list_json(confine->cap_add), "CapDrop", list_json(confine->cap_drop),
        "SecurityOpt", list_json(confine->security_opt), "Ulimits",
        ulimits_json(confine->ulimits), "Sysctls",
        sysctls_json(confine->sysctls), "OomScoreAdj", confine->oom_score_adj,
        "PidsLimit",
        confine->pids_limit ? json_integer((json_int_t)confine->pids_limit)
                            : json_null(),
        "NanoCpus", (json_int_t)confine->nano_cpus, "CpuShares",
        (json_int_t)confine->cpu_shares);

    return fields ? json_object_update(obj, fields) : -1;
}
