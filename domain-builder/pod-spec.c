/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-spec.h"

#include <errno.h>
#include <string.h>

#include "domain-builder/guest-report.h"
#include "image/base/json.h"
#include "pv-init/guest-abi.h"

static const char *const type_names[] = {
    [HX_DOMAIN_AUTO] = "auto",
    [HX_DOMAIN_PV] = "pv",
    [HX_DOMAIN_PVH] = "pvh",
};

static const char *const writable_names[] = {
    [HX_WRITABLE_DISK] = "disk",
    [HX_WRITABLE_TMPFS] = "tmpfs",
    [HX_WRITABLE_NONE] = "none",
};

static const char *const restart_names[] = {
    [HX_RESTART_NO] = "no",
    [HX_RESTART_ON_FAILURE] = "on-failure",
    [HX_RESTART_ALWAYS] = "always",
    [HX_RESTART_UNLESS_STOPPED] = "unless-stopped",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *hx_domain_type_name(enum hx_domain_type type)
{
    return type_names[type];
}

const char *hx_restart_name(enum hx_restart policy)
{
    return restart_names[policy];
}

bool hx_restart_parse(const char *text, enum hx_restart *policy_r,
                      unsigned *max_r)
{
    size_t len = strcspn(text, ":");
    uint64_t max = 0;

    for (unsigned i = 0; i < COUNT(restart_names); i++) {
        if (strlen(restart_names[i]) != len ||
            strncmp(restart_names[i], text, len) != 0)
            continue;
        if (text[len] &&
            (i != HX_RESTART_ON_FAILURE ||
             hx_guest_number(text + len + 1, strlen(text + len + 1),
                             HX_RESTART_MAX, &max) < 0))
            return false;
        *policy_r = (enum hx_restart)i;
        *max_r = (unsigned)max;
        return true;
    }
    return false;
}

bool hx_pod_name_valid(const char *name)
{
    static const char *const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "0123456789_.-";
    size_t len = strlen(name);

    return len >= 1 && len <= 63 && strspn(name, word) == len &&
           !strchr("_.-", name[0]);
}

bool hx_pod_uuid_valid(const char *uuid)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(uuid) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == '-' ? uuid[i] != '-'
                           : !strchr("0123456789abcdef", uuid[i]))
            return false;
    }
    return true;
}

int hx_pod_spec_container(const struct hx_pod_spec *spec, const char *name,
                          size_t *index_r, struct hx_err *err)
{
    for (size_t i = 0; i < spec->container_count; i++) {
        if (spec->containers[i].name &&
            strcmp(spec->containers[i].name, name) == 0) {
            *index_r = i;
            return 0;
        }
    }
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "looking for the container %s: the pod %s has none of "
                      "this name; 'xl hyper-inspect %s' shows its containers",
                      name, spec->name, spec->name);
}

/* -- memory -----------------------------------------------------------------
 */

static void container_release(struct hx_container_spec *container)
{
    free(container->name);
    free(container->image);
    free(container->image_id);
    free(container->root_disk);
    free(container->user);
    free(container->cwd);
    hx_strv_free(&container->args);
    hx_strv_free(&container->env);
    hx_confine_release(&container->confine);
    hx_health_release(&container->health);
}

void hx_pod_spec_release(struct hx_pod_spec *spec)
{
    if (!spec)
        return;
    for (size_t i = 0; i < spec->container_count; i++)
        container_release(&spec->containers[i]);
    free(spec->containers);
    free(spec->name);
    free(spec->hostname);
    free(spec->net.bridge);
    free(spec->net.ip);
    free(spec->net.mac);
    *spec = (struct hx_pod_spec){ 0 };
}

static int copy_text(char **text)
{
    if (!*text)
        return 0;
    *text = strdup(*text);
    return *text ? 0 : -1;
}

static int copy_list(char ***list)
{
    char *const *from = *list;

    *list = NULL;
    return hx_strv_add_all(list, from);
}

/* Turns the borrowed pointers of a flat copy into owned ones; every one of
 * them is owned or NULL afterwards, also on failure. */
static int own_container(struct hx_container_spec *container)
{
    char **texts[] = { &container->name,     &container->image,
                       &container->image_id, &container->root_disk,
                       &container->user,     &container->cwd };
    int r = 0;

    for (size_t i = 0; i < COUNT(texts); i++)
        r |= copy_text(texts[i]);
    r |= copy_list(&container->args);
    r |= copy_list(&container->env);
    r |= hx_confine_own(&container->confine);
    r |= hx_health_own(&container->health);
    return r;
}

int hx_pod_spec_copy(const struct hx_pod_spec *spec, struct hx_pod_spec *copy_r,
                     struct hx_err *err)
{
    struct hx_pod_spec copy = *spec;
    char **texts[] = { &copy.name, &copy.hostname, &copy.net.bridge,
                       &copy.net.ip, &copy.net.mac };
    int r = 0;

    for (size_t i = 0; i < COUNT(texts); i++)
        r |= copy_text(texts[i]);
    copy.container_count = 0;
    copy.containers = calloc(spec->container_count ? spec->container_count : 1,
                             sizeof(*copy.containers));
    if (!copy.containers)
        r = -1;
    while (r == 0 && copy.container_count < spec->container_count) {
        copy.containers[copy.container_count] =
            spec->containers[copy.container_count];
        r = own_container(&copy.containers[copy.container_count++]);
    }
    if (r) {
        hx_pod_spec_release(&copy);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "copying a pod's spec");
    }
    *copy_r = copy;
    return 0;
}

/* -- to JSON ----------------------------------------------------------------
 */

/* All return 0 or -1; jansson refuses what is not UTF-8. */
static int put(json_t *obj, const char *field, json_t *value)
{
    return json_object_set_new(obj, field, value);
}

static int put_text(json_t *obj, const char *field, const char *text)
{
    return put(obj, field, text ? json_string(text) : json_null());
}

static int put_number(json_t *obj, const char *field, uint64_t number)
{
    return put(obj, field, json_integer((json_int_t)number));
}

static json_t *container_to_json(const struct hx_container_spec *container)
{
    json_t *obj = json_object();
    int r = obj ? 0 : -1;

    r |= put_text(obj, "name", container->name);
    r |= put_text(obj, "image", container->image);
    r |= put_text(obj, "image_id", container->image_id);
    r |= put_text(obj, "root_disk", container->root_disk);
    r |= put(obj, "args", hx_json_from_strv(container->args));
    r |= put_number(obj, "entrypoint_count", container->entrypoint_count);
    r |= put(obj, "env", hx_json_from_strv(container->env));
    r |= put_number(obj, "default_env_count", container->default_env_count);
    r |= put_text(obj, "user", container->user);
    r |= put_text(obj, "cwd", container->cwd);
    r |= put_number(obj, "stop_signal", (uint64_t)container->stop_signal);
    r |= put_number(obj, "stop_timeout_ms", container->stop_timeout_ms);
    r |= put_text(obj, "writable", writable_names[container->writable]);
    r |= put(obj, "tty", json_boolean(container->tty));
    r |= put(obj, "open_stdin", json_boolean(container->open_stdin));
    r |= put(obj, "confine", hx_confine_to_json(&container->confine));
    r |= put(obj, "health", hx_health_to_json(&container->health));
    if (r == 0)
        return obj;
    json_decref(obj);
    return NULL;
}

static json_t *net_to_json(const struct hx_net_spec *net)
{
    json_t *obj = json_object();
    int r = obj ? 0 : -1;

    r |= put(obj, "none", json_boolean(net->none));
    r |= put_text(obj, "bridge", net->bridge);
    r |= put_text(obj, "ip", net->ip);
    r |= put_text(obj, "mac", net->mac);
    if (r == 0)
        return obj;
    json_decref(obj);
    return NULL;
}

int hx_pod_spec_to_json(const struct hx_pod_spec *spec, json_t **doc_r,
                        struct hx_err *err)
{
    _cleanup_json_ json_t *doc = json_object();
    json_t *containers = json_array();
    int r = doc && containers ? 0 : -1;

    for (size_t i = 0; i < spec->container_count; i++)
        r |= json_array_append_new(containers,
                                   container_to_json(&spec->containers[i]));
    r |= put_text(doc, "name", spec->name);
    r |= put_text(doc, "type", type_names[spec->type]);
    r |= put_number(doc, "mem_kib", spec->mem_kib);
    r |= put_number(doc, "vcpus", spec->vcpus);
    r |= put_text(doc, "hostname", spec->hostname);
    r |= put_number(doc, "scratch_bytes", spec->scratch_bytes);
    r |= put(doc, "net", net_to_json(&spec->net));
    r |= put(doc, "auto_remove", json_boolean(spec->auto_remove));
    r |= put(doc, "paused", json_boolean(spec->paused));
    r |= put_text(doc, "restart", restart_names[spec->restart]);
    r |= put_number(doc, "restart_max", spec->restart_max);
    r |= put(doc, "containers", containers);
    if (r)
        return hx_err_set(err, HX_ERR_USAGE,
                          "recording the pod %s: an argument, a variable or "
                          "another text of its spec is not UTF-8",
                          spec->name ? spec->name : "");
    *doc_r = hx_steal_ptr(&doc);
    return 0;
}

/* -- from JSON --------------------------------------------------------------
 */

/* Reads fields one after the other; after the first failure, nothing. */
struct reader {
    const json_t *obj;
    const char *what;
    struct hx_err *err;
    int r;
};

static void get_text(struct reader *in, const char *field,
                     enum hx_json_need need, char **text_r)
{
    const char *text = NULL;

    if (in->r < 0)
        return;
    in->r = hx_json_str(in->obj, field, in->what, need, &text, in->err);
    if (in->r < 0 || !text)
        return;
    *text_r = strdup(text);
    if (!*text_r)
        in->r = hx_err_sys(in->err, HX_ERR_SYSTEM, ENOMEM, "%s", in->what);
}

static void get_list(struct reader *in, const char *field,
                     enum hx_json_need need, char ***list_r)
{
    if (in->r == 0)
        in->r = hx_json_strv(in->obj, field, in->what, need, list_r, in->err);
}

static uint64_t get_number(struct reader *in, const char *field, uint64_t max)
{
    uint64_t number = 0;

    if (in->r < 0)
        return 0;
    in->r = hx_json_u64(in->obj, field, in->what, HX_JSON_REQUIRED, &number,
                        in->err);
    if (in->r == 0 && number > max)
        in->r = hx_err_set(in->err, HX_ERR_CORRUPT,
                           "%s: field \"%s\" is larger than %llu", in->what,
                           field, (unsigned long long)max);
    return in->r == 0 ? number : 0;
}

/* A part of a list; none when nothing is said. */
static size_t get_count(struct reader *in, const char *field, char *const *list)
{
    uint64_t count = 0;

    if (in->r == 0)
        in->r = hx_json_u64(in->obj, field, in->what, HX_JSON_OPTIONAL, &count,
                            in->err);
    if (in->r == 0 && count > hx_strv_len(list))
        in->r = hx_err_set(in->err, HX_ERR_CORRUPT,
                           "%s: field \"%s\" is more than the list has",
                           in->what, field);
    return in->r == 0 ? (size_t)count : 0;
}

static bool get_bool(struct reader *in, const char *field)
{
    int value = 0;

    if (in->r == 0)
        in->r = hx_json_bool(in->obj, field, in->what, HX_JSON_OPTIONAL, &value,
                             in->err);
    return value;
}

/* A word of `names`, as its index. */
static unsigned get_word(struct reader *in, const char *field,
                         const char *const names[], unsigned count)
{
    const char *word = NULL;

    if (in->r < 0)
        return 0;
    in->r =
        hx_json_str(in->obj, field, in->what, HX_JSON_REQUIRED, &word, in->err);
    for (unsigned i = 0; in->r == 0 && i < count; i++) {
        if (strcmp(names[i], word) == 0)
            return i;
    }
    if (in->r == 0)
        in->r = hx_err_set(in->err, HX_ERR_CORRUPT,
                           "%s: field \"%s\" has no meaning: %s", in->what,
                           field, word);
    return 0;
}

static int container_from_json(const json_t *obj, const char *what,
                               struct hx_container_spec *container,
                               struct hx_err *err)
{
    const enum hx_json_need must = HX_JSON_REQUIRED, may = HX_JSON_OPTIONAL;
    struct reader in = { .obj = obj, .what = what, .err = err };
    json_t *confine = NULL, *health = NULL;

    get_text(&in, "name", may, &container->name);
    get_text(&in, "image", may, &container->image);
    get_text(&in, "image_id", may, &container->image_id);
    get_text(&in, "root_disk", may, &container->root_disk);
    get_list(&in, "args", must, &container->args);
    container->entrypoint_count =
        get_count(&in, "entrypoint_count", container->args);
    get_list(&in, "env", may, &container->env);
    container->default_env_count =
        get_count(&in, "default_env_count", container->env);
    get_text(&in, "user", may, &container->user);
    get_text(&in, "cwd", may, &container->cwd);
    container->stop_signal = (int)get_number(&in, "stop_signal", 64);
    container->stop_timeout_ms =
        (unsigned)get_number(&in, "stop_timeout_ms", INT32_MAX);
    container->writable =
        get_word(&in, "writable", writable_names, COUNT(writable_names));
    container->tty = get_bool(&in, "tty");
    container->open_stdin = get_bool(&in, "open_stdin");
    if (in.r == 0)
        in.r = hx_json_obj(obj, "confine", what, may, &confine, err);
    if (in.r == 0)
        in.r = hx_confine_from_json(confine, what, &container->confine, err);
    if (in.r == 0)
        in.r = hx_json_obj(obj, "health", what, may, &health, err);
    if (in.r == 0)
        in.r = hx_health_from_json(health, what, &container->health, err);
    return in.r;
}

static int containers_from_json(const json_t *doc, const char *what,
                                struct hx_pod_spec *spec, struct hx_err *err)
{
    json_t *array = NULL;
    int r = hx_json_arr(doc, "containers", what, HX_JSON_REQUIRED, &array, err);
    size_t count = json_array_size(array);

    if (r < 0)
        return r;
    if (count < 1 || count > HX_ABI_CONTAINERS_MAX)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: it has %zu containers, not 1 to %d", what, count,
                          HX_ABI_CONTAINERS_MAX);
    spec->containers = calloc(count, sizeof(*spec->containers));
    if (!spec->containers)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
    while (r == 0 && spec->container_count < count) {
        size_t i = spec->container_count++;
        json_t *item = json_array_get(array, i);

        if (!json_is_object(item))
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "%s: container %zu is not an object", what, i);
        r = container_from_json(item, what, &spec->containers[i], err);
    }
    return r;
}

static int net_from_json(const json_t *doc, const char *what,
                         struct hx_net_spec *net, struct hx_err *err)
{
    struct reader in = { .what = what, .err = err };
    json_t *obj = NULL;

    in.r = hx_json_obj(doc, "net", what, HX_JSON_REQUIRED, &obj, err);
    in.obj = obj;
    net->none = get_bool(&in, "none");
    get_text(&in, "bridge", HX_JSON_OPTIONAL, &net->bridge);
    get_text(&in, "ip", HX_JSON_OPTIONAL, &net->ip);
    get_text(&in, "mac", HX_JSON_OPTIONAL, &net->mac);
    return in.r;
}

/* Absent in what an older program wrote. */
static void get_restart(struct reader *in, struct hx_pod_spec *spec)
{
    if (!json_object_get(in->obj, "restart"))
        return;
    spec->restart =
        get_word(in, "restart", restart_names, COUNT(restart_names));
    spec->restart_max = (unsigned)get_number(in, "restart_max", HX_RESTART_MAX);
}

int hx_pod_spec_from_json(const json_t *doc, const char *what,
                          struct hx_pod_spec *spec_r, struct hx_err *err)
{
    struct reader in = { .obj = doc, .what = what, .err = err };
    struct hx_pod_spec spec = { 0 };

    get_text(&in, "name", HX_JSON_REQUIRED, &spec.name);
    spec.type = get_word(&in, "type", type_names, COUNT(type_names));
    spec.mem_kib = get_number(&in, "mem_kib", INT64_MAX);
    spec.vcpus = (unsigned)get_number(&in, "vcpus", INT32_MAX);
    get_text(&in, "hostname", HX_JSON_OPTIONAL, &spec.hostname);
    spec.scratch_bytes = get_number(&in, "scratch_bytes", INT64_MAX);
    spec.auto_remove = get_bool(&in, "auto_remove");
    spec.paused = get_bool(&in, "paused");
    get_restart(&in, &spec);
    if (in.r == 0 && !hx_pod_name_valid(spec.name))
        in.r = hx_err_set(err, HX_ERR_CORRUPT, "%s: \"%s\" is no pod's name",
                          what, spec.name);
    if (in.r == 0)
        in.r = net_from_json(doc, what, &spec.net, err);
    if (in.r == 0)
        in.r = containers_from_json(doc, what, &spec, err);
    if (in.r < 0) {
        hx_pod_spec_release(&spec);
        return in.r;
    }
    *spec_r = spec;
    return 0;
}
