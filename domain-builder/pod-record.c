/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "image/base/json.h"

#define VERSION 1

static const char *const state_names[] = {
    [HX_POD_CREATING] = "creating",
    [HX_POD_RUNNING] = "running",
    [HX_POD_PAUSED] = "paused",
    [HX_POD_EXITED] = "exited",
};

static const char *const end_names[] = {
    [HX_END_NONE] = "none",           [HX_END_EXIT] = "exit",
    [HX_END_FAILED] = "failed",       [HX_END_CRASH] = "crash",
    [HX_END_DESTROYED] = "destroyed", [HX_END_KILLED] = "killed",
    [HX_END_LOST] = "lost",           [HX_END_SHUTDOWN] = "shutdown",
};

static const char *const stopper_names[] = {
    [HX_STOPPER_NONE] = "none",
    [HX_STOPPER_USER] = "user",
    [HX_STOPPER_HOST] = "host",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *hx_pod_state_name(enum hx_pod_state state)
{
    return state_names[state];
}

const char *hx_pod_end_name(enum hx_pod_end end)
{
    return end_names[end];
}

/* jansson's own text of a document, the caller's; NULL without memory. */
static char *dump(const json_t *doc)
{
    char *text = json_dumps(doc, JSON_INDENT(2));
    char *line = text ? malloc(strlen(text) + 2) : NULL;

    if (line) {
        strcpy(line, text);
        strcat(line, "\n");
    }
    free(text);
    return line;
}

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "recording a pod");
}

/* -- pod.json ---------------------------------------------------------------
 */

int hx_pod_json_format(const char *uuid, int64_t created_at_ms,
                       const struct hx_pod_spec *spec, char **text_r,
                       struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    json_t *spec_doc = NULL;
    char *text;
    int r = hx_pod_spec_to_json(spec, &spec_doc, err);

    if (r < 0)
        return r;
    doc =
        json_pack("{s:i, s:s, s:I, s:o}", "version", VERSION, "uuid", uuid,
                  "created_at_ms", (json_int_t)created_at_ms, "spec", spec_doc);
    text = doc ? dump(doc) : NULL;
    if (!text)
        return no_memory(err);
    *text_r = text;
    return 0;
}

static int check_version(const json_t *doc, const char *what,
                         struct hx_err *err)
{
    uint64_t version = 0;
    int r = hx_json_u64(doc, "version", what, HX_JSON_REQUIRED, &version, err);

    if (r == 0 && version != VERSION)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: it has version %llu, and this program knows %d",
                          what, (unsigned long long)version, VERSION);
    return r;
}

int hx_pod_json_parse(const char *text, size_t len, const char *what,
                      struct hx_pod *pod, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    const char *uuid = NULL;
    uint64_t created_at_ms = 0;
    json_t *spec = NULL;
    int r = hx_json_parse(text, len, what, &doc, err);

    if (r == 0)
        r = check_version(doc, what, err);
    if (r == 0)
        r = hx_json_str(doc, "uuid", what, HX_JSON_REQUIRED, &uuid, err);
    if (r == 0)
        r = hx_json_u64(doc, "created_at_ms", what, HX_JSON_REQUIRED,
                        &created_at_ms, err);
    if (r == 0)
        r = hx_json_obj(doc, "spec", what, HX_JSON_REQUIRED, &spec, err);
    if (r < 0)
        return r;
    if (!hx_pod_uuid_valid(uuid))
        return hx_err_set(err, HX_ERR_CORRUPT, "%s: its UUID is not one", what);
    r = hx_pod_spec_from_json(spec, what, &pod->spec, err);
    if (r < 0)
        return r;
    memcpy(pod->uuid, uuid, sizeof(pod->uuid));
    pod->created_at_ms = (int64_t)created_at_ms;
    return 0;
}

/* -- state.json -------------------------------------------------------------
 */

int hx_state_json_format(const struct hx_pod *pod, char **text_r,
                         struct hx_err *err)
{
    /* Whether it is paused is Xen's to say. */
    enum hx_pod_state state =
        pod->state == HX_POD_PAUSED ? HX_POD_RUNNING : pod->state;
    _cleanup_json_ json_t *doc = json_pack(
        "{s:i, s:s, s:I, s:I, s:I, s:s, s:i, s:s?, s:b,"
        " s:s?, s:s?, s:s?, s:s?, s:s?, s:s?,"
        " s:b, s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:s?}",
        "version", VERSION, "state", state_names[state], "domid",
        (json_int_t)pod->domid, "started_at_ms", (json_int_t)pod->started_at_ms,
        "finished_at_ms", (json_int_t)pod->finished_at_ms, "end",
        end_names[pod->end], "exit_code", pod->exit_code, "message",
        pod->message, "reaped", pod->reaped, "ip", pod->ip, "gateway",
        pod->gateway, "mac", pod->mac, "bridge", pod->bridge, "vif", pod->vif,
        "stages", pod->stages, "oom_killed", pod->oom_killed, "stopper",
        stopper_names[pod->stopper], "restart_count",
        (json_int_t)pod->restart_count, "restart_at_ms",
        (json_int_t)pod->restart_at_ms, "restart_delay_ms",
        (json_int_t)pod->restart_delay_ms, "boot_id", pod->boot_id,
        "built_mem_kib", (json_int_t)pod->built_mem_kib, "built_vcpus",
        (json_int_t)pod->built_vcpus, "domain_name", pod->domain_name);
    char *text = doc ? dump(doc) : NULL;

    if (!text)
        return no_memory(err);
    *text_r = text;
    return 0;
}

static int get_word(const json_t *doc, const char *field, const char *what,
                    const char *const names[], unsigned count,
                    unsigned *index_r, struct hx_err *err)
{
    const char *word = NULL;
    int r = hx_json_str(doc, field, what, HX_JSON_REQUIRED, &word, err);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], word) == 0) {
            *index_r = i;
            return 0;
        }
    }
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "%s: field \"%s\" has no meaning: %s", what, field, word);
}

static int get_numbers(const json_t *doc, const char *what, struct hx_pod *pod,
                       struct hx_err *err)
{
    uint64_t domid = 0, started = 0, finished = 0;
    json_t *code = json_object_get(doc, "exit_code");
    int reaped = 0;
    int r = hx_json_u64(doc, "domid", what, HX_JSON_REQUIRED, &domid, err);

    if (r == 0)
        r = hx_json_u64(doc, "started_at_ms", what, HX_JSON_OPTIONAL, &started,
                        err);
    if (r == 0)
        r = hx_json_u64(doc, "finished_at_ms", what, HX_JSON_OPTIONAL,
                        &finished, err);
    if (r == 0)
        r = hx_json_bool(doc, "reaped", what, HX_JSON_OPTIONAL, &reaped, err);
    if (r < 0)
        return r;
    if (domid > UINT16_MAX || !json_is_integer(code) ||
        json_integer_value(code) < -1 || json_integer_value(code) > 255)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: its domid or exit_code is out of range", what);
    pod->domid = (uint32_t)domid;
    pod->exit_code = (int)json_integer_value(code);
    pod->started_at_ms = (int64_t)started;
    pod->finished_at_ms = (int64_t)finished;
    pod->reaped = reaped;
    return 0;
}

static int get_texts(const json_t *doc, const char *what, struct hx_pod *pod,
                     struct hx_err *err)
{
    const struct {
        const char *field;
        char **text;
    } texts[] = {
        { "message", &pod->message }, { "ip", &pod->ip },
        { "gateway", &pod->gateway }, { "mac", &pod->mac },
        { "bridge", &pod->bridge },   { "vif", &pod->vif },
        { "stages", &pod->stages },   { "domain_name", &pod->domain_name },
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *text = NULL;
        int r = hx_json_str(doc, texts[i].field, what, HX_JSON_OPTIONAL, &text,
                            err);

        if (r < 0)
            return r;
        if (text && !(*texts[i].text = strdup(text)))
            return no_memory(err);
    }
    return 0;
}

/* What has to do with starting it again; an older program wrote nothing. */
static int get_restarts(const json_t *doc, const char *what, struct hx_pod *pod,
                        struct hx_err *err)
{
    const enum hx_json_need may = HX_JSON_OPTIONAL;
    uint64_t count = 0, at = 0, delay = 0, mem = 0, vcpus = 0;
    const char *boot = "";
    unsigned stopper = 0;
    int oom = 0, r = 0;

    if (json_object_get(doc, "stopper"))
        r = get_word(doc, "stopper", what, stopper_names, COUNT(stopper_names),
                     &stopper, err);
    if (r == 0)
        r = hx_json_bool(doc, "oom_killed", what, may, &oom, err);
    if (r == 0)
        r = hx_json_u64(doc, "restart_count", what, may, &count, err);
    if (r == 0)
        r = hx_json_u64(doc, "restart_at_ms", what, may, &at, err);
    if (r == 0)
        r = hx_json_u64(doc, "restart_delay_ms", what, may, &delay, err);
    if (r == 0)
        r = hx_json_u64(doc, "built_mem_kib", what, may, &mem, err);
    if (r == 0)
        r = hx_json_u64(doc, "built_vcpus", what, may, &vcpus, err);
    if (r == 0)
        r = hx_json_str(doc, "boot_id", what, may, &boot, err);
    if (r < 0)
        return r;
    pod->oom_killed = oom;
    pod->stopper = stopper;
    pod->restart_count = (unsigned)count;
    pod->restart_at_ms = (int64_t)at;
    pod->restart_delay_ms = (unsigned)delay;
    pod->built_mem_kib = mem;
    pod->built_vcpus = (unsigned)vcpus;
    snprintf(pod->boot_id, sizeof(pod->boot_id), "%s", boot);
    return 0;
}

int hx_state_json_parse(const char *text, size_t len, const char *what,
                        struct hx_pod *pod, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    unsigned state = 0, end = 0;
    int r = hx_json_parse(text, len, what, &doc, err);

    if (r == 0)
        r = check_version(doc, what, err);
    if (r == 0)
        r = get_word(doc, "state", what, state_names, COUNT(state_names),
                     &state, err);
    if (r == 0)
        r = get_word(doc, "end", what, end_names, COUNT(end_names), &end, err);
    if (r == 0)
        r = get_numbers(doc, what, pod, err);
    if (r == 0)
        r = get_restarts(doc, what, pod, err);
    if (r == 0)
        r = get_texts(doc, what, pod, err);
    if (r < 0)
        return r;
    pod->state = state;
    pod->end = end;
    return 0;
}
