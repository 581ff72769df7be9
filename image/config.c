/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/base/json.h"
#include "image/manifest.h"

#define ENTRIES_MAX 4096 /* of each list and of labels, ports and volumes */

static int copy_str(const json_t *obj, const char *field, const char *what,
                    char **out, struct hx_err *err)
{
    const char *text = NULL;
    int rc = hx_json_str(obj, field, what, HX_JSON_OPTIONAL, &text, err);

    if (rc < 0 || !text || !*text)
        return rc;
    *out = strdup(text);
    if (!*out)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", what);
    return 0;
}

/* The keys of an object as a list; with values, "key=value". */
static int copy_keys(const json_t *obj, const char *field, const char *what,
                     int with_values, char ***out, struct hx_err *err)
{
    json_t *map = NULL, *value;
    const char *key;
    int rc = hx_json_obj(obj, field, what, HX_JSON_OPTIONAL, &map, err);

    if (rc < 0 || !map)
        return rc;
    if (json_object_size(map) > ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: field \"%s\" has more than %d entries", what,
                          field, ENTRIES_MAX);
    json_object_foreach (map, key, value) {
        _cleanup_free_ char *line = NULL;

        if (with_values && !json_is_string(value))
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "%s: field \"%s\" holds what is no string", what,
                              field);
        if (asprintf(&line, "%s%s%s", key, with_values ? "=" : "",
                     with_values ? json_string_value(value) : "") < 0 ||
            hx_strv_add(out, line) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    }
    return 0;
}

static int copy_list(const json_t *obj, const char *field, const char *what,
                     char ***out, struct hx_err *err)
{
    if (json_array_size(json_object_get(obj, field)) > ENTRIES_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: field \"%s\" has more than %d entries", what,
                          field, ENTRIES_MAX);
    return hx_json_strv(obj, field, what, HX_JSON_OPTIONAL, out, err);
}

static int parse_health(const json_t *c, const char *what,
                        struct hx_image_health *out, struct hx_err *err)
{
    const struct {
        const char *field;
        uint64_t *number;
    } numbers[] = { { "Interval", &out->interval_ns },
                    { "Timeout", &out->timeout_ns },
                    { "StartPeriod", &out->start_period_ns },
                    { "Retries", &out->retries } };
    json_t *health = NULL;
    int rc =
        hx_json_obj(c, "Healthcheck", what, HX_JSON_OPTIONAL, &health, err);

    if (rc < 0 || !health)
        return rc;
    rc = copy_list(health, "Test", what, &out->test, err);
    for (size_t i = 0; rc == 0 && i < sizeof(numbers) / sizeof(*numbers); i++)
        rc = hx_json_u64(health, numbers[i].field, what, HX_JSON_OPTIONAL,
                         numbers[i].number, err);
    return rc;
}

static int parse_process(const json_t *c, const char *what,
                         struct hx_image_config *out, struct hx_err *err)
{
    int rc = copy_list(c, "Entrypoint", what, &out->entrypoint, err);

    if (rc == 0)
        rc = copy_list(c, "Cmd", what, &out->cmd, err);
    if (rc == 0)
        rc = copy_list(c, "Env", what, &out->env, err);
    if (rc == 0)
        rc = copy_str(c, "User", what, &out->user, err);
    if (rc == 0)
        rc = copy_str(c, "WorkingDir", what, &out->working_dir, err);
    if (rc == 0)
        rc = copy_str(c, "StopSignal", what, &out->stop_signal, err);
    if (rc == 0)
        rc = copy_keys(c, "ExposedPorts", what, 0, &out->exposed_ports, err);
    if (rc == 0)
        rc = copy_keys(c, "Volumes", what, 0, &out->volumes, err);
    if (rc == 0)
        rc = copy_keys(c, "Labels", what, 1, &out->labels, err);
    if (rc == 0)
        rc = copy_list(c, "Shell", what, &out->shell, err);
    if (rc == 0)
        rc = parse_health(c, what, &out->health, err);
    return rc;
}

static int parse_config(const json_t *doc, const char *what,
                        struct hx_image_config *out, struct hx_err *err)
{
    json_t *process = NULL;
    int rc = copy_str(doc, "architecture", what, &out->architecture, err);

    if (rc == 0)
        rc = copy_str(doc, "os", what, &out->os, err);
    if (rc == 0)
        rc = copy_str(doc, "variant", what, &out->variant, err);
    if (rc == 0)
        rc = copy_str(doc, "created", what, &out->created, err);
    if (rc == 0)
        rc = hx_json_obj(doc, "config", what, HX_JSON_OPTIONAL, &process, err);
    if (rc == 0 && process)
        rc = parse_process(process, what, out, err);
    return rc;
}

static int parse_rootfs(const json_t *doc, const char *what,
                        struct hx_rootfs *out, struct hx_err *err)
{
    json_t *rootfs = NULL, *ids = NULL, *id;
    const char *type = NULL;
    size_t i;
    int rc = hx_json_obj(doc, "rootfs", what, HX_JSON_REQUIRED, &rootfs, err);

    if (rc == 0)
        rc = hx_json_str(rootfs, "type", what, HX_JSON_REQUIRED, &type, err);
    if (rc == 0 && strcmp(type, "layers") != 0)
        rc = hx_err_set(err, HX_ERR_UNSUPPORTED,
                        "%s: rootfs.type is '%.40s' and not 'layers'", what,
                        type);
    if (rc == 0)
        rc = hx_json_arr(rootfs, "diff_ids", what, HX_JSON_OPTIONAL, &ids, err);
    if (rc < 0)
        return rc;
    if (json_array_size(ids) > HX_LAYERS_MAX)
        return hx_err_set(err, HX_ERR_LIMIT,
                          "%s: it has %zu layers; at most %d are supported",
                          what, json_array_size(ids), HX_LAYERS_MAX);
    out->diff_ids = calloc(json_array_size(ids) + 1, sizeof(*out->diff_ids));
    if (!out->diff_ids)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    json_array_foreach (ids, i, id) {
        rc = hx_digest_check(json_string_value(id), what, err);
        if (rc < 0)
            return rc;
        hx_digest_copy(out->diff_ids[i], json_string_value(id));
    }
    out->count = json_array_size(ids);
    return 0;
}

int hx_config_parse(const char *data, size_t len, const char *what,
                    struct hx_image_config *config_r,
                    struct hx_rootfs *rootfs_r, struct hx_err *err)
{
    _cleanup_config_ struct hx_image_config config = { 0 };
    _cleanup_rootfs_ struct hx_rootfs rootfs = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0 && config_r)
        rc = parse_config(doc, what, &config, err);
    if (rc == 0 && rootfs_r)
        rc = parse_rootfs(doc, what, &rootfs, err);
    if (rc < 0)
        return rc;
    if (config_r) {
        *config_r = config;
        config = (struct hx_image_config){ 0 };
    }
    if (rootfs_r) {
        *rootfs_r = rootfs;
        rootfs = (struct hx_rootfs){ 0 };
    }
    return 0;
}

void hx_config_release(struct hx_image_config *config)
{
    if (!config)
        return;
    free(config->architecture);
    free(config->os);
    free(config->variant);
    free(config->created);
    hx_strv_free(&config->entrypoint);
    hx_strv_free(&config->cmd);
    hx_strv_free(&config->env);
    free(config->user);
    free(config->working_dir);
    free(config->stop_signal);
    hx_strv_free(&config->exposed_ports);
    hx_strv_free(&config->volumes);
    hx_strv_free(&config->labels);
    hx_strv_free(&config->shell);
    hx_strv_free(&config->health.test);
    *config = (struct hx_image_config){ 0 };
}

void hx_rootfs_release(struct hx_rootfs *rootfs)
{
    if (!rootfs)
        return;
    free(rootfs->diff_ids);
    *rootfs = (struct hx_rootfs){ 0 };
}
