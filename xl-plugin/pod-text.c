/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/pod-text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/base/json.h"
#include "xl-plugin/confine-text.h"
#include "xl-plugin/health-text.h"
#include "xl-plugin/output.h"
#include "xl-plugin/signals.h"
#include "xl-plugin/times.h"

static void time_since(int64_t then_ms, int64_t now_ms, char text[HX_TIME_TEXT])
{
    /* A clock that was set back must not give a negative time. */
    hx_time_print_duration(now_ms > then_ms ? now_ms - then_ms : 0, text);
}

static bool has_ended(const struct hx_pod *pod)
{
    return pod->state == HX_POD_EXITED;
}

static const char *end_word(const struct hx_pod *pod)
{
    if (hx_pod_restarting(pod))
        return "Restarting";
    switch (pod->end) {
    case HX_END_CRASH:
        return "Crashed";
    case HX_END_DESTROYED:
        return "Destroyed";
    case HX_END_KILLED:
        return "Killed";
    case HX_END_LOST:
        return "Lost";
    case HX_END_FAILED:
        return "Failed";
    case HX_END_SHUTDOWN:
        return "Shut down";
    case HX_END_NONE:
    case HX_END_EXIT:
    default:
        return "Exited";
    }
}

/* What stands behind the time that it has run. */
static const char *status_suffix(const struct hx_pod *pod)
{
    if (pod->state == HX_POD_PAUSED)
        return " (Paused)";
    switch (pod->health) {
    case HX_HEALTH_STARTING:
        return " (health: starting)";
    case HX_HEALTH_HEALTHY:
        return " (healthy)";
    case HX_HEALTH_UNHEALTHY:
        return " (unhealthy)";
    case HX_HEALTH_NONE:
    default:
        return "";
    }
}

void hx_pod_status_text(const struct hx_pod *pod, int64_t now_ms,
                        char text[HX_POD_STATUS_TEXT])
{
    char since[HX_TIME_TEXT];

    switch (pod->state) {
    case HX_POD_CREATING:
        snprintf(text, HX_POD_STATUS_TEXT, "Creating");
        return;
    case HX_POD_RUNNING:
    case HX_POD_PAUSED:
        if (pod->started_at_ms) {
            time_since(pod->started_at_ms, now_ms, since);
            snprintf(text, HX_POD_STATUS_TEXT, "Up %s%s", since,
                     status_suffix(pod));
        } else {
            snprintf(text, HX_POD_STATUS_TEXT, "%s",
                     pod->state == HX_POD_PAUSED ? "Paused" : "Up");
        }
        return;
    case HX_POD_EXITED:
    default:
        break;
    }
    if (!pod->finished_at_ms) {
        snprintf(text, HX_POD_STATUS_TEXT, "%s (%d)", end_word(pod),
                 hx_pod_exit_status(pod));
        return;
    }
    time_since(pod->finished_at_ms, now_ms, since);
    snprintf(text, HX_POD_STATUS_TEXT, "%s (%d) %s ago", end_word(pod),
             hx_pod_exit_status(pod), since);
}

int hx_pod_exit_status(const struct hx_pod *pod)
{
    switch (pod->end) {
    case HX_END_EXIT:
    case HX_END_FAILED:
    case HX_END_SHUTDOWN:
        if (pod->exit_code >= 0 && pod->exit_code <= 255)
            return pod->exit_code;
        return 125;
    case HX_END_DESTROYED:
    case HX_END_KILLED:
        return pod->exit_code > 0 ? pod->exit_code : 137;
    case HX_END_NONE:
    case HX_END_CRASH:
    case HX_END_LOST:
    default:
        return pod->exit_code > 0 ? pod->exit_code : 125;
    }
}

const char *hx_pod_end_reason(const struct hx_pod *pod)
{
    if (pod->message && *pod->message)
        return pod->message;
    switch (pod->end) {
    case HX_END_FAILED:
        return "the process could not be started";
    case HX_END_CRASH:
        return "the domain's kernel crashed; its last words are in "
               "console.log beside the log that hyper-inspect names";
    case HX_END_DESTROYED:
        return "the domain was destroyed from outside";
    case HX_END_KILLED:
        return "the pod was destroyed";
    case HX_END_SHUTDOWN:
        return "it was stopped because dom0 was shut down";
    case HX_END_LOST:
        return "the domain is gone, and nobody saw how it ended";
    case HX_END_NONE:
    case HX_END_EXIT:
    default:
        return NULL;
    }
}

void hx_pod_ip_text(const struct hx_pod *pod, char text[HX_IP_TEXT])
{
    /* The address of one that has ended may be another's by now. */
    const char *ip = pod->ip && !has_ended(pod) ? pod->ip : "";

    snprintf(text, HX_IP_TEXT, "%.*s", (int)strcspn(ip, "/"), ip);
}

/* Docker's word for it. */
static const char *state_word(const struct hx_pod *pod)
{
    return hx_pod_restarting(pod) ? "restarting"
                                  : hx_pod_state_name(pod->state);
}

/* -- JSON ------------------------------------------------------------------ */

static json_t *time_json(int64_t ms)
{
    char text[HX_TIME_TEXT];

    hx_time_print_rfc3339(ms, text);
    return json_string(text);
}

static json_t *state_json(const struct hx_pod *pod,
                          const struct hx_health_record *health)
{
    const char *reason = has_ended(pod) ? hx_pod_end_reason(pod) : NULL;
    bool paused = pod->state == HX_POD_PAUSED;
    json_t *obj = json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:i, s:s, s:o, s:o, s:o}", "Status",
        state_word(pod), "Running", pod->state == HX_POD_RUNNING || paused,
        "Paused", paused, "Restarting", hx_pod_restarting(pod), "OOMKilled",
        pod->oom_killed, "ExitCode",
        has_ended(pod) ? hx_pod_exit_status(pod) : 0, "End",
        hx_pod_end_name(pod->end), "Error", hx_json_text(reason ? reason : ""),
        "StartedAt", time_json(pod->started_at_ms), "FinishedAt",
        time_json(pod->finished_at_ms));

    if (obj && health && pod->spec.container_count > 0 &&
        pod->spec.containers[0].health.test)
        json_object_set_new(obj, "Health",
                            hx_health_inspect(health, !has_ended(pod)));
    return obj;
}

static json_t *network_json(const struct hx_pod *pod)
{
    char ip[HX_IP_TEXT];
    long prefix = 0;

    hx_pod_ip_text(pod, ip);
    if (*ip && strchr(pod->ip, '/'))
        prefix = strtol(strchr(pod->ip, '/') + 1, NULL, 10);
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o}", "IPAddress",
                     hx_json_text(ip), "IPPrefixLen", (json_int_t)prefix,
                     "Gateway", hx_json_text(pod->gateway ? pod->gateway : ""),
                     "MacAddress", hx_json_text(pod->mac ? pod->mac : ""),
                     "Bridge", hx_json_text(pod->bridge ? pod->bridge : ""),
                     "Vif", hx_json_text(pod->vif ? pod->vif : ""));
}

static json_t *some_texts_json(char *const *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < count && list && list[i]; i++)
        json_array_append_new(array, hx_json_text(list[i]));
    return array;
}

static json_t *texts_json(char *const *list)
{
    return some_texts_json(list, SIZE_MAX);
}

static const char *writable_name(enum hx_writable writable)
{
    switch (writable) {
    case HX_WRITABLE_DISK:
        return "disk";
    case HX_WRITABLE_TMPFS:
        return "tmpfs";
    case HX_WRITABLE_NONE:
    default:
        return "none";
    }
}

static json_t *container_json(const struct hx_container_spec *c,
                              const char *hostname)
{
    size_t entrypoint = c->entrypoint_count;
    json_t *obj = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:I, s:s, "
        "s:b, s:o, s:b}",
        "Name", hx_json_text(c->name), "Image", hx_json_text(c->image),
        "Hostname", hx_json_text(hostname), "User", hx_json_text(c->user),
        "Env", texts_json(c->env), "Entrypoint",
        some_texts_json(c->args, entrypoint), "Cmd",
        c->args ? texts_json(c->args + entrypoint) : json_array(), "WorkingDir",
        hx_json_text(c->cwd), "Tty", c->tty, "StopSignal",
        hx_signal_name(c->stop_signal), "StopTimeout",
        (json_int_t)(c->stop_timeout_ms / 1000), "Writable",
        writable_name(c->writable), "ReadonlyRootfs",
        c->writable == HX_WRITABLE_NONE, "RootDisk", hx_json_text(c->root_disk),
        "OpenStdin", c->open_stdin);

    if (obj && c->health.test)
        json_object_set_new(obj, "Healthcheck",
                            hx_healthcheck_inspect(&c->health));
    return obj;
}

/* "create.disks=1234 guest.init=99" as a list that keeps the order. */
static json_t *stages_json(const char *stages)
{
    json_t *list = json_array();

    while (list && stages && *stages) {
        size_t len = strcspn(stages, " ");
        size_t name = strcspn(stages, "=");
        char text[64];

        if (name > 0 && name < len && name < sizeof(text)) {
            snprintf(text, sizeof(text), "%.*s", (int)name, stages);
            json_array_append_new(
                list,
                json_pack("{s:o, s:I}", "Name", hx_json_text(text),
                          "Microseconds",
                          (json_int_t)strtoll(stages + name + 1, NULL, 10)));
        }
        stages += len + (stages[len] == ' ');
    }
    return list;
}

static json_int_t memory_mib(const struct hx_pod *pod)
{
    return (json_int_t)((pod->spec.mem_kib + 1023) >> 10);
}

static json_t *host_config_json(const struct hx_pod_spec *spec)
{
    json_t *obj = json_pack("{s:b, s:I, s:{s:s, s:I}}", "AutoRemove",
                            (int)spec->auto_remove, "Memory",
                            (json_int_t)spec->mem_kib * 1024, "RestartPolicy",
                            "Name", hx_restart_name(spec->restart),
                            "MaximumRetryCount", (json_int_t)spec->restart_max);

    if (obj && spec->container_count > 0 &&
        hx_confine_inspect(&spec->containers[0].confine, obj) < 0) {
        json_decref(obj);
        obj = NULL;
    }
    return obj;
}

json_t *hx_pod_inspect_json(const struct hx_pod *pod, const char *log_path,
                            const struct hx_health_record *health)
{
    const struct hx_pod_spec *spec = &pod->spec;
    _cleanup_json_ json_t *containers = json_array();
    const struct hx_container_spec *first =
        spec->container_count ? &spec->containers[0] : NULL;

    if (!containers)
        return NULL;
    for (size_t i = 0; i < spec->container_count; i++)
        json_array_append_new(
            containers, container_json(&spec->containers[i], spec->hostname));
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:I, s:I, s:I, "
        "s:o, s:I, s:o, s:O}",
        "Id", pod->uuid, "Name", hx_json_text(spec->name), "Created",
        time_json(pod->created_at_ms), "State", state_json(pod, health),
        "Image", hx_json_text(first ? first->image_id : NULL), "Config",
        first ? container_json(first, spec->hostname) : json_null(),
        "NetworkSettings", network_json(pod), "LogPath", hx_json_text(log_path),
        "Domid", (json_int_t)pod->domid, "Type",
        hx_domain_type_name(spec->type), "MemoryMiB", memory_mib(pod), "Vcpus",
        (json_int_t)spec->vcpus, "ScratchBytes",
        (json_int_t)spec->scratch_bytes, "HostConfig", host_config_json(spec),
        "RestartCount", (json_int_t)pod->restart_count, "Stages",
        stages_json(pod->stages), "Containers", containers);
}

json_t *hx_pod_list_json(const struct hx_pod *pod, int64_t now_ms)
{
    const struct hx_pod_spec *spec = &pod->spec;
    char status[HX_POD_STATUS_TEXT], ip[HX_IP_TEXT];

    hx_pod_status_text(pod, now_ms, status);
    hx_pod_ip_text(pod, ip);
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:s, s:o, s:s, s:I, s:I, s:o, s:I, s:o}", "Id",
        pod->uuid, "Name", hx_json_text(spec->name), "Image",
        hx_json_text(spec->container_count ? spec->containers[0].image : NULL),
        "State", state_word(pod), "Status", status, "ExitCode",
        has_ended(pod) ? json_integer(hx_pod_exit_status(pod)) : json_null(),
        "Type", hx_domain_type_name(spec->type), "MemoryMiB", memory_mib(pod),
        "Vcpus", (json_int_t)spec->vcpus, "IPAddress", hx_json_text(ip),
        "Domid", (json_int_t)pod->domid, "Created",
        time_json(pod->created_at_ms));
}
