/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "image/base/file.h"
#include "image/base/json.h"

#define LOCK_TIMEOUT_MS 1000

static char *path_of(const struct hx_pod_dirs *dirs, const char *suffix)
{
    char *path;

    return asprintf(&path, "%s/" HX_EVENTS_NAME "%s", dirs->lib, suffix) < 0
               ? NULL
               : path;
}

static int open_journal(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                0600);
}

/* With the lock, so that nobody else moves it, too. */
static void rotate(const struct hx_pod_dirs *dirs, const char *path, int *fd)
{
    _cleanup_free_ char *old = path_of(dirs, ".1");
    struct stat st;

    if (!old || fstat(*fd, &st) < 0 || st.st_size < HX_EVENTS_MAX_BYTES ||
        rename(path, old) < 0)
        return;
    close(*fd);
    *fd = open_journal(path);
}

static void append(const struct hx_pod_dirs *dirs, const char *line, size_t len)
{
    _cleanup_free_ char *path = path_of(dirs, "");
    _cleanup_free_ char *lock_path = path_of(dirs, ".lock");
    _cleanup_close_ int lock = -1;
    _cleanup_close_ int fd = -1;

    if (!path || !lock_path)
        return;
    /* Without it the line may go to the journal's older part. */
    hx_lock(lock_path, 1, LOCK_TIMEOUT_MS, &lock, NULL);
    fd = open_journal(path);
    if (fd >= 0 && lock >= 0)
        rotate(dirs, path, &fd);
    if (fd >= 0 && write(fd, line, len) < 0)
        return; /* nothing can be done about a full disk */
}

static json_t *attributes_of(const struct hx_pod *pod,
                             const struct hx_event_attribute *more)
{
    json_t *attributes = json_object();
    const char *image =
        pod->spec.container_count ? pod->spec.containers[0].image : NULL;

    json_object_set_new(attributes, "name",
                        json_string(pod->spec.name ? pod->spec.name : ""));
    if (image && strlen(image) < HX_EVENT_LINE_MAX / 4)
        json_object_set_new(attributes, "image", json_string(image));
    for (; more && more->name; more++)
        json_object_set_new(attributes, more->name, json_string(more->value));
    return attributes;
}

void hx_event_record(const struct hx_pod_dirs *dirs, const struct hx_pod *pod,
                     const char *action, const struct hx_event_attribute *more)
{
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *line = NULL;
    struct timespec now;
    int len;

    clock_gettime(CLOCK_REALTIME, &now);
    doc = json_pack("{s:s, s:s, s:{s:s, s:o}, s:s, s:I, s:I}", "Type",
                    "container", "Action", action, "Actor", "ID", pod->uuid,
                    "Attributes", attributes_of(pod, more), "scope", "local",
                    "time", (json_int_t)now.tv_sec, "timeNano",
                    (json_int_t)now.tv_sec * 1000000000 + now.tv_nsec);
    text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    if (!text)
        return;
    len = asprintf(&line, "%s\n", text);
    if (len < 0)
        line = NULL;
    else if (len <= HX_EVENT_LINE_MAX)
        append(dirs, line, (size_t)len);
}

/* -- the end ----------------------------------------------------------------
 */

/* Whether `file` has a line with all of these. */
static bool has_line(const char *file, const char *const words[], size_t count)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    const char *at, *end;

    if (hx_file_read(file, 2 * HX_EVENTS_MAX_BYTES, &text, NULL) < 0 ||
        !text.data)
        return false;
    at = text.data;
    end = at + text.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at), found = 0;

        while (found < count &&
               memmem(at, len, words[found], strlen(words[found])))
            found++;
        if (found == count)
            return true;
        at += len + 1;
    }
    return false;
}

/* Of the same run, which begins when it begins. */
static bool is_recorded(const struct hx_pod_dirs *dirs,
                        const struct hx_pod *pod, const char *started)
{
    _cleanup_free_ char *path = path_of(dirs, "");
    _cleanup_free_ char *old = path_of(dirs, ".1");
    char run[64];
    const char *const words[] = { pod->uuid, "\"Action\":\"die\"", run };

    snprintf(run, sizeof(run), "\"startedAtMs\":\"%s\"", started);
    return path && old && (has_line(path, words, 3) || has_line(old, words, 3));
}

void hx_event_record_end(const struct hx_pod_dirs *dirs,
                         const struct hx_pod *pod)
{
    int64_t ran_s = (pod->finished_at_ms - pod->started_at_ms) / 1000;
    char code[16], started[24], seconds[24];
    const struct hx_event_attribute more[] = {
        { "exitCode", code },
        { "end", hx_pod_end_name(pod->end) },
        { "execDuration", seconds },
        { "startedAtMs", started },
        { NULL, NULL },
    };

    snprintf(code, sizeof(code), "%d", pod->exit_code);
    snprintf(started, sizeof(started), "%" PRId64, pod->started_at_ms);
    snprintf(seconds, sizeof(seconds), "%" PRId64, ran_s > 0 ? ran_s : 0);
    if (is_recorded(dirs, pod, started))
        return;
    if (pod->oom_killed)
        hx_event_record(dirs, pod, "oom", NULL);
    hx_event_record(dirs, pod, "die", more);
}
