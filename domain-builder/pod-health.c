/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/base/escape.h"
#include "image/base/file.h"
#include "image/base/json.h"

/* Each byte of an output may take six in JSON. */
#define FILE_MAX_BYTES (HX_HEALTH_LOG_MAX * (6 * HX_HEALTH_OUTPUT_MAX + 256))

static const char *const status_names[] = {
    [HX_HEALTH_NONE] = "none",
    [HX_HEALTH_STARTING] = "starting",
    [HX_HEALTH_HEALTHY] = "healthy",
    [HX_HEALTH_UNHEALTHY] = "unhealthy",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *hx_health_status_name(enum hx_health_status status)
{
    return status_names[status];
}

static enum hx_health_status status_of(const char *name)
{
    for (unsigned i = HX_HEALTH_HEALTHY; i < COUNT(status_names); i++) {
        if (strcmp(status_names[i], name) == 0)
            return (enum hx_health_status)i;
    }
    return HX_HEALTH_STARTING;
}

/* -- memory ------------------------------------------------------------------
 */

void hx_health_record_release(struct hx_health_record *record)
{
    for (size_t i = 0; i < record->count; i++)
        free(record->log[i].output);
    *record = (struct hx_health_record){ .status = HX_HEALTH_STARTING };
}

void hx_health_record_add(struct hx_health_record *record,
                          const struct hx_health_result *result)
{
    if (record->count == HX_HEALTH_LOG_MAX) {
        free(record->log[0].output);
        memmove(record->log, record->log + 1,
                (HX_HEALTH_LOG_MAX - 1) * sizeof(record->log[0]));
        record->count--;
    }
    record->log[record->count++] = *result;
}

char *hx_health_text(const void *bytes, size_t len)
{
    char *text, *p;

    if (len > HX_HEALTH_OUTPUT_MAX)
        len = HX_HEALTH_OUTPUT_MAX;
    text = malloc(len + 1);
    if (!text)
        return NULL;
    memcpy(text, bytes, len);
    text[len] = '\0';
    for (p = memchr(text, '\0', len); p; p = memchr(p, '\0', len - (p - text)))
        *p = '?';
    /* Line by line, and word by word between tabs. */
    for (p = text; p < text + len; p++) {
        char *end = p + strcspn(p, "\n\t");
        char kept = *end;

        *end = '\0';
        hx_escape_in_place(p);
        *end = kept;
        p = end;
    }
    return text;
}

/* -- the file ----------------------------------------------------------------
 */

static char *path_of(const struct hx_pod_dir *dir, size_t index,
                     const char *suffix)
{
    char *path;

    return asprintf(&path, "%s/%zu-health.json%s", dir->path, index, suffix) < 0
               ? NULL
               : path;
}

static json_t *result_to_json(const struct hx_health_result *result)
{
    return json_pack("{s:I, s:I, s:i, s:s}", "start_ns",
                     (json_int_t)result->start_ns, "end_ns",
                     (json_int_t)result->end_ns, "exit_code", result->exit_code,
                     "output", result->output ? result->output : "");
}

static char *to_text(const struct hx_health_record *record)
{
    _cleanup_json_ json_t *doc =
        json_pack("{s:I, s:s, s:I, s:[]}", "number", (json_int_t)record->number,
                  "status", hx_health_status_name(record->status), "streak",
                  (json_int_t)record->streak, "log");

    for (size_t i = 0; doc && i < record->count; i++)
        json_array_append_new(json_object_get(doc, "log"),
                              result_to_json(&record->log[i]));
    return doc ? json_dumps(doc, JSON_COMPACT) : NULL;
}

int hx_health_record_save(const struct hx_pod_dir *dir, size_t index,
                          const struct hx_health_record *record,
                          struct hx_err *err)
{
    _cleanup_free_ char *path = path_of(dir, index, "");
    /* Always the same: what a kill leaves is written over. */
    _cleanup_free_ char *temp = path_of(dir, index, ".new");
    _cleanup_free_ char *text = to_text(record);
    _cleanup_close_ int fd = -1;

    if (!path || !temp || !text)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "writing a pod's health");
    fd =
        open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && hx_write_all(fd, text, strlen(text)) == 0 &&
        rename(temp, path) == 0)
        return 0;
    return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing %s", path);
}

static int64_t integer(const json_t *obj, const char *field)
{
    return json_integer_value(json_object_get(obj, field));
}

static const char *text_of(const json_t *obj, const char *field)
{
    const char *text = json_string_value(json_object_get(obj, field));

    return text ? text : "";
}

void hx_health_record_load(const struct hx_pod_dir *dir, size_t index,
                           struct hx_health_record *record_r)
{
    struct hx_health_record record = { .status = HX_HEALTH_STARTING };
    _cleanup_free_ char *path = path_of(dir, index, "");
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_buf_ struct hx_buf text = { 0 };
    json_t *entry;
    size_t i;

    *record_r = record;
    if (!path || hx_file_read(path, FILE_MAX_BYTES, &text, NULL) < 0 ||
        hx_json_parse(text.data ? text.data : "", text.len, path, &doc, NULL) <
            0)
        return;
    record.number = (uint64_t)integer(doc, "number");
    record.status = status_of(text_of(doc, "status"));
    record.streak = (unsigned)integer(doc, "streak");
    json_array_foreach (json_object_get(doc, "log"), i, entry) {
        const char *output = text_of(entry, "output");
        const struct hx_health_result result = {
            .start_ns = integer(entry, "start_ns"),
            .end_ns = integer(entry, "end_ns"),
            .exit_code = (int)integer(entry, "exit_code"),
            .output = hx_health_text(output, strlen(output)),
        };

        hx_health_record_add(&record, &result);
    }
    *record_r = record;
}

void hx_health_record_forget(const struct hx_pod_dir *dir,
                             const struct hx_pod_spec *spec)
{
    for (size_t i = 0; i < spec->container_count; i++) {
        _cleanup_free_ char *path = path_of(dir, i, "");

        if (path)
            unlink(path);
    }
}

/* -- pods --------------------------------------------------------------------
 */

enum hx_health_status hx_health_of_pod(const struct hx_pod_dir *dir,
                                       const struct hx_pod_spec *spec)
{
    /* From the best to the worst. */
    static const unsigned char rank[] = {
        [HX_HEALTH_NONE] = 0,
        [HX_HEALTH_STARTING] = 2,
        [HX_HEALTH_HEALTHY] = 1,
        [HX_HEALTH_UNHEALTHY] = 3,
    };
    enum hx_health_status worst = HX_HEALTH_NONE;

    for (size_t i = 0; i < spec->container_count; i++) {
        struct hx_health_record record;

        if (!spec->containers[i].health.test)
            continue;
        hx_health_record_load(dir, i, &record);
        if (rank[record.status] > rank[worst])
            worst = record.status;
        hx_health_record_release(&record);
    }
    return worst;
}
