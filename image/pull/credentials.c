/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/credentials.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/pull/base64.h"
#include "image/pull/confdir.h"
#include "image/pull/credential-helper.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define LOCK_WAIT_MS   10000
#define HUB_KEY        "https://index.docker.io/v1/"

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "credentials");
}

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void hx_credentials_release(struct hx_credentials *credentials)
{
    if (!credentials)
        return;
    free(hx_steal_ptr(&credentials->user));
    wipe(&credentials->password);
    wipe(&credentials->identity_token);
    free(hx_steal_ptr(&credentials->helper));
    free(hx_steal_ptr(&credentials->trouble));
}

int hx_credentials_are_known(const struct hx_credentials *credentials)
{
    return credentials->user || credentials->identity_token;
}

int hx_credentials_copy(const struct hx_credentials *from,
                        struct hx_credentials *copy_r)
{
    char *const texts[] = { from->user, from->password, from->identity_token,
                            from->helper, from->trouble };
    struct hx_credentials copy = { 0 };
    char **copies[] = { &copy.user, &copy.password, &copy.identity_token,
                        &copy.helper, &copy.trouble };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] && !(*copies[i] = strdup(texts[i]))) {
            hx_credentials_release(&copy);
            return -1;
        }
    }
    *copy_r = copy;
    return 0;
}

/* The host of a key: docker writes some with scheme and path. */
static size_t host_of_key(const char **key)
{
    const char *p = strstr(*key, "://");

    if (p)
        *key = p + 3;
    return strcspn(*key, "/");
}

static int is_hub(const char *host, size_t len)
{
    static const char *const names[] = { "docker.io", "index.docker.io",
                                         "registry-1.docker.io" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], host, len) == 0)
            return 1;
    }
    return 0;
}

/* Whether a key of "auths" is for this registry.  What stands behind the
 * host narrows it to a part of the registry, but for the old "/v1/". */
static int key_matches(const char *key, const char *registry)
{
    const char *path;
    size_t len = host_of_key(&key);

    path = key + len;
    if (*path && strcmp(path, "/") != 0 && strcmp(path, "/v1/") != 0 &&
        strcmp(path, "/v2/") != 0 && strcmp(path, "/v1") != 0 &&
        strcmp(path, "/v2") != 0)
        return 0;
    if (is_hub(registry, strlen(registry)))
        return is_hub(key, len);
    return strlen(registry) == len && strncasecmp(key, registry, len) == 0;
}

static int decode(const char *auth, const char *what,
                  struct hx_credentials *found_r, struct hx_err *err)
{
    struct hx_credentials found = { 0 };
    size_t len = 0;
    char *text = hx_base64_decode(auth, &len), *colon = NULL;

    if (text && strlen(text) == len)
        colon = strchr(text, ':');
    if (!colon || colon == text) {
        wipe(&text);
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: an \"auth\" is not the base64 of USER:PASSWORD; "
                          "log in again with 'xl hyper-login'",
                          what);
    }
    found.user = strndup(text, (size_t)(colon - text));
    found.password = strdup(colon + 1);
    wipe(&text);
    if (!found.user || !found.password) {
        hx_credentials_release(&found);
        return no_memory(err);
    }
    *found_r = found;
    return 0;
}

static int take_pair(const char *user, const char *password,
                     struct hx_credentials *found_r, struct hx_err *err)
{
    struct hx_credentials found = { .user = strdup(user),
                                    .password = strdup(password) };

    if (!found.user || !found.password) {
        hx_credentials_release(&found);
        return no_memory(err);
    }
    *found_r = found;
    return 0;
}

/* "identitytoken", else "auth", or the older pair of "username" and
 * "password". */
static int take_entry(const json_t *entry, const char *what,
                      struct hx_credentials *found_r, struct hx_err *err)
{
    static const char *const names[] = { "identitytoken", "auth", "username",
                                         "password" };
    const char *texts[] = { NULL, NULL, NULL, NULL };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        rc = hx_json_str(entry, names[i], what, HX_JSON_OPTIONAL, &texts[i],
                         err);
    if (rc < 0)
        return rc;
    if (texts[0] && *texts[0]) {
        found_r->identity_token = strdup(texts[0]);
        return found_r->identity_token ? 0 : no_memory(err);
    }
    if (texts[1] && *texts[1])
        return decode(texts[1], what, found_r, err);
    if (!texts[2] || !*texts[2] || !texts[3])
        return 0;
    return take_pair(texts[2], texts[3], found_r, err);
}

static int find_entry(const json_t *doc, const char *what, const char *registry,
                      struct hx_credentials *found_r, struct hx_err *err)
{
    json_t *auths = NULL, *entry;
    const char *key;
    int rc = hx_json_obj(doc, "auths", what, HX_JSON_OPTIONAL, &auths, err);

    if (rc < 0)
        return rc;
    json_object_foreach (auths, key, entry) {
        if (!key_matches(key, registry) || !json_is_object(entry))
            continue;
        rc = take_entry(entry, what, found_r, err);
        if (rc < 0 || hx_credentials_are_known(found_r))
            return rc;
    }
    return 0;
}

/* The registry's own helper, "" for none, else the store for all. */
static int find_helper(const json_t *doc, const char *what,
                       const char *registry, char **helper_r,
                       struct hx_err *err)
{
    json_t *helpers = NULL, *value;
    const char *name = "", *key;
    int rc = hx_json_str(doc, "credsStore", what, HX_JSON_OPTIONAL, &name, err);

    if (rc == 0)
        rc = hx_json_obj(doc, "credHelpers", what, HX_JSON_OPTIONAL, &helpers,
                         err);
    if (rc < 0)
        return rc;
    json_object_foreach (helpers, key, value) {
        if (!key_matches(key, registry))
            continue;
        name = json_string_value(value);
        if (!name)
            return hx_err_set(err, HX_ERR_USAGE,
                              "%s: credHelpers: the helper for %.128s is no "
                              "text",
                              what, registry);
        break;
    }
    if (!*name)
        return 0;
    rc = hx_credential_helper_check(name, what, err);
    if (rc < 0)
        return rc;
    *helper_r = strdup(name);
    return *helper_r ? 0 : no_memory(err);
}

int hx_credentials_parse(const char *data, size_t len, const char *what,
                         const char *registry, struct hx_credentials *found_r,
                         struct hx_err *err)
{
    _cleanup_credentials_ struct hx_credentials found = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = find_entry(doc, what, registry, &found, err);
    if (rc == 0)
        rc = find_helper(doc, what, registry, &found.helper, err);
    if (rc < 0 || (!found.helper && !hx_credentials_are_known(&found)))
        return rc;
    *found_r = found;
    found = (struct hx_credentials){ 0 };
    return 0;
}

/* A file that may be missing, or not ours to read, or empty. */
static int find_in_file(const char *path, const char *registry,
                        struct hx_credentials *found_r, struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc = hx_file_read(path, FILE_MAX_BYTES, &text, err);

    if (rc == -HX_ERR_NOT_FOUND || (rc == 0 && text.len == 0)) {
        hx_err_clear(err);
        return 0;
    }
    if (rc == 0)
        rc = hx_credentials_parse(text.data, text.len, path, registry, found_r,
                                  err);
    if (rc == -HX_ERR_CORRUPT && err)
        err->code = HX_ERR_USAGE;
    if (text.data)
        explicit_bzero(text.data, text.len);
    return rc == -HX_ERR_CORRUPT ? -HX_ERR_USAGE : rc;
}

static char *docker_config(void)
{
    const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    struct passwd entry, *user = NULL;
    char *path = NULL, text[1024];
    int n;

    if (!home || !*home) {
        getpwuid_r(getuid(), &entry, text, sizeof(text), &user);
        home = user ? user->pw_dir : "/root";
    }
    if (folder && *folder)
        n = asprintf(&path, "%s/config.json", folder);
    else
        n = asprintf(&path, "%s/.docker/config.json", home);
    return n < 0 ? NULL : path;
}

/* How docker calls a registry where it keeps credentials. */
static const char *key_for(const char *registry)
{
    return is_hub(registry, strlen(registry)) ? HUB_KEY : registry;
}

/* The helper's word counts; when it has none, what stands in the file. */
static int ask_helper(const char *registry, long timeout_ms,
                      struct hx_credentials *found, struct hx_err *err)
{
    struct hx_credentials told = { 0 };
    struct hx_err why = { 0 };
    int rc = hx_credential_helper_get(found->helper, key_for(registry),
                                      timeout_ms, &told, &why);

    free(hx_steal_ptr(&found->helper));
    if (rc < 0) {
        found->trouble = strdup(why.msg);
        return found->trouble ? 0 : no_memory(err);
    }
    if (!hx_credentials_are_known(&told))
        return 0;
    hx_credentials_release(found);
    *found = told;
    return 0;
}

int hx_credentials_find(const char *registry, long timeout_ms,
                        struct hx_credentials *credentials_r,
                        struct hx_err *err)
{
    _cleanup_free_ char *ours = hx_confdir_path("auth.json");
    _cleanup_free_ char *dockers = docker_config();
    const char *const files[] = { ours, dockers };
    _cleanup_credentials_ struct hx_credentials found = { 0 };
    int rc = 0;

    if (!ours || !dockers)
        return no_memory(err);
    for (size_t i = 0; i < 2 && !hx_credentials_are_known(&found); i++) {
        _cleanup_credentials_ struct hx_credentials here = { 0 };

        /* Docker's may be another user's, or its folder a file: then it has
         * nothing for us. */
        if (files[i] == dockers && access(dockers, R_OK) < 0)
            break;
        rc = find_in_file(files[i], registry, &here, err);
        /* What hyper-login has kept is newer than what a helper knows. */
        if (rc == 0 && here.helper &&
            (files[i] == dockers || !hx_credentials_are_known(&here)))
            rc = ask_helper(registry, timeout_ms, &here, err);
        if (rc < 0)
            return rc;
        if (!hx_credentials_are_known(&here) && !here.trouble)
            continue;
        hx_credentials_release(&found);
        found = here;
        here = (struct hx_credentials){ 0 };
    }
    *credentials_r = found;
    found = (struct hx_credentials){ 0 };
    return 0;
}

/* auth.json for a change: its lock, and its content or an empty object. */
static int open_own(char **path_r, int *lock_r, json_t **doc_r,
                    struct hx_err *err)
{
    _cleanup_free_ char *path = hx_confdir_path("auth.json");
    _cleanup_free_ char *lock = hx_confdir_path("auth.json.lock");
    _cleanup_buf_ struct hx_buf text = HX_BUF_INIT(0);
    int rc;

    if (!path || !lock)
        return no_memory(err);
    *strrchr(lock, '/') = '\0';
    rc = hx_mkdir_p(lock, 0755, err);
    lock[strlen(lock)] = '/';
    if (rc == 0)
        rc = hx_lock(lock, 1, LOCK_WAIT_MS, lock_r, err);
    if (rc < 0)
        return rc;
    rc = hx_file_read(path, FILE_MAX_BYTES, &text, err);
    if (rc == -HX_ERR_NOT_FOUND || (rc == 0 && text.len == 0)) {
        hx_err_clear(err);
        *doc_r = json_object();
        rc = *doc_r ? 0 : no_memory(err);
    } else if (rc == 0) {
        rc = hx_json_parse(text.data, text.len, path, doc_r, err);
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    if (rc == 0)
        *path_r = hx_steal_ptr(&path);
    return rc;
}

/*
 * Under the lock, so that the temporary file can have a fixed name: what a
 * killed login left, with a password in it, goes with the next one.
 */
static int write_text(const char *path, const char *text, struct hx_err *err)
{
    _cleanup_free_ char *temp = NULL;
    _cleanup_close_ int fd = -1;
    int saved;

    if (asprintf(&temp, "%s.new", path) < 0) {
        temp = NULL;
        return no_memory(err);
    }
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && hx_write_all(fd, text, strlen(text)) == 0 &&
        fsync(fd) == 0 && rename(temp, path) == 0)
        return 0;
    saved = errno;
    unlink(temp);
    return hx_err_sys(err, HX_ERR_SYSTEM, saved, "writing %s", path);
}

static int write_own(const char *path, const json_t *doc, struct hx_err *err)
{
    char *text = json_dumps(doc, JSON_INDENT(2));
    int rc;

    if (!text)
        return no_memory(err);
    rc = write_text(path, text, err);
    wipe(&text);
    return rc;
}

/* Removes every key for the registry; how many there were. */
static int drop_keys(json_t *auths, const char *registry)
{
    const char *key;
    json_t *entry;
    void *next;
    int dropped = 0;

    json_object_foreach_safe(auths, next, key, entry)
    {
        if (!key_matches(key, registry))
            continue;
        json_object_del(auths, key);
        dropped++;
    }
    return dropped;
}

int hx_credentials_save(const char *registry, const char *user,
                        const char *password, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    char *pair = NULL, *auth = NULL;
    _cleanup_close_ int lock = -1;
    _cleanup_json_ json_t *doc = NULL;
    json_t *auths;
    int rc = open_own(&path, &lock, &doc, err);

    if (rc < 0)
        return rc;
    if (!json_is_object(json_object_get(doc, "auths")))
        json_object_set_new(doc, "auths", json_object());
    auths = json_object_get(doc, "auths");
    drop_keys(auths, registry);
    if (asprintf(&pair, "%s:%s", user, password) < 0)
        pair = NULL;
    if (pair)
        auth = hx_base64_encode(pair, strlen(pair));
    if (!auth || json_object_set_new(auths, key_for(registry),
                                     json_pack("{s:s}", "auth", auth)) < 0)
        rc = no_memory(err);
    wipe(&pair);
    wipe(&auth);
    return rc < 0 ? rc : write_own(path, doc, err);
}

int hx_credentials_forget(const char *registry, struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int lock = -1;
    _cleanup_json_ json_t *doc = NULL;
    int rc = open_own(&path, &lock, &doc, err);

    if (rc < 0)
        return rc;
    if (drop_keys(json_object_get(doc, "auths"), registry) == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "logging out of %.128s: %s has no login for it",
                          registry, path);
    return write_own(path, doc, err);
}
