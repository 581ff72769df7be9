/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/exec-request.h"

#include <stdlib.h>
#include <string.h>

#include "pv-init/guest-abi.h"
#include "pv-init/json-fields.h"

/* NULL for an empty one, too: Docker takes both for "not given". */
static const char *given(const char *text)
{
    return text && text[0] ? text : NULL;
}

/* Root's, with pipes, and heard to its end. */
static int finish_service(struct hx_init_fields *at,
                          struct hx_init_exec_request *out)
{
    struct hx_init_service *service = &out->service;

    if (out->tty || out->detach || out->vm || out->args)
        return hx_init_fields_wrong(at, "args",
                                    "absent, as are a terminal, detach and vm: "
                                    "no program is asked for");
    if (service->kind == HX_INIT_SERVICE_PUT && !out->has_stdin)
        return hx_init_fields_wrong(at, "stdin", "true: the tar comes there");
    if (service->kind == HX_INIT_SERVICE_PROCESSES) {
        service->container = out->container;
        /* A container does not see the others, nor what its own processes
         * are called here. */
        out->vm = true;
    }
    return 0;
}

static int parse(struct hx_init_fields *at, struct hx_init_exec_request *out)
{
    const char **p;

    out->vm = hx_init_field_bool_or(at, "vm", false);
    if (!out->vm)
        out->container = (unsigned)hx_init_field_u64(
            at, "container", UINT64_MAX, 0, HX_ABI_CONTAINERS_MAX - 1);
    out->args = hx_init_field_strv(at, "args");
    out->env = hx_init_field_strv(at, "env");
    out->user = given(hx_init_field_str_or(at, "user", NULL));
    out->cwd = given(hx_init_field_str_or(at, "cwd", NULL));
    out->tty = hx_init_field_bool_or(at, "tty", false);
    out->has_stdin = hx_init_field_bool_or(at, "stdin", false);
    out->privileged = hx_init_field_bool_or(at, "privileged", false);
    out->detach = hx_init_field_bool_or(at, "detach", false);
    out->rows = (unsigned)hx_init_field_u64(at, "rows", 24, 1, 65535);
    out->columns = (unsigned)hx_init_field_u64(at, "columns", 80, 1, 65535);
    if (hx_init_service_parse(at, &out->service) < 0 || at->failed)
        return -1;
    if (out->service.kind != HX_INIT_SERVICE_NONE)
        return finish_service(at, out);
    if (!out->args || !out->args[0])
        return hx_init_fields_wrong(at, "args", "a list of one or more");
    for (p = out->env; p && *p; p++) {
        if ((*p)[0] == '=' || !strchr(*p, '='))
            return hx_init_fields_wrong(at, "env", "a list of NAME=VALUE");
    }
    if (out->cwd && out->cwd[0] != '/')
        return hx_init_fields_wrong(at, "cwd", "an absolute path");
    if (out->detach && out->has_stdin)
        return hx_init_fields_wrong(at, "stdin", "false, as detach needs");
    return 0;
}

int hx_init_exec_request_parse(const char *data, size_t len,
                               struct hx_init_exec_request *out,
                               struct hx_init_err *err)
{
    struct hx_init_fields at = { .what = "exec request", .err = err };
    json_error_t why;

    memset(out, 0, sizeof(*out));
    out->doc = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (!out->doc)
        return hx_init_fail(err, "exec request: not JSON: %s (line %d)",
                            why.text, why.line);
    if (!json_is_object(out->doc))
        return hx_init_fail(err, "exec request: not a JSON object");
    at.obj = out->doc;
    return parse(&at, out);
}

void hx_init_exec_request_release(struct hx_init_exec_request *request)
{
    free(request->args);
    free(request->env);
    json_decref(request->doc);
    memset(request, 0, sizeof(*request));
}

static size_t count(const char **list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static bool is_named_in(const char *entry, const char **list)
{
    size_t len = strcspn(entry, "=") + 1;

    for (; list && *list; list++) {
        if (strncmp(*list, entry, len) == 0)
            return true;
    }
    return false;
}

const char **
hx_init_exec_request_env(const struct hx_init_exec_request *request,
                         const char **env)
{
    const char **list =
        calloc(count(env) + count(request->env) + 1, sizeof(*list));
    size_t n = 0, i;

    if (!list)
        return NULL;
    for (i = 0; env && env[i]; i++) {
        if (!is_named_in(env[i], request->env))
            list[n++] = env[i];
    }
    for (i = 0; request->env && request->env[i]; i++) {
        /* The last of two counts, as in Docker. */
        if (!is_named_in(request->env[i], request->env + i + 1))
            list[n++] = request->env[i];
    }
    return list;
}
