/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/exec-request.h"

#include <string.h>

#include "image/base/json.h"
#include "pv-init/channel-abi.h"

/* All return 0 or -1; jansson refuses what is not UTF-8. */
static int put(json_t *obj, const char *field, json_t *value)
{
    return json_object_set_new(obj, field, value);
}

static int put_said(json_t *obj, const char *field, const char *text)
{
    return text ? put(obj, field, json_string(text)) : 0;
}

static int put_size(json_t *obj, const char *field, unsigned size)
{
    return size ? put(obj, field, json_integer(size)) : 0;
}

/* What is in place of a program and its surroundings. */
static int put_service(json_t *doc, const struct hx_exec_spec *spec)
{
    int r = put_said(doc, "get", spec->get);

    r |= put_said(doc, "put", spec->put);
    r |= put_said(doc, "top", spec->top);
    if (spec->follow)
        r |= put(doc, "follow", json_true());
    if (spec->keep_owner)
        r |= put(doc, "keep_owner", json_true());
    if (spec->processes)
        r |= put(doc, "processes", json_true());
    return r;
}

/* For sentences. */
static const char *name_of(const struct hx_exec_spec *spec)
{
    if (spec->args)
        return spec->args[0];
    return spec->get ? spec->get : spec->put ? spec->put : "a listing";
}

int hx_exec_request(const struct hx_exec_spec *spec, char **json_r,
                    struct hx_err *err)
{
    _cleanup_json_ json_t *doc = json_object();
    _cleanup_free_ char *text = NULL;
    int r = doc ? 0 : -1;

    r |= put(doc, "container", json_integer(spec->container));
    r |= put(doc, "vm", json_boolean(spec->vm));
    r |= spec->args ? put(doc, "args", hx_json_from_strv(spec->args))
                    : put_service(doc, spec);
    r |= put(doc, "env", hx_json_from_strv(spec->env));
    r |= put_said(doc, "user", spec->user);
    r |= put_said(doc, "cwd", spec->cwd);
    r |= put(doc, "tty", json_boolean(spec->tty));
    r |= put_size(doc, "rows", spec->rows);
    r |= put_size(doc, "columns", spec->columns);
    r |= put(doc, "stdin", json_boolean(spec->with_stdin && !spec->detach));
    r |= put(doc, "privileged", json_boolean(spec->privileged));
    r |= put(doc, "detach", json_boolean(spec->detach));
    text = r == 0 ? json_dumps(doc, JSON_COMPACT) : NULL;
    if (!text)
        return hx_err_set(err, HX_ERR_USAGE,
                          "running %.200s: an argument, a variable or another "
                          "text is not UTF-8",
                          name_of(spec));
    if (strlen(text) > HX_CH_REQUEST_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "running %.200s: arguments and variables are larger "
                          "than %u KiB together",
                          name_of(spec), HX_CH_REQUEST_MAX >> 10);
    *json_r = hx_steal_ptr(&text);
    return 0;
}
